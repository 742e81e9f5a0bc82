package services

import (
	"context"
	"regexp"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/jisr-exchange/jisr/services/budget"
)

func TestACallEndsByTheServersTimeWhateverDeadlineItNames(t *testing.T) {
	s := &Server{
		opts:   Options{Budgets: budget.Limits{CallTime: time.Minute}},
		strays: &strays{methods: map[string]bool{"/unary": false, "/stream": true}},
	}
	left := func(ctx context.Context, method string) (left time.Duration, bounded bool) {
		at, bounded := s.bound(ctx, method).Deadline()
		return time.Until(at), bounded
	}
	if d, ok := left(t.Context(), "/unary"); !ok || d > time.Minute {
		t.Errorf("a call that names no deadline gets %v, %v", d, ok)
	}
	if _, ok := left(t.Context(), "/stream"); ok {
		t.Error("a stream is cut off by the clock")
	}
	long, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if d, _ := left(long, "/unary"); d > time.Minute {
		t.Errorf("a call that names an hour has %v", d)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if d, _ := left(short, "/unary"); d > time.Second {
		t.Errorf("the client's own deadline became %v", d)
	}
}

func TestEveryCallButThoseThatReadIsTakenForAChange(t *testing.T) {
	reads := regexp.MustCompile(`^(Get|List|Explain|WhoAmI)`)
	changing := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for n := range methods.Len() {
				m := methods.Get(n)
				kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
				if err != nil {
					t.Fatal(err)
				}
				if changes(kind.New().Interface()) == reads.MatchString(string(m.Name())) {
					t.Errorf("%s: its name says that it reads, or it is taken for a change, and not both", m.FullName())
				}
				if changes(kind.New().Interface()) {
					changing++
				}
			}
		}
		return true
	})
	if changing == 0 {
		t.Error("no rpc changes anything")
	}
	if changes(nil) {
		t.Error("a stream is taken for a change")
	}
}

package services

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
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

func TestAChangeBehindItsAgencysOwnThatDoNotEndIsRefusedAndReadsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, err := budget.NewBook(budget.Limits{CallsPerSecond: 1000, CallsInFlight: 32, Connections: 1, CallTime: time.Hour},
			func(string) bool { return true }, func(budget.Cut) {})
		if err != nil {
			t.Fatal(err)
		}
		s := &Server{budgets: book}
		call := func(agency string, request any, handler func(context.Context) error) error {
			return s.pace(identity.NewContext(t.Context(), &identity.Caller{Agency: agency, Law: &agreement.Law{}}), "", request, handler)
		}
		opens, at, end := &jisrv1.CreateCaseRequest{}, func(context.Context) error { return nil }, make(chan struct{})
		for range 4 { // an eighth
			go func() {
				if err := call("police", opens, func(context.Context) error { <-end; return nil }); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		began := time.Now()
		if err := call("police", opens, at); !errors.Is(err, fault.New(fault.StoreUnavailable)) || time.Since(began) > time.Minute {
			t.Errorf("a change behind those that hang is answered %v after %v", err, time.Since(began))
		}
		for agency, request := range map[string]any{"police": &jisrv1.GetCaseRequest{}, "court": opens} {
			if err := call(agency, request, at); err != nil {
				t.Errorf("a call of the %s beside those that hang: %v", agency, err)
			}
		}
		close(end)
		synctest.Wait()
		if err := call("police", opens, at); err != nil { // control
			t.Error(err)
		}
	})
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

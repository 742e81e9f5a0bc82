package services

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
)

// lineOf is the line that a call leaves whose client says this of itself.
func lineOf(t *testing.T, said ...string) (agent, line string) {
	t.Helper()
	var log bytes.Buffer
	s := &Server{opts: Options{Log: slog.New(slog.NewJSONHandler(&log, nil)), Clock: time.Now}}
	md := metadata.MD{"user-agent": said}
	err := s.logging(metadata.NewIncomingContext(t.Context(), md), "/jisr.v1.CaseService/GetCase", nil, func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var fields struct {
		Agent string `json:"user_agent"`
	}
	if err := json.Unmarshal(log.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	return fields.Agent, log.String()
}

func TestTheLineOfACallNamesTheClientsProgram(t *testing.T) {
	longest := strings.Repeat("a", 64-len("/1.0")) + "/1.0"
	for said, want := range map[string]string{
		"grpc-go/1.82.1":                                   "grpc-go/1.82.1",
		"grpcurl/v1.9.3 grpc-go/1.61.0":                    "grpcurl/v1.9.3",
		"grpc-python/1.60.0 grpc-c/37.0.0 (linux; chttp2)": "grpc-python/1.60.0",
		"grpc-java-netty/1.63.0-SNAPSHOT":                  "grpc-java-netty/1.63.0",
		longest:                                            longest,
	} {
		if got, _ := lineOf(t, said); got != want {
			t.Errorf("%q is logged as %q, not %q", said, got, want)
		}
	}
}

func TestWhatAPeerSaysFreelyOfItselfIsInNoLog(t *testing.T) {
	for _, said := range []string{
		"", "canary", "canary/", "/1.0", "canary canary/1.0", "canary/canary", "canary/1.canary", "canary/1.0\ncanary", "canary\tcanary/1.0",
		"canary/07700900123", "canary/1.2.3.4.5", "canary;/1.0", "\u0643\u0646\u0627\u0631/1.0", `canary"/1.0`,
		strings.Repeat("canary", 20) + "/1.0",
	} {
		if got, line := lineOf(t, said); got != "other" || strings.Contains(line, "canary") {
			t.Errorf("%q is logged as %q: %s", said, got, line)
		}
	}
	for _, several := range [][]string{nil, {"canary/1.0", "canary/1.0"}} {
		if got, line := lineOf(t, several...); got != "other" || strings.Contains(line, "canary") {
			t.Errorf("%q is logged as %q", several, got)
		}
	}
	if got, line := lineOf(t, "grpc-go/1.82.1 (canary)"); got != "grpc-go/1.82.1" || strings.Contains(line, "canary") {
		t.Errorf("a remark behind the program is logged: %s", line)
	}
}

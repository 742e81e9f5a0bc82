package services

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jisr-exchange/jisr/services/identity"
)

// shared is a log that is read while a timer writes it.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// toldOf reads a log: how many lines tell of one refusal each, by reason, and how many more are told by their count.
func toldOf(t *testing.T, log string) (one, more map[string]int) {
	t.Helper()
	one, more = make(map[string]int), make(map[string]int)
	for line := range strings.Lines(log) {
		var l struct {
			Msg, Reason string
			Count       int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg == "handshake refused" {
			one[l.Reason]++
		}
		more[l.Reason] += l.Count
	}
	return one, more
}

func TestAFloodOfBadHandshakesIsCountedAndNotWrittenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log shared
		h := newHandshakes(slog.New(slog.NewJSONHandler(&log, nil)))
		flood := func(n int) {
			for range n {
				h.refused(identity.Refused{Reason: identity.Disconnected})
			}
		}
		flood(1000)
		h.refused(identity.Refused{Reason: identity.CertificateForeign, Subject: "CN=somebody"})
		one, more := toldOf(t, log.String())
		if one["DISCONNECTED"] != handshakesTold || more["DISCONNECTED"] != 0 || one["CERTIFICATE_FOREIGN"] != 1 {
			t.Errorf("in the flood: %v, %v", one, more)
		}
		<-time.After(handshakeWindow + time.Second)
		synctest.Wait()
		if _, more = toldOf(t, log.String()); more["DISCONNECTED"] != 1000-handshakesTold || more["CERTIFICATE_FOREIGN"] != 0 {
			t.Errorf("after the window the count is %v", more)
		}
		// The next window tells one by one again, and what is untold at the end is told by the end.
		flood(handshakesTold + 5)
		h.close()
		one, more = toldOf(t, log.String())
		if one["DISCONNECTED"] != 2*handshakesTold || more["DISCONNECTED"] != 1000-handshakesTold+5 {
			t.Errorf("at the end: %v, %v", one, more)
		}
		flood(100)
		if after, _ := toldOf(t, log.String()); after["DISCONNECTED"] != one["DISCONNECTED"] {
			t.Error("something was logged after the end")
		}
	})
}

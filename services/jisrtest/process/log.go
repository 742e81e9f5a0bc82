package process

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Log is what a process logs, without the lines of single calls.
type Log struct {
	serving chan served
	without []string // messages that are not kept

	mu   sync.Mutex
	kept []string
}

// served are the addresses that a process tells when it serves.
type served struct{ Address, Operations string }

func newLog(without []string) *Log {
	return &Log{serving: make(chan served, 1), without: append([]string{"call"}, without...)}
}

func (l *Log) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		var line struct {
			Msg string
			served
		}
		_ = json.Unmarshal(scanner.Bytes(), &line) // what is no JSON is kept as it is
		if slices.Contains(l.without, line.Msg) {
			continue
		}
		if line.Msg == "serving" {
			l.serving <- line.served
		}
		l.mu.Lock()
		l.kept = append(l.kept, scanner.Text())
		l.mu.Unlock()
	}
}

// String returns all that was kept.
func (l *Log) String() string {
	if l == nil {
		return "" // of a process that never ran
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}

// Until returns when a line with a text was logged.
func (l *Log) Until(t testing.TB, text string) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := time.After(Limit); !strings.Contains(l.String(), text); {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("%q is not logged:\n%s", text, l)
		}
	}
}

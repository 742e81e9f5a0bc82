package logline

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// Call is what the line of a call says.
type Call struct {
	// Method is an rpc that the server has, such as CaseService/GetCase.
	Method string
	// Code is what the call was answered.
	Code codes.Code
	// Took is how long it took.
	Took time.Duration
	// Said is what the client's program says of itself.
	Said []string
	// Agency and System are whom the certificate names; empty where it names nobody.
	Agency, System string
}

// Called writes the line of a call. No other line is written so often, so of a log
// of New in JSON it is written here, as the library would write it: by the library
// it is five times as dear.
func Called(ctx context.Context, log *slog.Logger, c Call) {
	if !log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	attrs := [...]slog.Attr{Method(c.Method), Code(c.Code), Took(c.Took), Program(c.Said), Agency(c.Agency), System(c.System)}
	said := attrs[:]
	if c.Agency == "" {
		said = attrs[:4]
	}
	if h, ok := log.Handler().(closed); ok && h.lines != nil {
		h.lines.write("call", said)
		return
	}
	log.LogAttrs(ctx, slog.LevelInfo, "call", said...)
}

// lines is where all lines of a log go, one after another.
type lines struct {
	mu   sync.Mutex
	w    io.Writer
	line []byte
}

// Write writes a line of the library's.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// write writes a line of attributes that are texts and durations, of signs that
// JSON has as they are. Like the library it tells nobody of a line that the file does not take.
func (l *lines) write(message string, attrs []slog.Attr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = appendLine(l.line[:0], time.Now(), message, attrs)
	_, _ = l.w.Write(l.line)
}

func appendLine(b []byte, at time.Time, message string, attrs []slog.Attr) []byte {
	b = append(b, `{"time":"`...)
	b = at.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"INFO","msg":"`...)
	b = append(b, message...)
	b = append(b, '"')
	for i := range attrs {
		b = append(b, `,"`...)
		b = append(b, attrs[i].Key...)
		b = append(b, `":`...)
		if v := attrs[i].Value; v.Kind() == slog.KindDuration {
			b = strconv.AppendInt(b, int64(v.Duration()), 10)
		} else {
			b = append(b, '"')
			b = append(b, v.String()...)
			b = append(b, '"')
		}
	}
	return append(b, "}\n"...)
}

package daemon

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/jisr-exchange/jisr/services/metrics"
)

// Limits of the operators' port: who asks there asks little and often.
const (
	headTime   = 2 * time.Second
	answerTime = 15 * time.Second
	idleTime   = time.Minute
	headBytes  = 8 << 10
)

// operations is the port for operators: metrics and health in plain HTTP, on
// loopback unless the configuration says otherwise. It knows numbers and the
// names of parts; there is no profiler on it and nothing that changes anything.
type operations struct {
	listener net.Listener
	server   *http.Server
}

func newOperations(l net.Listener, scrape http.Handler, health func() map[string]bool) *operations {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		// That it answers is the answer: restarting a process does not free a disk.
		_, _ = io.WriteString(w, "alive\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		well := health()
		var b strings.Builder
		for _, part := range metrics.Parts {
			state := "SERVING"
			if !well[part] {
				state = "NOT_SERVING"
			}
			fmt.Fprintf(&b, "%s %s\n", part, state)
		}
		if !well["whole"] {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, b.String())
	})
	return &operations{listener: l, server: &http.Server{
		Handler: mux, ReadHeaderTimeout: headTime, ReadTimeout: headTime, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: headBytes,
		ErrorLog: log.New(io.Discard, "", 0), // it would write addresses and free text
	}}
}

// serve answers until close.
func (o *operations) serve() error {
	if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (o *operations) close() error {
	err := o.server.Close()
	// One that never served has not taken its listener over.
	if closing := o.listener.Close(); !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return err
}

package metrics

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// method holds what the calls of one method are counted in, bound when the first
// is made: finding a series by its labels costs more than counting in it.
type method struct {
	name string
	ok   func() prometheus.Counter
	took func() prometheus.Observer
}

func newMethod(calls *prometheus.CounterVec, took *prometheus.HistogramVec, name string) *method {
	return &method{
		name: name,
		ok:   sync.OnceValue(func() prometheus.Counter { return calls.WithLabelValues(name, codes.OK.String()) }),
		took: sync.OnceValue(func() prometheus.Observer { return took.WithLabelValues(name) }),
	}
}

// Called counts a call that ended. How long a stream took says how long somebody
// listened, so only unary calls are timed.
func (m *Set) Called(fullMethod string, code codes.Code, unary bool, took time.Duration) {
	if m == nil {
		return
	}
	at, known := m.methods[short(fullMethod)]
	if !known {
		at, unary = m.methods[Unknown], false
	}
	switch {
	case code == codes.OK:
		at.ok().Inc()
	case code > codes.Unauthenticated:
		m.calls.WithLabelValues(at.name, codes.Unknown.String()).Inc()
	default:
		m.calls.WithLabelValues(at.name, code.String()).Inc()
	}
	if unary {
		at.took().Observe(took.Seconds())
	}
}

// Refused counts a refusal of the catalogue.
func (m *Set) Refused(r fault.Reason) {
	if m != nil {
		m.refusals.WithLabelValues(string(fault.New(r).Reason())).Inc()
	}
}

// HandshakeRefused counts a connection that was refused.
func (m *Set) HandshakeRefused(r identity.RefusalReason) {
	if m == nil {
		return
	}
	if !r.Known() {
		r = identity.BadHandshake
	}
	m.handshakes.WithLabelValues(string(r)).Inc()
}

// ConnectionCut counts a connection that was cut.
func (m *Set) ConnectionCut(r budget.Reason) {
	if m != nil && slices.Contains(budget.Reasons(), r) {
		m.cuts.WithLabelValues(string(r)).Inc()
	}
}

// Incident counts an internal error.
func (m *Set) Incident() {
	if m != nil {
		m.incidents.Inc()
	}
}

// Reread counts a read that is done again.
func (m *Set) Reread() {
	if m != nil {
		m.rereads.Inc()
	}
}

// Appended times how long a reply waited for its entry.
func (m *Set) Appended(took time.Duration) {
	if m != nil {
		m.entryTime.Observe(took.Seconds())
	}
}

// Queued times how long a call waited until the store's writer took it.
func (m *Set) Queued(took time.Duration) {
	if m != nil {
		m.queueTime.Observe(took.Seconds())
	}
}

// Committed tells of one commit of the store.
func (m *Set) Committed(calls int, kinds []jisrv1.LogEntry_Kind, took time.Duration) {
	if m == nil {
		return
	}
	m.commitTime.Observe(took.Seconds())
	m.commitCalls.Observe(float64(calls))
	if len(kinds) > 0 {
		m.entryBatch.Observe(float64(len(kinds)))
	}
	for _, k := range kinds {
		if c := m.entries[k]; c != nil {
			c.Inc()
		}
	}
}

// Moved counts a record of a kind of Terms that was, or with an error could not
// be, brought up to its term.
func (m *Set) Moved(kind string, err error) {
	switch {
	case m == nil:
	case err != nil && !errors.Is(err, fault.New(fault.Cancelled)):
		m.termsFailed.WithLabelValues(kind).Inc()
	case err == nil:
		m.termsMoved.WithLabelValues(kind).Inc()
	}
}

// TermsRun notes when states were brought up to their terms.
func (m *Set) TermsRun(at time.Time) {
	if m != nil {
		m.termsTime.Set(seconds(at))
	}
}

// RefreshFailed counts a failed attempt to read one of Materials again.
func (m *Set) RefreshFailed(kind string) {
	if m != nil {
		m.refreshes.WithLabelValues(kind).Inc()
	}
}

// ExportFailed counts a batch of traces that was lost.
func (m *Set) ExportFailed() {
	if m != nil {
		m.exportFailed.Inc()
	}
}

// seconds is a time as Prometheus takes it; 0 is never.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

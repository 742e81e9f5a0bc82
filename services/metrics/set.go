// Package metrics is what the exchange tells a monitoring system about itself:
// numbers under labels from closed sets, and nothing of any case or person. No
// label takes a caller's text, so the number of series is bounded by the
// contract and the agreement, whatever anybody sends.
package metrics

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// scrapes bounds how many scrapes run at once: each asks the database.
const scrapes = 2

// scrapeTime bounds how long one may take.
const scrapeTime = 10 * time.Second

// callBuckets reach from a call that touches no disk to the deadline that the
// server gives; diskBuckets from a fast fsync to a disk that hangs.
var (
	callBuckets  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
	diskBuckets  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 10}
	groupBuckets = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}
)

// Set is all metrics of one exchange. The nil Set measures nothing.
type Set struct {
	registry *prometheus.Registry
	methods  map[string]*method

	calls      *prometheus.CounterVec
	refusals   *prometheus.CounterVec
	handshakes *prometheus.CounterVec
	cuts       *prometheus.CounterVec
	incidents  prometheus.Counter
	rereads    prometheus.Counter

	entries     map[jisrv1.LogEntry_Kind]prometheus.Counter
	entryBatch  prometheus.Histogram
	entryTime   prometheus.Histogram
	commitTime  prometheus.Histogram
	commitCalls prometheus.Histogram
	queueTime   prometheus.Histogram

	termsMoved   *prometheus.CounterVec
	termsFailed  *prometheus.CounterVec
	termsTime    prometheus.Gauge
	refreshes    *prometheus.CounterVec
	exportFailed prometheus.Counter
}

// New returns a set in which nothing was measured yet.
func New(version string) *Set {
	m := &Set{registry: prometheus.NewRegistry(), methods: make(map[string]*method)}
	m.calls = m.counters(calls)
	m.refusals = m.counters(refusals, Reasons()...)
	m.handshakes = m.counters(handshakes, Handshakes()...)
	m.cuts = m.counters(cuts, Cuts()...)
	m.incidents, m.rereads = m.counter(incidents), m.counter(rereads)
	kinds := m.counters(entries, Kinds()...)
	m.entries = make(map[jisrv1.LogEntry_Kind]prometheus.Counter)
	for k := jisrv1.LogEntry_KIND_DISCLOSED; k <= jisrv1.LogEntry_KIND_AGREEMENT; k++ {
		m.entries[k] = kinds.WithLabelValues(kindName(k))
	}
	m.entryBatch = m.histogram(entryBatch, groupBuckets)
	m.entryTime = m.histogram(entryTime, diskBuckets)
	m.commitTime = m.histogram(commitTime, diskBuckets)
	m.commitCalls = m.histogram(commitCalls, groupBuckets)
	m.queueTime = m.histogram(queueTime, diskBuckets)
	m.termsMoved, m.termsFailed = m.counters(termsMoved, Terms...), m.counters(termsFailed, Terms...)
	m.termsTime = prometheus.NewGauge(prometheus.GaugeOpts{Name: termsTime.name, Help: termsTime.help})
	m.refreshes = m.counters(refreshFailed, Materials...)
	m.exportFailed = m.counter(exportFailed)
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: callTime.name, Help: callTime.help, Buckets: callBuckets}, callTime.labels)
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: buildInfo.name, Help: buildInfo.help}, buildInfo.labels)
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(took, build, m.termsTime, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, name := range Methods() {
		m.methods[name] = newMethod(m.calls, took, name)
	}
	return m
}

// counters registers a family of counters. Those under the values given are
// there from the start: the rate of what is not there yet is no zero.
func (m *Set) counters(f family, values ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.name, Help: f.help}, f.labels)
	m.registry.MustRegister(v)
	for _, value := range values {
		v.WithLabelValues(value)
	}
	return v
}

func (m *Set) counter(f family) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: f.name, Help: f.help})
	m.registry.MustRegister(c)
	return c
}

func (m *Set) histogram(f family, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: f.name, Help: f.help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// Handler answers scrapes.
func (m *Set) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes, Timeout: scrapeTime,
	})
}

// Gatherer is the set for who reads it without HTTP.
func (m *Set) Gatherer() prometheus.Gatherer { return m.registry }

// short is a method as the log writes it: without a slash before it and without
// the contract's package.
func short(fullMethod string) string {
	return strings.TrimPrefix(strings.TrimPrefix(fullMethod, "/"), "jisr.v1.")
}

func kindName(k jisrv1.LogEntry_Kind) string {
	return strings.TrimPrefix(k.String(), "KIND_")
}

func stateName(s jisrv1.Delivery_State) string {
	return strings.TrimPrefix(s.String(), "STATE_")
}

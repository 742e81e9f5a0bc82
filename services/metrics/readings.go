package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// readTime bounds how long the database may take to be counted.
const readTime = 5 * time.Second

// Readings are what is read when somebody scrapes. All are required.
type Readings struct {
	// Agreement is the hash of the agreement in force, and Agencies are its agencies.
	Agreement func() (hash string, agencies []string)
	// InFlight counts the calls in flight by agency.
	InFlight func() map[string]int
	// Deliveries counts an agency's deliveries in a state of Waiting.
	Deliveries func(ctx context.Context, agency string, state jisrv1.Delivery_State) (int64, error)
	// Keyring counts its keys ready and cached.
	Keyring func() (ready, cached int)
	// Lists tells when the oldest revocation list was issued and the first ends.
	Lists func() (issued, ends time.Time)
	// Certificate tells when the server's own ends.
	Certificate func() time.Time
	// Files gives the sizes of what Files names, as far as they are known.
	Files func() map[string]int64
	// Health tells of each of Parts whether it is well.
	Health func() map[string]bool
}

// Watch registers the readings. It panics if called twice, as a server that is built twice would.
func (m *Set) Watch(r Readings) {
	if m != nil {
		m.registry.MustRegister(&collector{r, make(chan struct{}, 1)})
	}
}

type collector struct {
	Readings
	turn chan struct{} // the database is asked by one scrape at a time
}

func desc(f family) *prometheus.Desc { return prometheus.NewDesc(f.name, f.help, f.labels, nil) }

var (
	inFlightDesc   = desc(inFlight)
	deliveriesDesc = desc(deliveries)
	keysReadyDesc  = desc(keysReady)
	keysCachedDesc = desc(keysCached)
	listIssuedDesc = desc(listIssued)
	listEndsDesc   = desc(listEnds)
	certEndsDesc   = desc(certEnds)
	agreementDesc  = desc(agreementInfo)
	bytesDesc      = desc(storeBytes)
	healthDesc     = desc(healthState)
	unreadDesc     = desc(unread)
)

// Describe names the families.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		inFlightDesc, deliveriesDesc, keysReadyDesc, keysCachedDesc, listIssuedDesc, listEndsDesc,
		certEndsDesc, agreementDesc, bytesDesc, healthDesc, unreadDesc,
	} {
		out <- d
	}
}

// Collect takes the readings.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	hash, agencies := c.Agreement()
	gauge(agreementDesc, 1, hash)
	calls := c.InFlight()
	for _, a := range agencies { // the agreement's, whoever else may be counted
		gauge(inFlightDesc, float64(calls[a]), a)
	}
	kept := c.ask(agencies)
	gauge(unreadDesc, truth(!kept.all))
	for _, d := range kept.deliveries {
		gauge(deliveriesDesc, float64(d.count), d.agency, stateName(d.state))
	}
	ready, cached := c.Keyring()
	gauge(keysReadyDesc, float64(ready))
	gauge(keysCachedDesc, float64(cached))
	issued, ends := c.Lists()
	gauge(listIssuedDesc, seconds(issued))
	gauge(listEndsDesc, seconds(ends))
	gauge(certEndsDesc, seconds(c.Certificate()))
	for _, f := range Files {
		if size, known := kept.sizes[f]; known {
			gauge(bytesDesc, float64(size), f)
		}
	}
	health := c.Health()
	for _, p := range Parts {
		gauge(healthDesc, truth(health[p]), p)
	}
}

// kept is what the database was asked for, as far as it has answered.
type kept struct {
	deliveries []waiting
	sizes      map[string]int64
	all        bool
}

type waiting struct {
	agency string
	state  jisrv1.Delivery_State
	count  int64
}

// ask asks the database and does not wait longer than readTime: one that hangs
// must not keep from operators what they look for just then.
func (c *collector) ask(agencies []string) kept {
	wait := time.NewTimer(readTime)
	defer wait.Stop()
	select {
	case c.turn <- struct{}{}:
	case <-wait.C:
		return kept{} // it has not answered the scrape before
	}
	answer := make(chan kept, 1)
	go func() {
		defer func() { <-c.turn }()
		answer <- c.read(agencies)
	}()
	select {
	case k := <-answer:
		return k
	case <-wait.C:
		return kept{}
	}
}

func (c *collector) read(agencies []string) (k kept) {
	k.deliveries, k.all = c.waiting(agencies)
	k.sizes = c.Files()
	return k
}

// waiting counts deliveries, and reports whether all could be counted.
func (c *collector) waiting(agencies []string) (counted []waiting, all bool) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	for _, a := range agencies {
		for _, s := range Waiting {
			n, err := c.Deliveries(ctx, a, s)
			if err != nil {
				return counted, false
			}
			counted = append(counted, waiting{a, s, n})
		}
	}
	return counted, true
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

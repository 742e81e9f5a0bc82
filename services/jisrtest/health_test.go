package jisrtest_test

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
)

// beat is how often an exchange of these tests is asked how its parts are.
const beat = 20 * time.Millisecond

// ward watches every part of an exchange, as a monitoring system does.
type ward struct {
	t       *testing.T
	x       *jisrtest.Exchange
	watches map[string]grpc.ServerStreamingClient[grpc_health_v1.HealthCheckResponse]
	client  *jisrtest.Client
}

func watched(t *testing.T, x *jisrtest.Exchange) *ward {
	t.Helper()
	w := &ward{t: t, x: x, watches: make(map[string]grpc.ServerStreamingClient[grpc_health_v1.HealthCheckResponse]), client: x.As(jisrtest.Police)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	for _, service := range []string{"", "jisr.store", "jisr.log", "jisr.keyring", "jisr.revocation"} {
		watch, err := w.client.Health.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		w.watches[service] = watch
		w.hears(service, serving)
	}
	return w
}

func (w *ward) hears(service string, want grpc_health_v1.HealthCheckResponse_ServingStatus) {
	w.t.Helper()
	got, err := w.watches[service].Recv()
	if err != nil || got.GetStatus() != want {
		w.t.Fatalf("of %q is heard %v (%v), not %v", service, got.GetStatus(), err, want)
	}
}

// falls waits until the parts are told to be down, and holds that no other is.
func (w *ward) falls(parts ...string) {
	w.t.Helper()
	w.change(notServing, parts)
	down := make(map[string]bool)
	for part, well := range w.x.Health() {
		if !well {
			down[part] = true
		}
	}
	want := map[string]bool{"whole": true}
	for _, p := range parts {
		want[p] = true
	}
	if !maps.Equal(down, want) {
		w.t.Errorf("down are %v, not %v", slices.Sorted(maps.Keys(down)), slices.Sorted(maps.Keys(want)))
	}
	for _, p := range parts {
		if text := scraped(w.t, w.x); !strings.Contains(text, `jisr_health{part="`+p+`"} 0`) || !strings.Contains(text, `jisr_health{part="whole"} 0`) {
			w.t.Errorf("metrics do not tell that %s is down", p)
		}
	}
}

// rises waits until the parts are told to be well again, and so the whole.
func (w *ward) rises(parts ...string) {
	w.t.Helper()
	w.change(serving, parts)
	for part, well := range w.x.Health() {
		if !well {
			w.t.Errorf("%s is still down", part)
		}
	}
}

func (w *ward) change(to grpc_health_v1.HealthCheckResponse_ServingStatus, parts []string) {
	w.t.Helper()
	for _, p := range parts {
		w.hears("jisr."+p, to)
	}
	w.hears("", to)
}

// asked is what Check says of a part.
func (w *ward) asked(part string, want grpc_health_v1.HealthCheckResponse_ServingStatus) {
	w.t.Helper()
	got, err := w.client.Health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{Service: part})
	if err != nil || got.GetStatus() != want {
		w.t.Errorf("asked of %q, health says %v (%v), not %v", part, got.GetStatus(), err, want)
	}
}

// database is a connection of somebody else to an exchange's database.
func database(t *testing.T, x *jisrtest.Exchange) func(file, server string) {
	t.Helper()
	run := x.Inside()
	return func(file, server string) {
		t.Helper()
		if jisrtest.Served() {
			must(t, run(server))
			return
		}
		must(t, run(file))
	}
}

func TestALockedDatabaseTakesDownStoreAndLogAndNothingElse(t *testing.T) {
	x := jisrtest.Start(t, jisrtest.WithTick(beat))
	w := watched(t, x)
	other := database(t, x)
	other("BEGIN IMMEDIATE", "BEGIN; LOCK TABLE probes, log_entries IN SHARE MODE")
	w.falls("store", "log")
	w.asked("jisr.store", notServing)
	w.asked("jisr.keyring", serving)
	other("ROLLBACK", "ROLLBACK")
	w.rises("store", "log")
	jisrtest.Opened(t, x)
}

func TestALogThatTakesNoEntryIsToldApartFromItsStore(t *testing.T) {
	x := jisrtest.Start(t, jisrtest.WithTick(beat))
	p := jisrtest.Opened(t, x)
	w := watched(t, x)
	other := database(t, x)
	other("CREATE TRIGGER closed BEFORE INSERT ON log_entries BEGIN SELECT RAISE(ABORT, 'closed'); END",
		`CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed'; END $$;
		CREATE TRIGGER closed BEFORE INSERT ON log_entries EXECUTE FUNCTION closed()`)
	w.falls("log")
	_, err := x.As(jisrtest.Police).GetVictim(context.Background(), jisrv1.GetVictimRequest_builder{Name: p.First}.Build())
	jisrtest.Refused(t, err, fault.LogUnavailable)
	_, err = x.As(jisrtest.Police).CreateVictim(context.Background(), jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrtest.Person(7)}.Build())
	if err == nil {
		t.Error("a change was made without its entry")
	}
	other("DROP TRIGGER closed", "DROP FUNCTION closed CASCADE")
	w.rises("log")
	if _, err := x.As(jisrtest.Police).GetVictim(context.Background(), jisrv1.GetVictimRequest_builder{Name: p.First}.Build()); err != nil {
		t.Error(err)
	}
}

// A keyring in PostgreSQL is gone otherwise, which the keyring's own tests try.
func TestAKeyringThatIsGoneTakesDownTheKeyringAlone(t *testing.T) {
	x := jisrtest.Start(t, jisrtest.WithTick(beat), jisrtest.InFiles())
	w := watched(t, x)
	ring := filepath.Join(x.Dir, "keyring.db")
	for _, gone := range []func(){
		func() { must(t, os.Rename(ring, ring+".away")) },
		func() { // another file in its place is not the keyring
			must(t, os.Rename(ring, ring+".away"))
			must(t, os.WriteFile(ring, nil, 0o600))
		},
	} {
		gone()
		w.falls("keyring")
		must(t, os.Rename(ring+".away", ring))
		w.rises("keyring")
	}
	jisrtest.Opened(t, x)
}

func TestAKeyringWhoseDatabaseIsGoneOpensNothingAndTakesDownTheKeyringAlone(t *testing.T) {
	cluster := throwaway.Durable(t)
	x := jisrtest.Start(t, jisrtest.WithTick(beat), jisrtest.WithKeyring(jisrtest.At(cluster.Database(t))))
	p := jisrtest.Opened(t, x)
	got(getVictim(policeOf(p), p.First))(t)
	w := watched(t, x)
	must(t, cluster.Stop())
	w.falls("keyring")
	refused(getVictim(policeOf(p), p.First))(t, fault.StoreUnavailable)
	must(t, cluster.Start())
	w.rises("keyring")
	if !got(getVictim(policeOf(p), p.First))(t).HasIdentity() {
		t.Error("it is back, and opens nothing")
	}
}

// Each is a right that no call of a quiet day has use for.
func TestARightThatIsTakenTakesDownThePartThatNeedsIt(t *testing.T) {
	cases, keys := jisrtest.CaseDatabase(t), jisrtest.KeyDatabase(t)
	if cases.Owner == cases.Serving {
		t.Log("the server is somebody's, and its roles too: whose owner serves has every right")
		return
	}
	x := jisrtest.Start(t, jisrtest.WithTick(beat), jisrtest.WithDatabase(cases), jisrtest.WithKeyring(keys))
	w := watched(t, x)
	for _, c := range []struct {
		at, right, role string
		parts           []string
	}{
		{cases.Owner, "INSERT ON seals", "jisr_serving", []string{"store", "log"}}, // the log lies in the store
		{cases.Owner, "INSERT ON log_subjects", "jisr_serving", []string{"log"}},
		{keys.Owner, "DELETE ON keys", "jisr_keys_serving", []string{"keyring"}},
	} {
		must(t, jisrtest.Run(c.at, "REVOKE "+c.right+" FROM "+c.role))
		w.falls(c.parts...)
		must(t, jisrtest.Run(c.at, "GRANT "+c.right+" TO "+c.role))
		w.rises(c.parts...)
	}
	jisrtest.Opened(t, x)
}

func TestAStaleListTakesDownRevocationAndAFreshOneBringsItBack(t *testing.T) {
	m := &moment{}
	x := jisrtest.Start(t, jisrtest.WithTick(beat), jisrtest.WithClock(m.now))
	w := watched(t, x)
	x.Publish(time.Hour)
	m.passed.Store(int64(2 * time.Hour))
	w.falls("revocation")
	// Nobody is let in, so of this only who watched before and the operators' port can tell.
	_, err := w.client.Health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	jisrtest.Refused(t, err, fault.CertificateUnchecked)
	x.Publish(24 * time.Hour)
	w.rises("revocation")
	w.asked("jisr.revocation", serving)
}

func TestHealthKnowsItsPartsAndNoOthers(t *testing.T) {
	x := jisrtest.Start(t)
	_, err := x.As(jisrtest.Police).Health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{Service: "jisr.shelter"})
	jisrtest.Refused(t, err, fault.NotFound)
	if text := scraped(t, x); !strings.Contains(text, "jisr_incidents_total 0") {
		t.Error("a question about a part that is not there is an incident")
	}
}

func TestConnectionsThatAreRefusedAndCallsInFlightAreCounted(t *testing.T) {
	x := jisrtest.Start(t)
	w := watched(t, x)
	if text := scraped(t, x); !strings.Contains(text, `jisr_calls_in_flight{agency="`+strings.Split(jisrtest.Police, "/")[0]+`"} `+"5") {
		t.Error("five watches of the police are not in flight")
	}
	w.asked("", serving)
	conn, err := tls.Dial("tcp", x.Addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err == nil {
		_, err = conn.Read(make([]byte, 1)) // TLS 1.3 tells of a refusal at the first read
		conn.Close()
	}
	if err == nil {
		t.Fatal("who shows no certificate was let in")
	}
	plain, err := net.Dial("tcp", x.Addr())
	must(t, err)
	_, err = plain.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	must(t, err)
	_, _ = plain.Read(make([]byte, 1024))
	plain.Close()
	// The client may hear of a refusal before the server has counted it.
	for _, reason := range []string{"NO_CERTIFICATE", "NOT_TLS"} {
		eventually(t, func() bool {
			return strings.Contains(scraped(t, x), `jisr_handshakes_refused_total{reason="`+reason+`"} 1`)
		})
	}
}

// eventually waits until something that nobody tells has happened.
func eventually(t *testing.T, happened func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := time.After(time.Minute); !happened(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it does not happen")
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

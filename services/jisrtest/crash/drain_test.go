package crash_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestSigtermUnderLoadLosesNothingAndTheNextStartIsClean(t *testing.T) {
	x := install(t)
	x.start()
	w := x.settle(rand.Uint64())
	for range 5 {
		from := w.book.len()
		health, err := x.as(jisrtest.Police).Health.Watch(bounded(t), &grpc_health_v1.HealthCheckRequest{})
		x.must(err)
		first, err := health.Recv()
		x.must(err)
		if first.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Fatalf("health says %v under load", first.GetStatus())
		}
		loaded := make(chan struct{})
		go func() {
			defer close(loaded)
			x.load(w, nil)
		}()
		w.book.until(t, from+200)
		x.signal(syscall.SIGTERM)
		last, err := health.Recv()
		if err != nil || last.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
			t.Errorf("a watcher of health heard %v (%v) and not that the server is going", last.GetStatus(), err)
		}
		<-loaded
		if code := x.wait(); code != 0 {
			t.Fatalf("jisrd ended with %d:\n%s", code, x.log)
		}
		if _, err := os.Stat(x.database() + "-wal"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a write-ahead log was left behind (%v)", err)
		}
		x.start()
		x.repeat(w.book)
		x.report(x.readBack(w.book, toldIn(w.book, from)))
		if log := x.log.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, `"level":"WARN"`) {
			t.Errorf("the next start was not clean:\n%s", log)
		}
	}
	x.stop()
	x.audited(w.book)
}

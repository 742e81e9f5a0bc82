package budget

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// flooded is a listener at which there is always somebody.
type flooded struct{ net.Listener }

func (flooded) Accept() (net.Conn, error) { return nil, nil }
func (flooded) Close() error              { return nil }

func TestConnectionsAreTakenUpAtTheirPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := book(t, Default())
		l := b.Listener(flooded{})
		taken, ended := 0, make(chan error)
		go func() {
			for {
				if _, err := l.Accept(); err != nil {
					ended <- err
					return
				}
				taken++
			}
		}()
		<-time.After(10*time.Second + time.Microsecond)
		synctest.Wait()
		if want := 10*accepts + accepts/10; taken < want-1 || taken > want+1 {
			t.Errorf("%d were taken up in ten seconds, want %d", taken, want)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed listener says %v", err)
		}
	})
}

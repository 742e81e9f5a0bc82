package budget

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoMoreHandshakesAreComputedAtOnceThanThereAreTurns(t *testing.T) {
	for _, turns := range []int{1, 3, 100} { // the last is the control: whoever comes is computed
		synctest.Test(t, func(t *testing.T) {
			b, c := porchOf(t, turns)
			const callers = 20
			for n := range callers {
				defer knock(b, c, fmt.Sprintf("192.0.2.%d", n), 1, 1).Close()
			}
			for served := range callers {
				if want := min(turns, callers-served); len(c.has()) != want {
					t.Fatalf("after %d were served %d are computed, want %d", served, len(c.has()), want)
				}
				c.next <- struct{}{}
				synctest.Wait()
			}
			if len(c.had()) != callers {
				t.Errorf("%d of %d had their turn", len(c.had()), callers)
			}
		})
	}
}

func TestWhoWaitsForItsPeerHoldsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		for n := range 50 { // each says hello and no more
			defer knock(b, c, "192.0.2.1", n, 1).Close()
			c.next <- struct{}{}
		}
		defer knock(b, c, "192.0.2.1", 50, 1).Close()
		if !slices.Equal(c.has(), []string{"192.0.2.1:50"}) {
			t.Errorf("behind fifty that say nothing more, computed are %v", c.has())
		}
		c.next <- struct{}{}
	})
}

func TestAddressesHaveTheirTurnsOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		for n := range 5 {
			defer knock(b, c, "192.0.2.1", n, 2).Close()
		}
		defer knock(b, c, "198.51.100.7", 1, 2).Close()
		defer knock(b, c, "2001:db8:1:2::1", 1, 1).Close()
		defer knock(b, c, "2001:db8:1:2:ffff::1", 1, 1).Close() // of the same network
		for range 5*2 + 2 + 2 {
			c.next <- struct{}{}
			synctest.Wait()
		}
		want := []string{
			"192.0.2.1:0",
			"192.0.2.1:1", "198.51.100.7:1", "[2001:db8:1:2::1]:1",
			"192.0.2.1:2", "[2001:db8:1:2:ffff::1]:1", "198.51.100.7:1",
		}
		if len(c.had()) != 14 || !slices.Equal(c.had()[:len(want)], want) {
			t.Errorf("the turns were %v, want first %v", c.had(), want)
		}
	})
}

func TestAHandshakeThatHasNoTurnInItsTimeEndsAndTakesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		defer knock(b, c, "192.0.2.1", 1, 1).Close() // computes and computes
		late := knock(b, c, "192.0.2.2", 1, 1)
		defer late.Close()
		<-time.After(HandshakeTime)
		synctest.Wait()
		if !errors.Is(late.end(), ErrCrowded) {
			t.Fatalf("a handshake without a turn ended by %v", late.end())
		}
		next := knock(b, c, "192.0.2.3", 1, 1)
		defer next.Close()
		c.next <- struct{}{}
		synctest.Wait()
		if !slices.Equal(c.has(), []string{next.name}) {
			t.Errorf("the turn went to %v", c.has())
		}
		c.next <- struct{}{}
	})
}

func TestAFloodFromOneAddressHasThePaceOfOneAndNoLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		close(c.next)
		flood := func(seconds int) (served int) {
			before := len(c.had())
			for range seconds * 1000 {
				defer knock(b, c, "192.0.2.1", 1, 1).Close()
				<-time.After(time.Millisecond)
			}
			return len(c.had()) - before
		}
		flood(2) // what an address may have at once, and then the porch is full
		if served := flood(3); served < 3*paceOfAddress-1 || served > 3*paceOfAddress+1 {
			t.Errorf("%d are served in three seconds, want %d", served, 3*paceOfAddress)
		}
		knock(b, c, "192.0.2.2", 1, 1).Close()
		if had := c.had(); had[len(had)-1] != "192.0.2.2:1" {
			t.Error("the flood of one address holds another up")
		}
		<-time.After(HandshakeTime) // none is on its way any more
	})
}

func TestAnAddressHasItsPaceAndTheLastThatFindsRoomIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := porchOf(t, 1)
		close(c.next) // computing takes no time
		crowd := func(n int) {
			for i := range n {
				knock(b, c, "192.0.2.1", i, 1).Close()
			}
		}
		crowd(handshakes)
		if len(c.had()) != handshakes {
			t.Fatalf("after a pause %d are served at once", len(c.had()))
		}
		var waiting []*caller
		for i := range handshakes - 1 {
			waiting = append(waiting, knock(b, c, "192.0.2.1", i, 1))
			defer waiting[i].Close()
		}
		if len(c.had()) != handshakes {
			t.Errorf("%d more are served at once", len(c.had())-handshakes)
		}
		knock(b, c, "192.0.2.2", 1, 1).Close()
		if last := c.had()[len(c.had())-1]; last != "192.0.2.2:1" {
			t.Error("the pace of one address holds another up")
		}
		<-time.After(time.Second + time.Millisecond)
		synctest.Wait()
		if n := len(c.had()) - handshakes - 1; n != paceOfAddress {
			t.Errorf("%d are served in a second", n)
		}
		<-time.After(HandshakeTime - 2*time.Second)
		synctest.Wait()
		for i, who := range waiting {
			if who.end() != nil {
				t.Fatalf("number %d of those that found room ended by %v", i, who.end())
			}
		}
		if n := len(c.had()) - handshakes - 1; n != len(waiting) {
			t.Errorf("%d of %d were served", n, len(waiting))
		}
	})
}

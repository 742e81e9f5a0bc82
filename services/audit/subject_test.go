package audit

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

func TestWhatAnEntrySaysOfARecordTakesNoMemoryOfItsOwn(t *testing.T) {
	by := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_TERRITORY}, {Link: jisrv1.Link_LINK_RECEIVER, Via: "referrals/x"}}}
	var b []byte
	if n := testing.AllocsPerRun(100, func() { b = AppendSubject(b[:0], "cases/x/victims/y", record.EveryClass, by) }); n > 0 {
		t.Errorf("it allocates %.1f times", n)
	}
}

package jisrtest_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestEachReplyNamesTheAgreementAndWhereItShowsARecordTheEntry(t *testing.T) {
	p := baghdad(t)
	police := p.As(jisrtest.Police)
	for what, call := range map[string]struct {
		make    func(grpc.CallOption) error
		refused fault.Reason
		entry   bool
	}{
		"a record": {make: func(o grpc.CallOption) error {
			_, err := police.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build(), o)
			return err
		}, entry: true},
		"a list": {make: func(o grpc.CallOption) error {
			_, err := police.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: p.Case}.Build(), o)
			return err
		}, entry: true},
		"a change": {make: func(o grpc.CallOption) error {
			_, err := police.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrtest.Person(0)}.Build(), o)
			return err
		}, entry: true},
		"no record": {make: func(o grpc.CallOption) error {
			_, err := police.WhoAmI(ctx, &jisrv1.WhoAmIRequest{}, o)
			return err
		}},
		"what is not there": {make: func(o grpc.CallOption) error {
			_, err := police.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.Case + "/victims/" + strings.Repeat("a", 26)}.Build(), o)
			return err
		}, refused: fault.NotFound},
	} {
		var header metadata.MD
		err := call.make(grpc.Header(&header))
		if call.refused != "" {
			jisrtest.Refused(t, err, call.refused)
		} else if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if told := header.Get(disclosure.AgreementHeader); !slices.Equal(told, []string{p.Law().Hash()}) {
			t.Errorf("%s: the agreement is %q", what, told)
		}
		if told := header.Get(disclosure.ReceiptHeader); call.entry != (len(told) == 1 && strings.HasPrefix(told[0], "logEntries/")) || len(told) > 1 {
			t.Errorf("%s: the entry is %q", what, told)
		}
	}
}

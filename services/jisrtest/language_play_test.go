package jisrtest_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// asking is a call's context with a wish for a language.
func asking(wish string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, fault.LanguageHeader, wish)
}

// inLanguage returns the text that an error has in its caller's language, with its tag.
func inLanguage(err error) (locale, text string) {
	for _, d := range status.Convert(err).Details() {
		if l, ok := d.(*errdetails.LocalizedMessage); ok {
			return l.GetLocale(), l.GetMessage()
		}
	}
	return "", ""
}

func TestHiddenAndAbsentAreAnsweredAlikeInEveryLanguage(t *testing.T) {
	p := baghdad(t)
	shelter := p.As(jisrtest.Shelter)
	hidden, absent := p.First, strings.TrimSuffix(p.First, p.First[len(p.First)-26:])+strings.Repeat("a", 26)
	told := make(map[string]string)
	for _, wish := range []string{"ar", "ckb-IQ", "kmr-Arab", "en", "!!"} {
		var answers [2][]byte
		for i, name := range []string{hidden, absent} {
			_, err := shelter.GetVictim(asking(wish), jisrv1.GetVictimRequest_builder{Name: name}.Build())
			jisrtest.Refused(t, err, fault.NotFound)
			answers[i], _ = proto.Marshal(status.Convert(err).Proto())
			_, told[wish] = inLanguage(err)
		}
		if !bytes.Equal(answers[0], answers[1]) {
			t.Errorf("in %q what is hidden is answered as %q and what is not there as %q", wish, answers[0], answers[1])
		}
	}
	// The control: the languages differ, and a wish that cannot be met or read brings no text and no error of its own.
	if told["ar"] == "" || told["ar"] == told["ckb-IQ"] || told["ckb-IQ"] == told["kmr-Arab"] || told["en"] != "" || told["!!"] != "" {
		t.Errorf("told %q", told)
	}
}

func TestEveryGateAnswersInTheLanguageOfItsCaller(t *testing.T) {
	p := baghdad(t)
	police, nameless := p.As(jisrtest.Police), p.Dial("moi-ct", "cases", nil)
	answered := func(what string, err error, want fault.Reason) {
		t.Helper()
		jisrtest.Refused(t, err, want)
		message, action := fault.DescribeIn(want, fault.Sorani)
		if locale, text := inLanguage(err); locale != "ckb" || text != message+"\n"+action {
			t.Errorf("%s: %q in %q", what, text, locale)
		}
	}
	_, err := nameless.GetCase(asking("ckb"), jisrv1.GetCaseRequest_builder{Name: p.Case}.Build())
	answered("the door", err, fault.HeaderInvalid)
	_, err = police.GetCase(asking("ckb"), jisrv1.GetCaseRequest_builder{Name: "cases/1"}.Build())
	answered("validation", err, fault.InvalidRequest)
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok && bad.GetFieldViolations()[0].GetLocalizedMessage().GetLocale() != "ckb" {
			t.Errorf("the rule is told as %v", bad)
		}
	}
	_, err = police.GetVictim(asking("ckb"), jisrv1.GetVictimRequest_builder{Name: p.Case + "/victims/" + strings.Repeat("a", 26)}.Build())
	answered("the shelf", err, fault.NotFound)
	_, err = police.UpdateVictim(asking("ckb"), jisrv1.UpdateVictimRequest_builder{
		Victim: jisrv1.Victim_builder{Name: p.First, Health: jisrv1.VictimHealth_builder{}.Build()}.Build(), UpdateMask: mask("health"),
	}.Build())
	answered("the page", err, fault.ClassNotWritable)
	for _, path := range []string{"/jisr.v1.CaseService/Steal", "/nowhere.Service/Get", "/x"} {
		answered("the tap at "+path, police.Conn.Invoke(asking("ckb"), path, &emptypb.Empty{}, &emptypb.Empty{}), fault.MethodUnknown)
	}
}

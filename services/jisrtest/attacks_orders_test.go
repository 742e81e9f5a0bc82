package jisrtest_test

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// A judge's order about a suspect outlasts what the police tell of the suspect.
func TestADisclosingOrderAboutASuspectOutlastsAnUpdate(t *testing.T) {
	p := baghdad(t)
	mofa := p.As(jisrtest.Foreign)
	got(judgeOf(p).UpdateSuspect(ctx, jisrv1.UpdateSuspectRequest_builder{
		Suspect:    jisrv1.Suspect_builder{Name: p.Suspect, Notice: jisrv1.SuspectNotice_builder{}.Build()}.Build(),
		UpdateMask: mask("notice"),
	}.Build()))(t)
	p.Order(jisrv1.Order_KIND_DISCLOSE, p.Suspect, func(o *jisrv1.Order) {
		o.SetAddressees([]string{mofa.Agency})
		o.SetDataClasses([]jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_SUSPECT_NOTICE})
	})
	got(getSuspect(mofa, p))(t)
	got(endangered(policeOf(p), p, p.First, p.Second))(t)
	got(getSuspect(mofa, p))(t)
	got(endangered(policeOf(p), p))(t)
	got(getSuspect(mofa, p))(t)
}

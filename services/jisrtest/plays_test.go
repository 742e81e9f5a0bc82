package jisrtest_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

var ctx = context.Background()

// got unwraps what a call must answer: got(c.GetCase(…))(t).
func got[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err, status.Convert(err).Details())
		}
		return v
	}
}

// refused demands that a call is refused for that reason: refused(c.GetCase(…))(t, fault.NotFound).
func refused[T any](_ T, err error) func(testing.TB, fault.Reason) {
	return func(t testing.TB, want fault.Reason) {
		t.Helper()
		jisrtest.Refused(t, err, want)
	}
}

func getVictim(c *jisrtest.Client, name string) (*jisrv1.Victim, error) {
	return c.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: name}.Build())
}

func getCase(c *jisrtest.Client, name string) (*jisrv1.Case, error) {
	return c.GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: name}.Build())
}

func getReferral(c *jisrtest.Client, name string) (*jisrv1.Referral, error) {
	return c.GetReferral(ctx, jisrv1.GetReferralRequest_builder{Name: name}.Build())
}

func accept(c *jisrtest.Client, name string) (*jisrv1.Referral, error) {
	return c.AcceptReferral(ctx, jisrv1.AcceptReferralRequest_builder{Name: name}.Build())
}

func withdraw(c *jisrtest.Client, consent string) (*jisrv1.Consent, error) {
	return c.WithdrawConsent(ctx, jisrv1.WithdrawConsentRequest_builder{Name: consent}.Build())
}

// baghdad opens the play's case on an exchange of its own.
func baghdad(t testing.TB, opts ...jisrtest.Option) *jisrtest.Play {
	t.Helper()
	return jisrtest.Opened(t, jisrtest.Start(t, opts...))
}

// judgeOf is the investigating judge of the case in Baghdad.
func judgeOf(p *jisrtest.Play) *jisrtest.Client {
	return p.AsFor(jisrtest.Judge, jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION)
}

// policeOf are the counter-trafficking police, who own the case.
func policeOf(p *jisrtest.Play) *jisrtest.Client { return p.As(jisrtest.Police) }

// consular is foreign affairs, for the purpose of a travel document and a return.
func consular(p *jisrtest.Play) *jisrtest.Client {
	return p.AsFor(jisrtest.Foreign, jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR)
}

// housed lets the judge tell where the first victim is.
func housed(t testing.TB, p *jisrtest.Play) {
	t.Helper()
	v := jisrtest.Person(0)
	v.SetName(p.First)
	v.SetLocation(jisrv1.VictimLocation_builder{Address: "the house behind the mill", Shelter: "Dar al-Amal"}.Build())
	got(judgeOf(p).UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("location")}.Build()))(t)
}

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

// recvFile reads a case file to its end.
func recvFile(c *jisrtest.Client, name string) (parts []*jisrv1.GetCaseFileResponse, err error) {
	stream, err := c.GetCaseFile(ctx, jisrv1.GetCaseFileRequest_builder{Name: name}.Build())
	if err != nil {
		return nil, err
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
}

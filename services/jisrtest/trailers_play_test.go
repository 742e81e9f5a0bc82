package jisrtest_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// shortTrailers connects as the police by a client as those of other languages are:
// gRPC's own protocol suggests 8 KiB for the trailers of an answer, and what is
// over it ends the stream.
func shortTrailers(t *testing.T, p *jisrtest.Play) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(p.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(p.TLS("moi-ct", "cases"))), grpc.WithMaxHeaderListSize(8<<10))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func identified(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "jisr-officer", "officer-1", "jisr-purpose", "investigation")
}

func TestARefusalOfManyMistakesReachesAClientThatTakesShortTrailersInEveryLanguage(t *testing.T) {
	p := baghdad(t)
	client := jisrv1.NewCaseServiceClient(shortTrailers(t, p))
	victims := make([]string, 300)
	for i := range victims {
		victims[i] = "nobody"
	}
	request := jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{Victims: victims}.Build()}.Build()
	for _, wish := range []string{"en", "ar", "ckb", "kmr-Arab"} {
		_, err := client.ShareCase(identified(asking(wish)), request)
		jisrtest.Refused(t, err, fault.InvalidRequest)
		for _, d := range status.Convert(err).Details() {
			switch d := d.(type) {
			case *errdetails.ErrorInfo:
				if all, err := strconv.Atoi(d.GetMetadata()["violations"]); err != nil || all < len(victims) {
					t.Errorf("in %q of %d mistakes and more it is told that there are %q", wish, len(victims), d.GetMetadata()["violations"])
				}
			case *errdetails.BadRequest:
				if n := len(d.GetFieldViolations()); n < 20 || n >= len(victims) {
					t.Errorf("in %q %d mistakes are named", wish, n)
				}
			}
		}
	}
}

func TestALongFileReachesAClientThatTakesShortTrailers(t *testing.T) {
	p := baghdad(t)
	police := p.As(jisrtest.Police)
	for range 120 {
		got(police.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrtest.Person(0)}.Build()))(t)
	}
	stream, err := jisrv1.NewCaseServiceClient(shortTrailers(t, p)).GetCaseFile(identified(ctx), jisrv1.GetCaseFileRequest_builder{Name: p.Case}.Build())
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for ; err == nil; read++ {
		_, err = stream.Recv()
	}
	if !errors.Is(err, io.EOF) || read <= 120 {
		t.Errorf("after %d messages: %v", read, err)
	}
	if n := len(stream.Trailer().Get(disclosure.ReceiptHeader)); n < 20 {
		t.Errorf("%d entries are told", n)
	}
}

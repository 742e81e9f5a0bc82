package identity_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

const (
	getCase   = "/jisr.v1.CaseService/GetCase"
	listCases = "/jisr.v1.CaseService/ListCases"
	whoAmI    = "/jisr.v1.AgreementService/WhoAmI"
	stream    = "/jisr.v1.NotificationService/GetNotification"
	health    = "/grpc.health.v1.Health/Check"
)

// exchange is a real gRPC server behind the door, whose every method answers
// with nothing once the door has admitted the call.
type exchange struct {
	t          testing.TB
	dir        string
	clock      *clock
	authority  *certs.Authority
	material   *identity.Material
	revocation *identity.Revocation
	door       *identity.Door
	tls        *tls.Config
	address    string
	refused    chan identity.Refused

	mu     sync.Mutex
	law    *agreement.Law
	caller *identity.Caller
}

// open starts an exchange with a certificate for the police's desk and one for
// the shelter's, which last a day; its revocation list is fresh for an hour.
func open(t testing.TB) *exchange {
	t.Helper()
	x := &exchange{t: t, dir: t.TempDir(), clock: &clock{now: time.Now()}, refused: make(chan identity.Refused, 100), law: theLaw(t)}
	var err error
	x.authority, err = certs.Create(x.dir, certs.Options{
		Clients:      []certs.Client{{Agency: "police", System: "desk"}, {Agency: "shelter", System: "desk"}, {Agency: "court", System: "desk"}},
		Validity:     24 * time.Hour,
		ListValidity: time.Hour,
		Now:          x.clock.Now,
	})
	must(t, err)
	x.material, err = identity.LoadMaterial(identity.Files{
		Certificate: x.file(certs.ServerFile), Key: x.file(certs.ServerKeyFile), ClientCAs: x.file(certs.CAFile),
	})
	must(t, err)
	x.revocation, err = identity.NewRevocation(identity.RevocationOptions{
		Path: x.file(certs.ListFile), Authorities: x.material.Authorities, Now: x.clock.Now,
	})
	must(t, err)
	x.door, err = identity.NewDoor(identity.Options{
		Law: x.theLaw, Revocation: x.revocation, TrustDomain: certs.DefaultTrustDomain, Now: x.clock.Now,
	})
	must(t, err)
	x.tls, err = identity.TLSConfig(x.material, x.door)
	must(t, err)
	x.address = x.serve(x.tls)
	return x
}

func (x *exchange) serve(conf *tls.Config) (address string) {
	x.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(x.t, err)
	creds := identity.ReportRefusals(credentials.NewTLS(conf), func(r identity.Refused) { x.refused <- r })
	server := grpc.NewServer(grpc.Creds(creds), grpc.UnknownServiceHandler(x.handle))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			x.t.Error(err)
		}
	}()
	x.t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}

func (x *exchange) handle(_ any, stream grpc.ServerStream) error {
	ctx := stream.Context()
	full, _ := grpc.Method(ctx)
	caller, err := x.door.Admit(ctx, full, false)
	if err != nil {
		return err
	}
	x.note(caller)
	for {
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := x.door.Recheck(ctx, caller); err != nil {
			return err
		}
		if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
			return err
		}
	}
}

func (x *exchange) theLaw() *agreement.Law {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.law
}

func (x *exchange) amend(l *agreement.Law) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.law = l
}

func (x *exchange) note(c *identity.Caller) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.caller = c
}

// lastCaller is whom the door admitted last.
func (x *exchange) lastCaller() *identity.Caller {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.caller
}

func (x *exchange) file(name string) string { return filepath.Join(x.dir, name) }

func (x *exchange) write(name string, text []byte) {
	x.t.Helper()
	must(x.t, os.WriteFile(x.file(name), text, 0o600))
}

func (x *exchange) read(name string) []byte {
	x.t.Helper()
	text, err := os.ReadFile(x.file(name))
	must(x.t, err)
	return text
}

// revoke revokes an agency's desk and publishes the list, which the server reads.
func (x *exchange) revoke(agency string) {
	x.t.Helper()
	pair, err := tls.LoadX509KeyPair(certs.ClientFiles(x.dir, agency, "desk"))
	must(x.t, err)
	x.authority.Revoke(pair.Leaf.SerialNumber)
	must(x.t, x.authority.Publish(x.dir))
	must(x.t, x.revocation.Refresh(context.Background()))
}

// as returns a connection of an agency's desk.
func (x *exchange) as(agency string) *grpc.ClientConn {
	x.t.Helper()
	conf, err := certs.ClientTLS(x.dir, agency, "desk")
	must(x.t, err)
	return x.dial(conf)
}

// with returns a connection by a certificate of any shape.
func (x *exchange) with(pair *certs.Pair) *grpc.ClientConn {
	x.t.Helper()
	return x.dial(x.client(pair.TLS()))
}

// client is a TLS configuration that hands over that certificate.
func (x *exchange) client(pair tls.Certificate) *tls.Config {
	x.t.Helper()
	conf, err := certs.ClientTLS(x.dir, "police", "desk")
	must(x.t, err)
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return conf
}

func (x *exchange) dial(conf *tls.Config) *grpc.ClientConn {
	x.t.Helper()
	conn, err := grpc.NewClient(x.address, grpc.WithTransportCredentials(credentials.NewTLS(conf)), grpc.WithDisableServiceConfig())
	must(x.t, err)
	x.t.Cleanup(func() {
		if err := conn.Close(); err != nil && status.Code(err) != codes.Canceled {
			x.t.Error(err)
		}
	})
	return conn
}

// good are the headers of an officer's call.
func good(pairs ...string) []string {
	return append([]string{identity.OfficerHeader, "o-17", identity.PurposeHeader, "investigation"}, pairs...)
}

// call makes a call with the given headers.
func call(conn *grpc.ClientConn, method string, headers ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, headers...)
	return conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
}

// once is call on a connection of its own, so that a refused client does not knock again.
func once(conn *grpc.ClientConn, method string, headers ...string) error {
	return errors.Join(call(conn, method, headers...), conn.Close())
}

// admitted fails the test unless the call passes.
func admitted(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("refused, though it should pass: %v", err)
	}
}

// refusedFor fails the test unless the call was refused for that reason.
func refusedFor(t testing.TB, err error, want fault.Reason) {
	t.Helper()
	code, _, _ := fault.Describe(want)
	st := status.Convert(err)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetReason() == string(want) && st.Code() == code {
			return
		}
	}
	t.Fatalf("got %v, want %s", err, want)
}

// refusedHandshake fails the test unless the connection was refused and the
// server's log was told that reason.
func (x *exchange) refusedHandshake(t testing.TB, err error, want identity.RefusalReason) identity.Refused {
	t.Helper()
	if status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v, want a refused handshake (UNAVAILABLE)", err)
	}
	return x.told(t, want)
}

// told waits until the log is told of a refused handshake.
func (x *exchange) told(t testing.TB, want identity.RefusalReason) identity.Refused {
	t.Helper()
	select {
	case r := <-x.refused:
		if r.Reason != want {
			t.Fatalf("the log was told %s, want %s", r.Reason, want)
		}
		if r.Action == "" {
			t.Fatalf("the log was not told what to do about %s", r.Reason)
		}
		return r
	case <-time.After(10 * time.Second):
		t.Fatalf("the log was told nothing, want %s", want)
		return identity.Refused{}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/daemon"
)

// workers is the exchange's own setting; every peer has it. So is the
// reserve of memory.
const workers = 128

// reserve is the exchange's, which every side has that is measured against it.
func reserve() []byte { return make([]byte, daemon.Spare) }

// serve serves over mutual TLS 1.3 until Stop.
func serve(dir string, register func(*grpc.Server), options ...grpc.ServerOption) (*Peer, error) {
	files := Certificates(dir)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(files, certs.ServerFile), filepath.Join(files, certs.ServerKeyFile))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(files, certs.CAFile))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		return nil, errors.New("no client authority")
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := grpc.NewServer(append([]grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
		})),
		grpc.NumStreamWorkers(workers),
	}, options...)...)
	register(s)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	return &Peer{Addr: listener.Addr().String(), spare: reserve(), Stop: func() error {
		s.Stop()
		return <-served
	}}, nil
}

// Bytes passes messages as the bytes they are.
type Bytes struct{}

var _ encoding.CodecV2 = Bytes{}

// Marshal sends a []byte.
func (Bytes) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("bytes cannot send a %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

// Unmarshal receives into a *[]byte, or lets go of what came where it is nil.
func (Bytes) Unmarshal(data mem.BufferSlice, v any) error {
	into, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("bytes cannot receive a %T", v)
	}
	if into != nil {
		*into = data.Materialize()
	}
	return nil
}

// Name is that of the codec on the wire: the bytes are protobuf's.
func (Bytes) Name() string { return "proto" }

type answer func(request []byte) ([]byte, error)

// answering is the exchange's service of cases in bytes.
func answering(methods map[string]answer) *grpc.ServiceDesc {
	d := &grpc.ServiceDesc{ServiceName: jisrv1.CaseService_ServiceDesc.ServiceName, HandlerType: (*any)(nil)}
	for name, f := range methods {
		d.Methods = append(d.Methods, grpc.MethodDesc{MethodName: name, Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var request []byte
			if err := decode(&request); err != nil {
				return nil, err
			}
			return f(request)
		}})
	}
	return d
}

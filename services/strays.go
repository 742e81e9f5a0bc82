package services

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/metrics"
	"github.com/jisr-exchange/jisr/services/store"
)

// strayQueue bounds the stray calls that wait to be written down. The tap must
// not block, so past this many at once the rest are refused without an entry.
const strayQueue = 256

// strays sees calls that never reach an interceptor: unknown services and
// methods, malformed paths. They are refused before their body is read, and
// written into the access log.
type strays struct {
	store   *store.Store
	law     func() *agreement.Law
	door    *identity.Door
	metrics *metrics.Set
	methods map[string]bool // whether each is a stream
	queue   chan *identity.Caller
	done    chan struct{}
	once    sync.Once
}

func newStrays(s *store.Store, law func() *agreement.Law, door *identity.Door, m *metrics.Set) *strays {
	st := &strays{store: s, law: law, door: door, metrics: m, methods: make(map[string]bool), queue: make(chan *identity.Caller, strayQueue), done: make(chan struct{})}
	go st.write()
	return st
}

// know takes the methods that the server has.
func (st *strays) know(server *grpc.Server) {
	for service, info := range server.GetServiceInfo() {
		for _, m := range info.Methods {
			st.methods["/"+service+"/"+m.Name] = m.IsClientStream || m.IsServerStream
		}
	}
}

// tap refuses what the server does not have. It sees every path tried, before the body.
func (st *strays) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if _, ok := st.methods[info.FullMethodName]; ok {
		return ctx, nil
	}
	st.metrics.Called(metrics.Unknown, codes.Unimplemented, false, 0)
	st.metrics.Refused(fault.MethodUnknown)
	var c *identity.Caller
	if agency, system, serial, ok := st.door.Named(ctx); ok {
		c = &identity.Caller{Agency: agency, System: system, Serial: serial, Law: st.law()}
	}
	select {
	case st.queue <- c:
	default: // the queue is full of strays already: a flood is in the log without its every drop
	}
	// The path is the caller's text and is not given back.
	return nil, fault.New(fault.MethodUnknown).StatusIn(fault.LanguageOf(info.Header.Get(fault.LanguageHeader))).Err()
}

func (st *strays) write() {
	defer close(st.done)
	for c := range st.queue {
		// Nobody is waiting for this entry; one that cannot be written shows in the health of the server.
		_ = st.store.Refuse(context.Background(), c, "unknown", fault.MethodNotGranted, "")
	}
}

func (st *strays) close() {
	st.once.Do(func() { close(st.queue) })
	<-st.done
}

// checkReplies holds every rpc's reply against the page gate: one that carries a
// field which the gate would not let through keeps the server from starting.
func checkReplies(server *grpc.Server) error {
	for name := range server.GetServiceInfo() {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return err
		}
		service, ok := d.(protoreflect.ServiceDescriptor)
		if !ok || service.ParentFile().Package() != "jisr.v1" {
			continue
		}
		for i := range service.Methods().Len() {
			if err := disclosure.Handles(service.Methods().Get(i).Output()); err != nil {
				return fmt.Errorf("services: %s: %w", service.Methods().Get(i).FullName(), err)
			}
		}
	}
	return nil
}

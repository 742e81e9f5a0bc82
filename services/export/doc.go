// Package export gives an agency its own view back: the cases, victims and
// suspects that the exchange shows it, each as the page opened it, as CSV for a
// spreadsheet or as JSON lines. It calls what every client calls, so nothing
// leaves but through the gate and with its entries in the log, and it adds
// nothing to what it is shown: what was withheld is named and stays withheld.
package export

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/register"
)

// Lister is what an export calls of the exchange; jisrv1.CaseServiceClient has it.
type Lister interface {
	ListCases(context.Context, *jisrv1.ListCasesRequest, ...grpc.CallOption) (*jisrv1.ListCasesResponse, error)
	ListVictims(context.Context, *jisrv1.ListVictimsRequest, ...grpc.CallOption) (*jisrv1.ListVictimsResponse, error)
	ListSuspects(context.Context, *jisrv1.ListSuspectsRequest, ...grpc.CallOption) (*jisrv1.ListSuspectsResponse, error)
}

// Kinds are the kinds of record that an export holds, in its order.
var Kinds = []register.Kind{register.KindCase, register.KindVictim, register.KindSuspect}

// pageSize is the contract's greatest page: each page is one call and one wait for the log.
const pageSize = 100

// Exporter reads what the exchange shows this caller.
type Exporter struct {
	// Cases is the exchange.
	Cases Lister
	// Kinds are those wanted; nil asks for all and goes without those whose
	// list the role may not call.
	Kinds []register.Kind
	// Progress is told how many records were read, after every page.
	Progress func(records int)
}

// Summary says what an export holds.
type Summary struct {
	// Records counts the records of each kind.
	Records map[register.Kind]int
	// NotGranted are kinds whose list the role may not call.
	NotGranted []register.Kind
	// Withheld counts the records of which a class was withheld, by its short name.
	Withheld map[string]int
	// Unknown counts records with fields that this jisr does not know and so left out.
	Unknown int

	columns columns
}

// Total is how many records there are.
func (s *Summary) Total() int {
	n := 0
	for _, records := range s.Records {
		n += records
	}
	return n
}

// Fetch reads all records, page by page, and writes them to a spool in the
// form that the other functions of this package read.
func (e *Exporter) Fetch(ctx context.Context, spool io.Writer) (*Summary, error) {
	if e.Cases == nil || spool == nil {
		return nil, errors.New("an exporter needs the exchange and a spool")
	}
	kinds := e.Kinds
	if kinds == nil {
		kinds = Kinds
	}
	s := &Summary{Records: make(map[register.Kind]int), Withheld: make(map[string]int), columns: make(columns)}
	for _, kind := range kinds {
		err := e.list(ctx, kind, func(m shown) error {
			s.Records[kind]++
			s.note(kind, m)
			if _, err := protodelim.MarshalTo(spool, wrap(m)); err != nil {
				return errors.Join(ErrFile, err)
			}
			return nil
		}, s)
		if err != nil && e.Kinds == nil && reason(err) == fault.MethodNotGranted {
			s.NotGranted = append(s.NotGranted, kind)
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// list hands every record of a kind to keep.
func (e *Exporter) list(ctx context.Context, kind register.Kind, keep func(shown) error, s *Summary) error {
	for token := ""; ; {
		page, next, err := e.patiently(ctx, kind, token)
		if err != nil {
			return err
		}
		for _, m := range page {
			if err := keep(m); err != nil {
				return err
			}
		}
		if e.Progress != nil {
			e.Progress(s.Total())
		}
		if token = next; token == "" {
			return nil
		}
	}
}

// patiently reads one page, waiting while the agency's budget is spent.
func (e *Exporter) patiently(ctx context.Context, kind register.Kind, token string) ([]shown, string, error) {
	for attempt := 0; ; attempt++ {
		page, next, err := e.page(ctx, kind, token)
		wait, ok := register.OverBudget(err, attempt)
		if !ok {
			return page, next, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, "", err
		}
	}
}

// everywhere is the parent of persons across cases.
const everywhere = "cases/-"

func (e *Exporter) page(ctx context.Context, kind register.Kind, token string) ([]shown, string, error) {
	switch kind {
	case register.KindVictim:
		reply, err := e.Cases.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: everywhere, PageSize: pageSize, PageToken: token}.Build())
		return shownOf(reply.GetVictims()), reply.GetNextPageToken(), err
	case register.KindSuspect:
		reply, err := e.Cases.ListSuspects(ctx, jisrv1.ListSuspectsRequest_builder{Parent: everywhere, PageSize: pageSize, PageToken: token}.Build())
		return shownOf(reply.GetSuspects()), reply.GetNextPageToken(), err
	}
	reply, err := e.Cases.ListCases(ctx, jisrv1.ListCasesRequest_builder{PageSize: pageSize, PageToken: token}.Build())
	return shownOf(reply.GetCases()), reply.GetNextPageToken(), err
}

// shown is a record as the page opened it.
type shown interface {
	proto.Message
	GetName() string
	GetWithheld() []*jisrv1.Withholding
}

func shownOf[M shown](list []M) []shown {
	all := make([]shown, len(list))
	for i, m := range list {
		all[i] = m
	}
	return all
}

// wrap puts a record into the message in which a case's file travels, which is
// the spool's form too.
func wrap(m shown) *jisrv1.GetCaseFileResponse {
	w := &jisrv1.GetCaseFileResponse{}
	switch m := m.(type) {
	case *jisrv1.Case:
		w.SetCase(m)
	case *jisrv1.Victim:
		w.SetVictim(m)
	case *jisrv1.Suspect:
		w.SetSuspect(m)
	}
	return w
}

// each reads a spool.
func each(spool protodelim.Reader, f func(register.Kind, shown) error) error {
	for {
		w := &jisrv1.GetCaseFileResponse{}
		if err := protodelim.UnmarshalFrom(spool, w); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var err error
		switch {
		case w.HasVictim():
			err = f(register.KindVictim, w.GetVictim())
		case w.HasSuspect():
			err = f(register.KindSuspect, w.GetSuspect())
		default:
			err = f(register.KindCase, w.GetCase())
		}
		if err != nil {
			return err
		}
	}
}

// caseOf is the name of the case that a record is or lies in.
func caseOf(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func reason(err error) fault.Reason {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return fault.Reason(info.GetReason())
		}
	}
	return ""
}

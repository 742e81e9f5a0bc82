package fault

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type Fault struct{ reason string }

func (f *Fault) Error() string { return f.reason }

func New(reason string) *Fault { return &Fault{reason: reason} }

func (f *Fault) Status() *status.Status { return status.New(codes.NotFound, f.reason) }

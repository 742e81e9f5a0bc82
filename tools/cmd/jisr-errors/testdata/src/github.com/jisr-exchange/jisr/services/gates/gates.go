package gates

import (
	"errors"

	"github.com/jisr-exchange/jisr/services/fault"
	"google.golang.org/grpc/codes"
	s "google.golang.org/grpc/status"
)

// A constructor may say in its own words what keeps it from starting.
var errNoLog = errors.New("gates: no log")

func named() error   { return s.Error(codes.NotFound, "not there") }        // want `Error makes a status outside of the catalogue`
func written() error { return s.Errorf(codes.NotFound, "%s", "not there") } // want `Errorf makes a status`
func made() error    { return s.New(codes.NotFound, "not there").Err() }    // want `New makes a status`
func turned() error  { return s.FromContextError(errNoLog).Err() }          // want `FromContextError makes a status`
func zero() error    { return &fault.Fault{} }                              // want `a fault without a reason`

var kept = s.Newf // want `Newf makes a status`

func catalogued() error { return fault.New("NOT_FOUND") }

// Reading a status is no making.
func read(err error) bool { return s.Code(err) == codes.NotFound && s.Convert(err) != nil }

package status

import "google.golang.org/grpc/codes"

type Status struct{}

func (*Status) Err() error { return nil }

func Error(codes.Code, string) error          { return nil }
func Errorf(codes.Code, string, ...any) error { return nil }
func New(codes.Code, string) *Status          { return nil }
func Newf(codes.Code, string, ...any) *Status { return nil }
func FromContextError(error) *Status          { return nil }
func Code(error) codes.Code                   { return 0 }
func Convert(error) *Status                   { return nil }

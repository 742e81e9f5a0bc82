package part

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type UnimplementedCollectorServer struct{}

type Collector struct{ UnimplementedCollectorServer }

func (Collector) Export() error { return status.Error(codes.NotFound, "played") }

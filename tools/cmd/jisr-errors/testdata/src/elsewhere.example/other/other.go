package other

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func free() error { return status.Error(codes.NotFound, "not ours") }

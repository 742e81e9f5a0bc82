package wares

import (
	"errors"
	"fmt"

	"github.com/jisr-exchange/jisr/services/fault"
)

type UnimplementedWareServiceServer struct{}

type Service struct{ UnimplementedWareServiceServer }

func (Service) GetWare(name string) error {
	switch name {
	case "":
		return errors.New("no name") // want `errors.New in a package that serves rpcs`
	case "x":
		return fmt.Errorf("no ware %s", name) // want `fmt.Errorf in a package that serves rpcs`
	}
	return fault.New("NOT_FOUND")
}

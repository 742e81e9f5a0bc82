package peer

import (
	"os"
	"path/filepath"

	"google.golang.org/grpc"
)

// Replies are what the exchange answered, for a peer that has them ready.
const (
	VictimFile = "victim.bin"
	PageFile   = "page.bin"
)

// Raw is the floor: grpc-go over mutual TLS with the exchange's own replies
// ready as bytes, without codec, interceptor or look-up.
func Raw(dir string) (*Peer, error) {
	victim, err := os.ReadFile(filepath.Join(dir, VictimFile))
	if err != nil {
		return nil, err
	}
	page, err := os.ReadFile(filepath.Join(dir, PageFile))
	if err != nil {
		return nil, err
	}
	return serve(dir, func(s *grpc.Server) {
		s.RegisterService(answering(map[string]answer{
			"GetVictim":   func([]byte) ([]byte, error) { return victim, nil },
			"ListVictims": func([]byte) ([]byte, error) { return page, nil },
		}), nil)
	}, grpc.ForceServerCodecV2(Bytes{}))
}

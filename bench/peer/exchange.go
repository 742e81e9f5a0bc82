package peer

import (
	"context"
	"os"
	"path/filepath"

	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/logline"
)

// Exchange is jisrd itself, by its own configuration, logging a line for each
// call as in service.
func Exchange(dir string) (*Peer, error) {
	config, err := daemon.LoadConfig(filepath.Join(dir, "jisrd.yaml"))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	d, err := daemon.Open(ctx, config, "bench", logline.New("json", os.Stderr))
	if err != nil {
		stop()
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return &Peer{Addr: d.Addr(), Stop: func() error {
		stop()
		return <-ended
	}}, nil
}

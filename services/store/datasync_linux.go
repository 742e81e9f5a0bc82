package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync waits until what was written into a file is on the disk.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

package export

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"google.golang.org/protobuf/encoding/protodelim"
)

// Form is how an export is written: (*Summary).CSV or (*Summary).JSONLines.
type Form func(*Summary, io.Writer, protodelim.Reader) error

// ErrFile marks that a file of this machine could not be written.
var ErrFile = errors.New("the export's file could not be written")

// ToFile exports into a file that only its owner may read. It stands at path
// when it is whole and on the disk, and not before: an export that is cut off
// leaves what was there.
func (e *Exporter) ToFile(ctx context.Context, path string, form Form) (*Summary, error) {
	// Columns are known when all is read; until then records lie in a file
	// without a name, which the system forgets with this process.
	spool, err := os.CreateTemp(filepath.Dir(path), ".jisr-export-*")
	if err != nil {
		return nil, errors.Join(ErrFile, err)
	}
	gone := os.Remove(spool.Name())
	defer func() {
		_ = spool.Close() // all that matters of it was read
		if gone != nil {
			_ = os.Remove(spool.Name()) // not every system lets go of an open file
		}
	}()
	out := bufio.NewWriter(spool)
	s, err := e.Fetch(ctx, out)
	if err != nil {
		return nil, err
	}
	if err := out.Flush(); err != nil {
		return nil, errors.Join(ErrFile, err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(ErrFile, err)
	}
	err = WriteFile(path, func(w io.Writer) error { return form(s, w, bufio.NewReader(spool)) })
	return s, err
}

// WriteFile writes a file for its owner alone, whole or not at all.
func WriteFile(path string, write func(io.Writer) error) error {
	part := path + ".part"
	// What a killed export left is of no use, and may have been made by somebody else.
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(ErrFile, err)
	}
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(ErrFile, err)
	}
	out := bufio.NewWriter(file)
	err = errors.Join(write(out), out.Flush())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(ErrFile, err, os.Remove(part))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename outlive a loss of power.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // which opens no directory as a file, and makes renames durable by itself or not at all
	}
	dir, err := os.Open(path)
	if err != nil {
		return errors.Join(ErrFile, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return errors.Join(ErrFile, err)
	}
	return nil
}

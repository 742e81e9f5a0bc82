package export

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

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

// WriteFile writes a file for its owner alone, whole or not at all. Of two at
// once the one that began first may fail, and neither shows the other's half.
func WriteFile(path string, write func(io.Writer) error) error {
	if err := clearParts(path); err != nil {
		return errors.Join(ErrFile, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), parts(path)+"*") // for its owner alone, under a name that nobody has
	if err != nil {
		return errors.Join(ErrFile, err)
	}
	part := file.Name()
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

// parts begins the names under which a file is written; a number follows.
func parts(path string) string { return filepath.Base(path) + ".part-" }

// clearParts removes what a killed export left, which is of no use and holds what
// the caller saw.
func clearParts(path string) error {
	files, err := os.ReadDir(filepath.Dir(path))
	for _, f := range files {
		n, ours := strings.CutPrefix(f.Name(), parts(path))
		if !ours || n == "" || strings.Trim(n, "0123456789") != "" {
			continue
		}
		gone := os.Remove(filepath.Join(filepath.Dir(path), f.Name()))
		if !errors.Is(gone, fs.ErrNotExist) && !errors.Is(gone, fs.ErrPermission) { // somebody else's is left alone
			err = errors.Join(err, gone)
		}
	}
	return err
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

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// write prints the files below dir and removes the other .proto files there. A file
// that already says the same is left alone, so that a build running beside this
// one never meets a file that is half written.
func write(dir string, files []protoreflect.FileDescriptor) error {
	wanted := make(map[string]bool, len(files))
	printer := &protoprint.Printer{}
	for _, fd := range files {
		text, err := printer.PrintProtoToString(fd)
		if err != nil {
			return fmt.Errorf("print %s: %w", fd.Path(), err)
		}
		path := filepath.Join(dir, filepath.FromSlash(fd.Path()))
		wanted[path] = true
		if err := replace(path, []byte(text)); err != nil {
			return err
		}
	}
	return removeOthers(dir, wanted)
}

// replace puts text at path in one step, unless it is there already.
func replace(path string, text []byte) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "protodeps-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(text); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// removeOthers removes .proto files that no linked package describes any more:
// buf would go on reading them.
func removeOthers(dir string, wanted map[string]bool) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".proto" || wanted[path] {
			return err
		}
		return os.Remove(path)
	})
}

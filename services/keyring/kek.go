package keyring

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileKEK wraps data keys under a key-encryption key in a file, for development
// and for sites without a KMS. The file must be readable by its owner alone.
type FileKEK struct{ aead cipher.AEAD }

// OpenFileKEK reads the key-encryption key at path and makes it if there is none.
func OpenFileKEK(path string) (*FileKEK, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = createKEK(path)
	}
	if err == nil {
		err = clearUnfinished(path)
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: key-encryption key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: key-encryption key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keyring: the key-encryption key can be read by others (mode %04o): chmod 600 it", info.Mode().Perm())
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keyBytes {
		return nil, errors.New("keyring: the key-encryption key is not 64 hex digits")
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return &FileKEK{aead: aead}, nil
}

// createKEK makes the key beside its place and then gives it its name: whoever
// finds the file finds the whole key, and a key that wraps others is not lost to
// a crash after its first use. A key that is there already is never replaced.
func createKEK(path string) (text []byte, err error) {
	key := make([]byte, keyBytes)
	rand.Read(key)
	text = []byte(hex.EncodeToString(key) + "\n")
	f, err := os.CreateTemp(filepath.Dir(path), unfinished(path)+"*") // readable by its owner alone
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return nil, err
	}
	return text, syncFolder(filepath.Dir(path))
}

// unfinished begins the names under which a key is made.
func unfinished(path string) string { return "." + filepath.Base(path) + "-" }

// clearUnfinished removes what a start that was cut off left behind: it may be a
// second name of the key, by which the key would outlive its destruction. The rest
// of such a name is a number, or it is somebody else's: of what an operator keeps
// beside the key, nothing is touched.
func clearUnfinished(path string) error {
	files, err := os.ReadDir(filepath.Dir(path))
	for _, f := range files {
		if n, ours := strings.CutPrefix(f.Name(), unfinished(path)); ours && n != "" && strings.Trim(n, "0123456789") == "" {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(path), f.Name())))
		}
	}
	return err
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Wrap seals a data key, bound to its id.
func (k *FileKEK) Wrap(id string, key []byte) ([]byte, error) {
	return k.aead.Seal(nil, nil, key, []byte(id)), nil
}

// Unwrap opens what Wrap sealed.
func (k *FileKEK) Unwrap(id string, wrapped []byte) ([]byte, error) {
	return k.aead.Open(nil, nil, wrapped, []byte(id))
}

package keyring

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

func createKEK(path string) ([]byte, error) {
	key := make([]byte, keyBytes)
	rand.Read(key)
	text := []byte(hex.EncodeToString(key) + "\n")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return nil, err
	}
	// A key that wraps others must not be lost to a crash after its first use.
	if err := f.Sync(); err != nil {
		f.Close()
		return nil, err
	}
	return text, f.Close()
}

// Wrap seals a data key, bound to its id.
func (k *FileKEK) Wrap(id string, key []byte) ([]byte, error) {
	return k.aead.Seal(nil, nil, key, []byte(id)), nil
}

// Unwrap opens what Wrap sealed.
func (k *FileKEK) Unwrap(id string, wrapped []byte) ([]byte, error) {
	return k.aead.Open(nil, nil, wrapped, []byte(id))
}

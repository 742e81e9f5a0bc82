package throwaway

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// oldest is the oldest PostgreSQL that the exchange runs on.
const oldest = 15

// ErrNone says that no server is found on this machine.
var ErrNone = errors.New("throwaway: there is no PostgreSQL server of version 15 or newer on this machine: " +
	"run tools/need-postgres.sh (on Debian and Ubuntu: apt-get install postgresql), name the folder of its programs in JISR_POSTGRES_BIN, " +
	"or a server in " + Elsewhere)

// programs is the folder of the newest server's programs.
var programs = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("JISR_POSTGRES_BIN"); dir != "" {
		if version(filepath.Join(dir, "postgres")) < oldest {
			return "", ErrNone
		}
		return dir, nil
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/postgres", "/usr/pgsql-*/bin/postgres"} {
		match, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		found = append(found, match...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, path)
	}
	found = slices.DeleteFunc(found, func(p string) bool { return version(p) < oldest })
	if len(found) == 0 {
		return "", ErrNone
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) })), nil
})

// version is the major version of a server's program, as it tells: "postgres (PostgreSQL) 15.18 (Debian ...)".
func version(program string) int {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return 0
	}
	words := strings.Fields(string(out))
	if len(words) < 3 {
		return 0
	}
	digits := strings.FieldsFunc(words[2], func(r rune) bool { return r < '0' || r > '9' }) // "15.18", "19beta1"
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}

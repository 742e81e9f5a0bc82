package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine says on what was measured, without which no figure means anything.
func machine() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d × %s, %s, %s/%s", time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), processor(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		fmt.Fprintf(&b, " %s", unix.ByteSliceToString(u.Release[:]))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "google.golang.org/grpc", "modernc.org/sqlite", "google.golang.org/protobuf":
				fmt.Fprintf(&b, ", %s %s", filepath.Base(m.Path), m.Version)
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Fprintf(&b, ", load before %s", strings.Join(strings.Fields(string(load))[:2], " "))
	}
	return b.String()
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

// fsyncs is how often by the second the disk below dir keeps an append of an entry's size.
func fsyncs(dir string, span time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "fsync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	entry, n, start := make([]byte, 512), 0, time.Now()
	for ; time.Since(start) < span; n++ {
		if _, err := f.Write(entry); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

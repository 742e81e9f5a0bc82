package crash_test

import "golang.org/x/sys/unix"

// Older forms of calls, which other processors' kernels do not have.
func init() {
	for nr, kind := range map[int32]string{unix.SYS_RENAME: "rename", unix.SYS_UNLINK: "remove", unix.SYS_MKDIR: "make", unix.SYS_LINK: "name"} {
		reached[everything][nr] = kind
	}
}

package nodes_test

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// fullLogs are the ways in which the volume of the server's write-ahead log is full.
// A server that finds no room there gives itself up (PANIC), meets the same in
// recovering, and ends.
var fullLogs = map[string]trouble{
	// As where a standby was lost that the server keeps its log for.
	"a small volume": {
		prepare: func(h *house) {
			h.must(h.cluster.Stop())
			h.must(h.cluster.MoveLog(h.volume("wal", "a folder that takes no further file proves the same")))
			h.must(h.cluster.Start())
			h.ask(new(string), "SELECT slot_name FROM pg_create_physical_replication_slot('lost', true)")
		},
		strike: func(l *load) { l.house.fillLog() },
		mend: func(h *house) {
			dir, err := os.Readlink(h.cluster.LogFolder())
			h.must(err)
			h.must(unix.Mount("", dir, "", unix.MS_REMOUNT, "size="+grown))
			h.must(h.cluster.Recover())
		},
	},
	"a folder that takes no further file": {
		strike: func(l *load) {
			l.house.must(os.Chmod(l.house.cluster.LogFolder(), 0o500))
			l.house.fillLog()
		},
		mend: func(h *house) {
			h.must(os.Chmod(h.cluster.LogFolder(), 0o700))
			h.must(h.cluster.Recover())
		},
	},
}

// fillLog fills what room there is, beside the load, until the server has ended.
func (h *house) fillLog() {
	h.t.Helper()
	h.until("the server has ended for want of room", func() bool {
		var at string
		_ = h.tryAsk(&at, "SELECT pg_logical_emit_message(false, 'ballast', repeat('x', 1 << 18))::text") // until it fails
		return h.cluster.Ended()
	})
}

func TestAFullVolumeOfTheServersLogIsToldAndOvercomeWithoutARestart(t *testing.T) {
	t.Parallel()
	for name, full := range fullLogs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, throwaway.Durable(t, full.settings...))
			if full.prepare != nil {
				full.prepare(h)
			}
			h.open(2)
			h.overcomes(t, full)
		})
	}
}

// Control: a node whose changes are answered before they are on the disk is found out.
func TestAChangeThatDidNotWaitForTheServersLogIsMissed(t *testing.T) {
	t.Parallel()
	full := fullLogs["a folder that takes no further file"]
	h := newHouse(t, throwaway.Durable(t, "wal_buffers=4MB")).open(1)
	line := h.nodes[0].line
	line.tellInstead(`^SET LOCAL lock_timeout = '10s'$`, `SET LOCAL synchronous_commit = off`)
	// Nobody writes the log out beside those who wait for it.
	var writer int
	h.ask(&writer, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
	h.must(syscall.Kill(writer, syscall.SIGSTOP))
	l := h.opening()
	l.more(20)
	full.strike(l)
	full.mend(h)
	h.until("the node is well again", h.nodes[0].well)
	l.stop()
	l.desks.Wait()
	if len(l.audit()) == 0 || line.twisted() == 0 {
		t.Errorf("nobody missed what was answered too early, %d times", line.twisted())
	}
}

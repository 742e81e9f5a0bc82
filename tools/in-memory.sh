#!/usr/bin/env bash
# Runs a command whose temporary files lie in memory where there is room for them:
# a play waits for its disk at every call, and proves nothing about disks (that
# services/jisrtest/crash does, which stays on one).
set -euo pipefail
memory=${JISR_MEMORY:-/dev/shm}
need=${JISR_MEMORY_NEED:-$((4 << 20))} # KiB: what all tests at once take, and as much again

if [ ! -w "$memory" ] || [ "$(df --output=avail "$memory" | tail -1)" -lt "$need" ] || ! command -v flock >/dev/null; then
	exec "$@"
fi

# A folder is held by this process and by all below it, who have the open file of
# its lock: one that nobody holds was left by a run that was killed. Between being
# made and being held none is looked for: whoever does either holds all of memory.
exec 8<"$memory"
flock 8
for left in "$memory"/jisr-tests-*; do
	if [ -d "$left" ] && [ ! -L "$left" ] && [ -O "$left" ] && flock --nonblock "$left" true; then
		rm -rf "$left"
	fi
done
tmp=$(mktemp -d "$memory/jisr-tests-XXXXXX")
exec 9<"$tmp"
flock 9
exec 8<&-

trap 'rm -rf "$tmp"' EXIT
# What go builds stays on the disk: it is large, and may not run from there.
TMPDIR=$tmp GOTMPDIR=${GOTMPDIR:-${TMPDIR:-/tmp}} "$@"

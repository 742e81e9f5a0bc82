#!/usr/bin/env bash
# Runs a command whose temporary files lie in memory where there is room for them:
# a play waits for its disk at every call, and proves nothing about disks (that
# services/jisrtest/crash does, which stays on one).
set -euo pipefail
memory=/dev/shm
need=$((4 << 20)) # KiB: what all tests at once take, and as much again

if [ ! -w "$memory" ] || [ "$(df --output=avail "$memory" | tail -1)" -lt "$need" ]; then
	exec "$@"
fi
tmp=$(mktemp -d "$memory/jisr-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
# What go builds stays on the disk: it is large, and may not run from there.
TMPDIR=$tmp GOTMPDIR=${GOTMPDIR:-${TMPDIR:-/tmp}} "$@"

#!/usr/bin/env bash
# Compares proto/ with an earlier revision: wire and source compatibility, and
# that no field silently changed its data class.
#
# The earlier revision is JISR_BREAKING_BASE; by default the newest release (a
# tag v*), since what was released is what others depend on.
# buf cannot compare with git directly: .proto-deps is not in git.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
	echo "breaking: nothing to compare with: $1"
	exit 0
}

base=${JISR_BREAKING_BASE:-}
if [ -n "$base" ]; then
	git rev-parse --quiet --verify "$base^{commit}" >/dev/null || {
		echo "breaking: JISR_BREAKING_BASE=$base is no revision of this repository" >&2
		exit 1
	}
else
	base=$(git describe --tags --match 'v*' --abbrev=0 2>/dev/null || true)
	[ -n "$base" ] || skip "there is no release yet; JISR_BREAKING_BASE=<revision> compares with any"
fi
name=$(git log -1 --format='%h (%s)' "$base")
[ -n "$(git ls-tree -r --name-only "$base" -- proto)" ] || skip "$name holds no proto/"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
git archive "$base" proto | tar -x -C "$tmp"
# Today's layout and imports on both sides, so that only proto/ differs.
cp buf.yaml "$tmp/"
cp -r .proto-deps "$tmp/"
echo "breaking: proto/ as it is now, against $name"
go tool -modfile=tools/go.mod buf breaking --against "$tmp"

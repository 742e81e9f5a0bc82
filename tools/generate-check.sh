#!/usr/bin/env bash
# Fails if `make generate` would change gen/. Generates beside it, so that a
# check never changes the files it checks.
set -euo pipefail
cd "$(dirname "$0")/.."

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go tool -modfile=tools/go.mod buf generate --output "$tmp"
if ! diff --recursive --brief gen "$tmp/gen"; then
	echo 'generate-check: gen/ is not what proto/ generates; run `make generate` and commit gen/' >&2
	exit 1
fi

#!/usr/bin/env bash
# Fuzzes every decoder that sees bytes from outside, one after another, each for
# as long as the argument says (2s, 10m, 100x). What breaks one is kept under the
# package's testdata/fuzz; commit it with the mending, as a test of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
each=${1:?how long for each}

# The counters that guide the fuzzing: in all that is linked, which is built anew
# for them; a run that is over after some inputs gets no further than our own code.
counters=(-fuzz .)
[[ $each != *x ]] || counters=(-gcflags 'github.com/jisr-exchange/jisr/services/...=-d=libfuzzer')

cache=$(go env GOCACHE)/fuzz/jisr
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
found=0
for package in $(git grep -lE '^func Fuzz' -- 'services/*_test.go' | xargs -n1 dirname | sort -u); do
	# Built once for a package.
	go test -c "${counters[@]}" -o "$tmp/test" "./$package"
	for target in $(grep -hoE '^func Fuzz[A-Za-z]+' "$package"/*_test.go | sed 's/^func //'); do
		found=$((found + 1))
		if ! (cd "$package" && "$tmp/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$each" -test.fuzzcachedir "$cache/$package") >"$tmp/out" 2>&1; then
			# When the time ends while an input is being tried, go reports that as a
			# failure, without an input that fails.
			if ! grep -q 'context deadline exceeded' "$tmp/out" || grep -q 'Failing input' "$tmp/out"; then
				cat "$tmp/out" >&2
				exit 1
			fi
		fi
		printf '  %-50s %s\n' "$target" "$(tail -2 "$tmp/out" | head -1 | sed 's/^fuzz: //')"
	done
done
if [ "$found" -lt 15 ]; then
	echo "fuzz: only $found targets were found" >&2
	exit 1
fi

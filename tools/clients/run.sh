#!/usr/bin/env bash
# Runs the example clients, as docs/clients.md tells their readers to, each against
# a demonstration exchange of its own: both must be told the same.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-/usr/bin/python3} # Debian's packages are for Debian's Python
export PYTHON
tools/need-clients.sh

tmp=$(mktemp -d)
serving=
trap '[ -z "$serving" ] || kill "$serving"; rm -rf "$tmp"' EXIT

go build -o "$tmp/jisr" ./cmd/jisr
go run -C tools/protodeps . -plain "$PWD/proto" -o "$tmp/contract"
mkdir "$tmp/python"
protoc -I "$tmp/contract" --python_out="$tmp/python" --grpc_out="$tmp/python" \
	--plugin=protoc-gen-grpc="$(command -v grpc_python_plugin)" "$tmp"/contract/jisr/v1/*.proto "$tmp"/contract/google/rpc/*.proto
mkdir "$tmp/node"
cp examples/clients/{shelter.js,package.json,package-lock.json,.npmrc} "$tmp/node"
(cd "$tmp/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)

try() { # try NAME COMMAND...: the exchange's address and the folder of certificates follow
	local name=$1 address='' i
	shift
	"$tmp/jisr" demo --serve --listen 127.0.0.1:0 --dir "$tmp/$name-certs" >"$tmp/$name.serve" 2>&1 &
	serving=$!
	for ((i = 0; i < 600; i++)); do
		address=$(sed -n 's/^jisr serves on \([0-9.:]*\),.*/\1/p' "$tmp/$name.serve")
		[ -z "$address" ] || break
		kill -0 "$serving" 2>/dev/null || break
		sleep 0.1
	done
	[ -n "$address" ] || { cat "$tmp/$name.serve" >&2; exit 1; }
	"$@" "localhost:${address##*:}" "$tmp/$name-certs" >"$tmp/$name.out"
	kill "$serving"
	wait "$serving" || true
	serving=
	# Names are drawn at random.
	sed -i -E 's/[a-z2-7]{26}/NAME/g' "$tmp/$name.out"
	echo "clients: $name was told"
	sed 's/^/  /' "$tmp/$name.out"
}

try python env PYTHONPATH="$tmp/python" PYTHONDONTWRITEBYTECODE=1 PYTHONIOENCODING=utf-8 "$PYTHON" examples/clients/shelter.py
try node node "$tmp/node/shelter.js" "$tmp/contract"
for line in 'notified of cases/NAME by agencies/moi-ct' 'in care: ' '"reason": "CLASS_NOT_WRITABLE"' '"victim.consular": ".*VICTIM_CONSULAR' '"action": '; do
	grep -q -- "$line" "$tmp/python.out" || { echo "clients: nothing was told of $line" >&2; exit 1; }
done
diff "$tmp/python.out" "$tmp/node.out"

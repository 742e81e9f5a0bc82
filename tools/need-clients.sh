#!/usr/bin/env bash
# The example clients are generated and run: brings what that needs where it is
# possible and says what to install where it is not.
set -euo pipefail

need() { # need WHAT PACKAGES COMMAND...
	local what=$1 packages=$2
	shift 2
	"$@" >/dev/null 2>&1 && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "clients: there is no $what; installing $packages"
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq
		# shellcheck disable=SC2086 # several packages
		apt-get install -y -qq --no-install-recommends $packages >/dev/null
		"$@" >/dev/null 2>&1 && return
	fi
	echo "clients: the example clients need $what; install it (on Debian and Ubuntu: apt-get install $packages)" >&2
	exit 1
}

PYTHON=${PYTHON:-/usr/bin/python3} # Debian's packages are for Debian's Python
need protoc protobuf-compiler protoc --version
need 'the plugin of protoc for gRPC' protobuf-compiler-grpc command -v grpc_python_plugin
need 'gRPC for Python' 'python3-grpcio python3-protobuf' "$PYTHON" -c 'import grpc, google.protobuf'
need Node nodejs node --version
need npm npm npm --version

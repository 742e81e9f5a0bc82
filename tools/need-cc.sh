#!/usr/bin/env bash
# The race detector is linked by a C compiler: brings one where that is possible
# and says what to do where it is not.
set -euo pipefail

cc=$(go env CC)
cc=${cc%% *}
command -v "$cc" >/dev/null && exit 0
if [ "$cc" = gcc ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo 'need-cc: there is no gcc; installing it for the race detector'
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends gcc libc6-dev
	exit 0
fi
echo "need-cc: go test -race needs a C compiler, and there is no $cc; install gcc (on Debian and Ubuntu: apt-get install gcc libc6-dev)" >&2
exit 1

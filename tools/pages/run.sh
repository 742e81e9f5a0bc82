#!/usr/bin/env bash
# Opens the pages that jisr writes in a real browser. Brings the browser where
# that is possible, and says what to do where it is not: a page that nobody
# looked at must not pass.
set -euo pipefail
cd "$(dirname "$0")"

need() { # need COMMAND PACKAGES
	command -v "$1" >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "pages: there is no $1; installing $2"
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq
		# shellcheck disable=SC2086 # several packages
		apt-get install -y -qq --no-install-recommends $2 >/dev/null
		return
	fi
	echo "pages: the pages are looked at in Chromium, and there is no $1; install $2 (on Debian and Ubuntu: apt-get install $2)" >&2
	exit 1
}

# A bare machine has no font; this one draws Latin and Arabic letters.
need "${CHROMIUM:-chromium}" "chromium fonts-dejavu-core"
need node nodejs
need npm npm
node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' || {
	echo "pages: Node $(node --version) is too old for playwright-core; install Node 20 or newer" >&2
	exit 1
}
CHROMIUM=$(command -v "${CHROMIUM:-chromium}")
export CHROMIUM

# Only where the lock file changed: a second and a half else.
if [ ! -e node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.lock
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd ../.. && go run ./cmd/jisr matrix --html "$tmp/law.html")
LAW_PAGE=$tmp/law.html node --test --test-reporter=spec .

#!/usr/bin/env bash
# Tests of the store run on a real PostgreSQL that they start themselves: brings
# its programs where that is possible and says what to do where it is not. No
# service is started and no cluster is made.
set -euo pipefail

[ -z "${JISR_TEST_POSTGRES:-}" ] || exit 0 # tests use that server

found() {
	local program
	for program in ${JISR_POSTGRES_BIN:+"$JISR_POSTGRES_BIN/postgres"} /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres "$(command -v postgres || true)"; do
		[ -x "$program" ] || continue
		[ "$("$program" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')" -ge 15 ] && return
	done
	return 1
}

found && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo 'need-postgres: there is no PostgreSQL 15 or newer; installing it for the tests'
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# What is installed afterwards makes a cluster and starts it, unless this file says no.
	apt-get install -y -qq --no-install-recommends postgresql-common
	conf=/etc/postgresql-common/createcluster.conf
	cp -p "$conf" "$conf.jisr"
	trap 'mv "$conf.jisr" "$conf"' EXIT
	echo 'create_main_cluster = false' >>"$conf"
	apt-get install -y -qq --no-install-recommends postgresql
	found && exit 0
fi
echo 'need-postgres: the tests need the programs of PostgreSQL 15 or newer; install them (on Debian and Ubuntu: apt-get install postgresql), name their folder in JISR_POSTGRES_BIN, or a server in JISR_TEST_POSTGRES' >&2
exit 1

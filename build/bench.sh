#!/usr/bin/env bash
# Prints the figures of this machine. BENCH=Name picks some, COUNT=5 repeats.
source "$(dirname "$0")/lib.sh"

bench() { go test -run '^$' -bench "${BENCH:-.}" -count "${COUNT:-1}" "$@"; }

build/setup.sh bench
build/ui.sh
build/server.sh
echo "echotv-server: $(($(stat -c %s build/bin/echotv-server) / 1000000)) MB"

# Every package that has benchmarks; a suite that needs flags of its own gets its line below.
mapfile -t suites < <(grep -rl --include='*_test.go' '^func Benchmark' app server | xargs -r -n 1 dirname | sort -u | grep -vx server/bench | sed 's|^|./|')
bench -benchmem "${suites[@]}"
# These measure for a fixed time, whole machines at once: what else runs here shows in them.
bench -benchtime 1x -timeout 20m -v ./server/bench

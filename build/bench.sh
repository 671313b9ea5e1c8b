#!/usr/bin/env bash
# Prints the figures of this machine. BENCH=Name picks some, COUNT=5 repeats.
source "$(dirname "$0")/lib.sh"

bench() { go test -run '^$' -bench "${BENCH:-.}" -benchmem -count "${COUNT:-1}" "$@"; }

build/setup.sh test
build/ui.sh
build/server.sh
echo "echotv-server: $(($(stat -c %s build/bin/echotv-server) / 1000000)) MB"

# Every package that has benchmarks; a suite that needs flags of its own gets its line below.
mapfile -t suites < <(grep -rl --include='*_test.go' '^func Benchmark' app server | xargs -r -n 1 dirname | sort -u | sed 's|^|./|')
bench "${suites[@]}"

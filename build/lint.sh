#!/usr/bin/env bash
# Formatting and static checks: Go with and without the window, the pages, and
# the lock file, which must not name the registry somebody installed from.
source "$(dirname "$0")/lib.sh"

formatted() {
	local odd
	odd=$(gofmt -l main.go app server)
	[ -z "$odd" ] || { echo "not formatted (gofmt -w): $odd"; return 1; }
}
no_registry() {
	! grep -n '"resolved"' frontend/package-lock.json
}

step "gofmt" formatted
step "lock file" no_registry
step "go vet" go vet ./...
step "go vet, with the window" go vet -tags "$window_tags" ./app/... .
build/npm.sh
step "svelte-check" npm --prefix frontend run --silent check

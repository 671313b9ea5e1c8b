#!/usr/bin/env bash
# Writes the HTTP contract from the Go handlers, and the TypeScript types from
# the contract. With --check it changes nothing and fails when the types are
# stale (a Go test does the same for the contract).
source "$(dirname "$0")/lib.sh"

build/npm.sh
if [ "${1:-}" != --check ]; then
	go test ./server/httpapi -run Contract -update
	npm --prefix frontend run --silent types
	exit
fi
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
frontend/node_modules/.bin/openapi-typescript server/httpapi/openapi.json --output "$fresh" >/dev/null
diff -u frontend/src/lib/api/schema.d.ts "$fresh" || die "the TypeScript types are stale: make types"

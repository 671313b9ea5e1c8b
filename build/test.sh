#!/usr/bin/env bash
# Sets up and runs every check and test there is. Nothing is skipped for want of
# a tool: ECHOTV_TEST_STRICT makes a missing one a failure.
source "$(dirname "$0")/lib.sh"
export ECHOTV_TEST_STRICT=1

step "set-up" build/setup.sh test
build/lint.sh
step "TypeScript types" build/types.sh --check
step "tests of the pages" npm --prefix frontend run --silent test
step "building the pages" build/ui.sh
step "building the server" build/server.sh
step "go test -race" go test -race -timeout 10m ./...
step "building the window" build/desktop.sh
step "tests of the window" go test -tags "$window_tags" -timeout 10m ./app/...
say "all is well after $SECONDS s"

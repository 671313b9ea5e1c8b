#!/usr/bin/env bash
# Builds build/bin/echotv-server: pure Go, for this machine or for the one that
# GOOS and GOARCH name.
source "$(dirname "$0")/lib.sh"

CGO_ENABLED=0 go build -ldflags "$(ldflags)" -o build/bin/echotv-server .

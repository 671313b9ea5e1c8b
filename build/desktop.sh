#!/usr/bin/env bash
# Builds the window. On Linux plain Go does it; macOS and Windows want the icon
# and the bundle that the Wails tool adds.
source "$(dirname "$0")/lib.sh"

if [ "$(uname -s)" = Linux ]; then
	go build -tags "$window_tags" -ldflags "$(ldflags)" -o build/bin/echotv .
else
	go tool -modfile=build/tools/go.mod wails build -m -ldflags "-X main.version=$(version)"
fi

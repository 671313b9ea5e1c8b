#!/usr/bin/env bash
# Sets up, builds and starts echo.tv: with a window where one can appear and its
# libraries are there, without one otherwise. Arguments go to the program.
source "$(dirname "$0")/lib.sh"

build/setup.sh server
build/ui.sh

if display && build/setup.sh window; then
	step "building the window" build/desktop.sh
	exec build/bin/echotv "$@"
fi
if display; then
	say "going on without a window; browsers work all the same"
fi
step "building the server" build/server.sh
exec build/bin/echotv-server "$@"

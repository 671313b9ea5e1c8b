#!/usr/bin/env bash
# Builds the pages into frontend/dist, from where the program embeds them.
source "$(dirname "$0")/lib.sh"

build/npm.sh
cd frontend && npm run --silent build

#!/usr/bin/env bash
# Builds the pages into frontend/dist, from where the program embeds them.
source "$(dirname "$0")/lib.sh"

build/npm.sh
cd frontend && npm run --silent build
# For browsers that take it, which are all; server/httpapi/ui.go serves them.
find dist -type f \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) -size +1k -exec gzip -9 -k -n {} +

#!/usr/bin/env bash
# Deletes what the other scripts built or installed inside this folder.
source "$(dirname "$0")/lib.sh"

rm -rf build/bin build/dist frontend/node_modules frontend/wailsjs frontend/package.json.md5
find frontend/dist -mindepth 1 ! -name .gitkeep -delete

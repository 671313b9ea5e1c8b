#!/usr/bin/env bash
# Installs the packages of the pages, when package-lock.json asks for others
# than those that are there.
source "$(dirname "$0")/lib.sh"

lock=frontend/package-lock.json
stamp=frontend/node_modules/.installed # the lock file they were installed from
if ! cmp -s "$lock" "$stamp"; then
	say "installing the packages of the pages"
	(cd frontend && npm ci --no-audit --no-fund)
	cp "$lock" "$stamp"
fi

# Shared by the scripts beside it; sourced, never run.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck disable=SC2034 # for the scripts that build it
window_tags=desktop,production,webkit2_41

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'make: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# step NAME COMMAND... says what is being done, and how long it took.
step() {
	local name=$1 began=$SECONDS
	shift
	say "$name"
	"$@" || die "$name failed"
	say "$name: $((SECONDS - began)) s"
}

# at_least WANTED GIVEN compares versions such as 1.26 and 1.26.3.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# display is true where a window can appear.
display() { [ "$(uname -s)" != Linux ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }

# version is the product's version and the commit it was built from.
version() {
	local product commit
	product=$(sed -n 's/.*"productVersion": *"\([^"]*\)".*/\1/p' wails.json)
	commit=$(git rev-parse --short HEAD 2>/dev/null || true)
	echo "$product${commit:++$commit}"
}

# The same paths for products and tests, so that they share one build cache:
# Wails and its C are compiled once, not twice (70 s of two cores).
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath"

ldflags() { echo "-s -w -X main.version=$(version)"; }

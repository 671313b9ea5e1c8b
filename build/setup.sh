#!/usr/bin/env bash
# Looks for what building needs and installs what is missing.
#   build/setup.sh server   Go, Node and npm, which it cannot install itself
#   build/setup.sh window   and the libraries of the window
#   build/setup.sh test     and everything the tests run: ffmpeg, Chromium, a virtual screen
#   build/setup.sh bench    and what the figures are compared with: nginx with its RTMP module
# Packages come from apt, as root or by a sudo that asks nothing. Otherwise it
# prints the one line to type and ends with code 3.
source "$(dirname "$0")/lib.sh"

compile=(gcc libc6-dev pkg-config libgtk-3-dev libwebkit2gtk-4.1-dev)
# Without these three WebKitGTK decodes neither H.264 nor AAC.
play=(gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav)
check=(ffmpeg chromium xvfb xauth dbus imagemagick xdotool x11-utils zbar-tools iproute2 nftables iptables procps strace git)
compare=(nginx libnginx-mod-rtmp)

check_go() {
	local wanted
	wanted=$(sed -n 's/^go //p' go.mod)
	have go || die "Go $wanted or newer is needed: https://go.dev/dl/"
	# In this folder an older Go fetches the right one by itself, where it may.
	local given
	given=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || true
	at_least "$wanted" "${given:-0}" || die "Go $wanted or newer is needed, this is ${given:-older}: https://go.dev/dl/"
}

check_node() {
	local wanted=20.19
	{ have node && have npm; } || die "Node.js $wanted or newer and npm are needed: https://nodejs.org/"
	local given
	given=$(node --version | sed 's/^v//')
	at_least "$wanted" "$given" || die "Node.js $wanted or newer is needed, this is $given: https://nodejs.org/"
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# packages NAME... installs those that are missing.
packages() {
	[ "$(uname -s)" = Linux ] || return 0
	if ! have apt-get || ! have dpkg-query; then
		say "this is not Debian or Ubuntu: please see to these packages yourself: $*"
		return 0
	fi
	local missing=() p
	for p in "$@"; do installed "$p" || missing+=("$p"); done
	[ ${#missing[@]} -gt 0 ] || return 0

	local root=()
	if [ "$(id -u)" != 0 ]; then
		if ! have sudo || ! sudo -n true 2>/dev/null; then
			say "packages are missing; install them with this line:"
			echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
			return 3
		fi
		root=(sudo -n)
	fi
	say "installing ${missing[*]}"
	local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=500)
	"${apt[@]}" update
	"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# quietly installs nginx without starting it: nobody asked for a web server. The
# policy of invoke-rc.d does that, and only root can set it.
quietly() {
	local policy=/usr/sbin/policy-rc.d
	if [ "$(id -u)" != 0 ]; then
		installed nginx || say "to compare with nginx, please install it yourself: ${compare[*]}"
		return
	fi
	[ ! -e "$policy" ] || { packages "${compare[@]}"; return; }
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	packages "${compare[@]}"
}

check_go
check_node
case "${1:-server}" in
server) ;;
window) packages "${compile[@]}" "${play[@]}" ;;
test) packages "${compile[@]}" "${play[@]}" "${check[@]}" ;;
bench)
	packages "${compile[@]}" "${play[@]}" "${check[@]}"
	quietly
	;;
*) die "build/setup.sh server|window|test|bench" ;;
esac

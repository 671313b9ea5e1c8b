#!/usr/bin/env bash
# Draws build/appicon.png and build/windows/icon.ico from build/appicon.svg.
# Needs rsvg-convert (librsvg2-bin) and convert (imagemagick); what it makes is
# committed, so only who changes the drawing runs it.
source "$(dirname "$0")/lib.sh"

sizes=(256 128 64 48 32 16)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rsvg-convert -w 1024 -h 1024 build/appicon.svg -o build/appicon.png
drawn=()
for s in "${sizes[@]}"; do
	rsvg-convert -w "$s" -h "$s" build/appicon.svg -o "$work/$s.png"
	drawn+=("$work/$s.png")
done
convert "${drawn[@]}" build/windows/icon.ico

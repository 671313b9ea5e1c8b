package hls

import (
	"net/url"
	"strconv"
	"strings"

	"echo.tv/server/tv"
)

// fileKind is what a name below /hls/<channel>/ asks for.
type fileKind byte

const (
	fileUnknown      fileKind = 0
	fileMultivariant fileKind = 'x'
	filePlaylist     fileKind = 'l'
	fileThumb        fileKind = 't'
	fileInit         fileKind = 'i'
	filePart         fileKind = 'p'
	fileSegment      fileKind = 's'
)

// parseFile reads a file name. id is the broadcast it belongs to.
func parseFile(name string) (kind fileKind, n uint64, id string) {
	switch name {
	case "index.m3u8":
		return fileMultivariant, 0, ""
	case "live.m3u8":
		return filePlaylist, 0, ""
	case "thumb.mp4":
		return fileThumb, 0, ""
	}
	stem, ext, _ := strings.Cut(name, ".")
	number, id, ok := strings.Cut(stem, "-")
	if !ok || number == "" || id == "" {
		return fileUnknown, 0, ""
	}
	kind = fileKind(number[0])
	if (kind == fileInit) != (ext == "mp4") || (kind != fileInit && ext != "m4s") {
		return fileUnknown, 0, ""
	}
	n, err := strconv.ParseUint(number[1:], 10, 63)
	if err != nil || (kind != fileInit && kind != filePart && kind != fileSegment) {
		return fileUnknown, 0, ""
	}
	return kind, n, id
}

// reload is what a player says when it asks for a playlist (RFC 8216bis §6.2.5).
type reload struct {
	blocking bool
	msn      uint64
	part     int // wholeSegment when none was named
	skip     bool
}

// parseReload reads the delivery directives. Errors: Invalid.
func parseReload(query string) (reload, error) {
	r := reload{part: wholeSegment}
	if query == "" {
		return r, nil
	}
	if len(query) > 1024 {
		return r, badDirective("the query")
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return r, badDirective("the query")
	}
	if v := q.Get("_HLS_msn"); v != "" {
		if r.msn, err = strconv.ParseUint(v, 10, 63); err != nil {
			return r, badDirective("_HLS_msn")
		}
		r.blocking = true
	}
	if v := q.Get("_HLS_part"); v != "" {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil || !r.blocking {
			return r, badDirective("_HLS_part")
		}
		r.part = int(n)
	}
	r.skip = q.Get("_HLS_skip") == "YES" || q.Get("_HLS_skip") == "v2"
	return r, nil
}

func badDirective(name string) error {
	return tv.Errorf(tv.Invalid, "%s cannot be read", name).Hint("reload the player")
}

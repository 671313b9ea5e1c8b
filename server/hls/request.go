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

// request is what is asked for below /hls/<channel>/.
type request struct {
	kind   fileKind
	n      uint64
	reload reload // of a playlist
}

// media reports whether who asks is watching.
func (q request) media() bool { return q.kind != fileThumb && q.kind != fileUnknown }

// piece names the media that q asks for, "" when it is about media.
func (q request) piece() string {
	if q.kind != filePart && q.kind != fileSegment {
		return ""
	}
	return string(q.kind) + strconv.FormatUint(q.n, 10)
}

// repeats reports whether more such requests will follow on the connection.
func (q request) repeats() bool { return q.kind == filePlaylist || q.kind == filePart }

// parse reads a file name and a query. What is of an earlier broadcast is
// unknown. Errors: Invalid.
func (g *segmenter) parse(file, query string) (q request, err error) {
	kind, n, id := parseFile(file)
	if id != "" && id != g.id {
		return q, nil
	}
	q.kind, q.n = kind, n
	if kind == filePlaylist {
		q.reload, err = parseReload(query)
	}
	return q, err
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
	if len(query) > 1024 || strings.Contains(query, ";") {
		return r, badDirective("the query")
	}
	part := ""
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		if err != nil || strings.Contains(name, "%") {
			return r, badDirective("the query")
		}
		switch {
		case value == "":
		case name == "_HLS_msn":
			if r.msn, err = strconv.ParseUint(value, 10, 63); err != nil {
				return r, badDirective(name)
			}
			r.blocking = true
		case name == "_HLS_part":
			part = value
		case name == "_HLS_skip":
			r.skip = value == "YES" || value == "v2"
		}
	}
	if part != "" {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || !r.blocking {
			return r, badDirective("_HLS_part")
		}
		r.part = int(n)
	}
	return r, nil
}

func badDirective(name string) error {
	return tv.Errorf(tv.Invalid, "%s cannot be read", name).Hint("reload the player")
}

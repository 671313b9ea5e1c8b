package stat

import (
	"mime"
	"strconv"
	"strings"
)

// Format is a way to answer /stat.
type Format int

// The formats. XML is for whoever does not say: tools.
const (
	XML Format = iota
	JSON
	Page
)

var formats = map[string]Format{
	"text/xml": XML, "application/xml": XML, "application/json": JSON, "text/html": Page, "application/xhtml+xml": Page,
}

// Negotiate returns what the header Accept asks for most (RFC 9110 §12.5.1).
// Wildcards mean XML: only a browser names text/html, and tools expect what
// nginx answers. Of two that are wanted as much the first one named wins.
func Negotiate(accept string) Format {
	best, most := XML, 0.0
	for _, part := range strings.Split(accept, ",") {
		kind, with, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		format, known := formats[kind]
		if !known && kind != "*/*" && kind != "text/*" && kind != "application/*" {
			continue
		}
		q := 1.0
		if said, ok := with["q"]; ok {
			if q, err = strconv.ParseFloat(said, 64); err != nil {
				continue
			}
		}
		if q > most {
			best, most = format, q
		}
	}
	return best
}

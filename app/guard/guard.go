// Package guard keeps the desktop window on its own pages. It owns the decision
// which address the window may load, and hooks that decision into the native
// web view; opening a link elsewhere is its caller's business.
//
// Wails intercepts no navigation on Linux: a plain link would replace the
// product, offline with an error page and no way back, and a frame of any
// origin inside a wails:// page reaches the message handlers of the window.
// The native hook is Linux only. On macOS and Windows the page's own click
// handler and its Content-Security-Policy stand alone.
//
// Every decision is made on the window's thread, so nothing here blocks.
package guard

import (
	"net/url"
	"slices"
	"strings"

	"echo.tv/server/tv"
)

// BootOrigin is where Wails serves the first page of the window.
const BootOrigin = "wails://wails"

// Policy says where the window may go.
type Policy struct {
	Origins []string         // the pages of the window, as scheme://host[:port], each exactly
	Open    func(url string) // called with http(s) addresses that belong in the system browser; must not block
	Died    func()           // called when the web process ended; the window loads its first page again by itself
}

// Navigation is one wish of the page.
type Navigation struct {
	URL       string
	NewWindow bool // target=_blank or window.open
	Gesture   bool // a person clicked; a script alone never opens a browser
}

// Allows decides n. An address elsewhere that a person clicked goes to Open.
func (p Policy) Allows(n Navigation) bool {
	if !n.NewWindow && slices.Contains(p.Origins, origin(n.URL)) {
		return true
	}
	if link, err := Link(n.URL); err == nil && n.Gesture {
		p.Open(link)
	}
	return false
}

// origin returns scheme://host of raw as a browser would compare it, and ""
// for what has none: about:blank, blob:, data:, or an address with a user name
// in it, which our own pages never have.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// refused are the characters that Wails' BrowserOpenURL takes for a shell's.
const refused = ";|$\\<>*{}[]()~!`\"' "

// Link returns raw in a spelling that the system's browser opener takes: http
// or https, with a host and without a user name, odd characters
// percent-encoded. An Invalid error says what was wrong.
func Link(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return "", tv.Errorf(tv.Invalid, "that is not a web address").Hint("only http:// and https:// links open in the browser")
	}
	if strings.ContainsAny(u.Host, refused) {
		return "", tv.Errorf(tv.Invalid, "the host of that address cannot be opened from here").Hint("use its name or its IPv4 address")
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c < 0x21 || c > 0x7e || strings.IndexByte(refused, c) >= 0 {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

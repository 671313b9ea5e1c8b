package guard

import (
	"slices"
	"testing"
)

func TestWindowStaysOnItsOwnPages(t *testing.T) {
	const here = "http://127.0.0.1:5175"
	cases := []struct {
		name   string
		nav    Navigation
		allow  bool
		opened string
	}{
		{"the first page", Navigation{URL: "wails://wails/"}, true, ""},
		{"home", Navigation{URL: here + "/#/"}, true, ""},
		{"home, spelt loudly", Navigation{URL: "HTTP://127.0.0.1:5175/"}, true, ""},
		{"another port", Navigation{URL: "http://127.0.0.1:5176/"}, false, ""},
		{"a longer host", Navigation{URL: "http://127.0.0.1:5175.evil.example/"}, false, ""},
		{"our host as a user name", Navigation{URL: "http://127.0.0.1:5175@evil.example/", Gesture: true}, false, ""},
		{"our name, another scheme", Navigation{URL: "https://127.0.0.1:5175/"}, false, ""},
		{"localhost is not the window's origin", Navigation{URL: "http://localhost:5175/"}, false, ""},
		{"a script leaves", Navigation{URL: "https://evil.example/"}, false, ""},
		{"a person clicks", Navigation{URL: "https://obsproject.com/kb", Gesture: true}, false, "https://obsproject.com/kb"},
		{"a person opens our page in a new window", Navigation{URL: here + "/#/@ann", NewWindow: true, Gesture: true}, false, here + "/#/@ann"},
		{"a script opens a window", Navigation{URL: "https://evil.example/", NewWindow: true}, false, ""},
		{"a script", Navigation{URL: "javascript:alert(1)", Gesture: true}, false, ""},
		{"a file", Navigation{URL: "file:///etc/passwd", Gesture: true}, false, ""},
		{"data", Navigation{URL: "data:text/html,hi", Gesture: true}, false, ""},
		{"blob of ours", Navigation{URL: "blob:" + here + "/1", Gesture: true}, false, ""},
		{"blank", Navigation{URL: "about:blank"}, false, ""},
		{"nothing", Navigation{}, false, ""},
		{"no address at all", Navigation{URL: "http://[::1", Gesture: true}, false, ""},
		{"wails elsewhere", Navigation{URL: "wails://wails.evil.example/"}, false, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var opened []string
			p := Policy{Origins: []string{BootOrigin, here}, Open: func(u string) { opened = append(opened, u) }}
			if got := p.Allows(c.nav); got != c.allow {
				t.Errorf("Allows(%+v) = %v", c.nav, got)
			}
			want := []string{c.opened}
			if c.opened == "" {
				want = nil
			}
			if !slices.Equal(opened, want) {
				t.Errorf("the browser was sent to %q, want %q", opened, want)
			}
		})
	}
}

func TestLinkIsSpeltForTheOpener(t *testing.T) {
	good := map[string]string{
		"https://example.com/a b":         "https://example.com/a%20b",
		"https://example.com/$(reboot)":   "https://example.com/%24%28reboot%29",
		"https://example.com/?a=1&b=2;c":  "https://example.com/?a=1&b=2%3Bc",
		"https://example.com/~ann/`id`":   "https://example.com/%7Eann/%60id%60",
		"https://example.com/ü":           "https://example.com/%C3%BC",
		"http://192.168.1.20:5175/#/@ann": "http://192.168.1.20:5175/#/@ann",
	}
	for in, want := range good {
		if got, err := Link(in); err != nil || got != want {
			t.Errorf("Link(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "example.com", "ftp://example.com", "javascript:alert(1)", "file:///etc/passwd",
		"http://", "http://u:p@example.com", "http://[::1]:5175/", "http://exa mple.com/", "wails://wails/"} {
		if got, err := Link(in); err == nil {
			t.Errorf("Link(%q) = %q, want an error", in, got)
		}
	}
}

package account

import (
	"strings"
	"testing"

	"echo.tv/server/tv"
)

func TestAChannelHasATitleAndACategory(t *testing.T) {
	a, _, ann := house(t)
	if c, err := a.Channel("ann"); err != nil || c != (Channel{Name: "ann"}) {
		t.Errorf("a new channel is %+v, %v", c, err)
	}
	c, err := a.SetChannel(t.Context(), ann, "Chess at night", "Games")
	if err != nil || c != (Channel{"ann", "Chess at night", "Games"}) {
		t.Errorf("set %+v, %v", c, err)
	}
	if got, err := a.Channel("ann"); err != nil || got != c {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = a.Channel("nobody")
	want(t, err, tv.NotFound)
	_, err = a.Channel("")
	want(t, err, tv.NotFound)
	_, err = a.SetChannel(t.Context(), User{Name: "nobody"}, "x", "y")
	want(t, err, tv.NotFound)
}

func TestHostileTitles(t *testing.T) {
	a, _, ann := house(t)
	for _, tt := range []struct{ typed, kept string }{
		{"", ""},
		{"  two  words ", "two  words"},
		{"a\x00b\x1b[31mc\u0085", "ab[31mc"},
		{"line\r\nbreak\u2028er\u2029", "line  breaker"},
		{"left\u202eright\u2066\u200f", "leftright"},
		{"bad \xff utf-8", "bad  utf-8"},
		{"👩‍👩‍👧 ça va?", "👩‍👩‍👧 ça va?"},                           // joiners stay: a family is one picture
		{"<script>alert(1)</script>", "<script>alert(1)</script>"}, // shown as text
		{strings.Repeat("é", titleMax), strings.Repeat("é", titleMax)},
		{strings.Repeat("\x00", 1000) + "x", "x"},
	} {
		c, err := a.SetChannel(t.Context(), ann, tt.typed, "")
		if err != nil || c.Title != tt.kept {
			t.Errorf("%q is kept as %q, %v", tt.typed, c.Title, err)
		}
	}
	_, err := a.SetChannel(t.Context(), ann, strings.Repeat("é", titleMax+1), "")
	want(t, err, tv.Invalid)
	_, err = a.SetChannel(t.Context(), ann, "", strings.Repeat("é", categoryMax+1))
	want(t, err, tv.Invalid)
}

func TestChannelsAreListedByName(t *testing.T) {
	a, _, ann := house(t)
	add(t, a, "zoe", tv.Viewer)
	if _, err := a.SetChannel(t.Context(), ann, "Chess", ""); err != nil {
		t.Fatal(err)
	}
	for most, names := range map[int]string{0: "", 2: "ann olga", 100: "ann olga zoe"} {
		list, err := a.Channels(most)
		var got []string
		for _, c := range list {
			got = append(got, string(c.Name))
		}
		if err != nil || strings.Join(got, " ") != names {
			t.Errorf("%d: %v, %v", most, got, err)
		}
		if most > 0 && list[0].Title != "Chess" {
			t.Errorf("%d: %+v", most, list[0])
		}
	}
}

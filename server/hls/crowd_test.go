package hls

import (
	"fmt"
	"strconv"
	"testing"
)

// players counts the names that come of n pieces of media.
func players(n int, fetch func(piece int, name func(what, conn string) string) []string) int {
	var c crowd
	names := map[string]bool{}
	for i := range n {
		for _, name := range fetch(i, func(what, conn string) string { return c.name("192.0.2.1 TV", what, conn) }) {
			names[name] = true
		}
	}
	return len(names)
}

func TestPlayersOfOneKindAreToldApartByWhatTheyFetch(t *testing.T) {
	for name, c := range map[string]struct {
		want  int
		fetch func(i int, name func(what, conn string) string) []string
	}{
		"one on one connection": {1, func(i int, name func(string, string) string) []string {
			return []string{name("", "a"), name("s"+strconv.Itoa(i), "a")}
		}},
		"one on a new connection each time": {1, func(i int, name func(string, string) string) []string {
			return []string{name("", fmt.Sprint("p", i)), name("s"+strconv.Itoa(i), fmt.Sprint("s", i))}
		}},
		"one that spreads over six": {1, func(i int, name func(string, string) string) []string {
			return []string{name("", strconv.Itoa(i%6)), name("s"+strconv.Itoa(i), strconv.Itoa(i*5%6))}
		}},
		"one that tries again": {1, func(i int, name func(string, string) string) []string {
			return []string{name("s"+strconv.Itoa(i), "a"), name("s"+strconv.Itoa(i), "a")}
		}},
		"three on one connection each": {3, func(i int, name func(string, string) string) []string {
			what := "s" + strconv.Itoa(i)
			return []string{name(what, "a"), name(what, "b"), name(what, "c")}
		}},
		"two, one of them some seconds behind": {2, func(i int, name func(string, string) string) []string {
			return []string{name("s"+strconv.Itoa(i+3), "a"), name("s"+strconv.Itoa(i), "b")}
		}},
	} {
		if got := players(20, c.fetch); got != c.want {
			t.Errorf("%s: %d players", name, got)
		}
	}
}

func TestInventedPlayersTakeNoMemory(t *testing.T) {
	var c crowd
	for i := range 3 * maxFetches {
		c.name(strconv.Itoa(i), "s1", "a")
		c.name("one", "s1", strconv.Itoa(i))
	}
	if len(c.fetched) > maxFetches || len(c.order) > maxFetches {
		t.Errorf("%d are remembered", len(c.fetched))
	}
	for _, conns := range c.fetched {
		if len(conns) > maxAlike {
			t.Errorf("%d connections of one kind", len(conns))
		}
	}
}

package peer

import (
	"math"
	"strings"
	"time"
	"unicode"

	"echo.tv/server/tv"
)

// What is kept of the word of a stranger.
const (
	maxLine     = 256 << 10 // bytes, signature and all
	maxChannels = 100
	maxTitle    = 100 // runes
	maxName     = 60
	maxWord     = 20 // a codec, a category
	maxVersion  = 40
)

// check makes s fit to be shown: what cannot be is dropped, what is too long is
// cut. behind is how far the clock of its host is behind ours; times are shifted
// by it, so that a wrong clock there makes nothing wrong here.
func (s *statement) check(now time.Time, behind time.Duration) {
	s.Name, s.Version = clean(s.Name, maxName), clean(s.Version, maxVersion)
	if s.Name == "" {
		s.Name = "echo.tv"
	}
	known := make(map[tv.ChannelName]bool)
	kept := make([]Channel, 0, min(len(s.Channels), maxChannels))
	for _, c := range s.Channels {
		if len(kept) == maxChannels {
			break
		}
		if c.check(now, behind) && !known[c.Name] {
			known[c.Name] = true
			kept = append(kept, c)
		}
	}
	s.Channels = kept
}

// check returns false for what is no channel on air.
func (c *Channel) check(now time.Time, behind time.Duration) bool {
	if name, err := tv.ParseChannelName(string(c.Name)); err != nil || name != c.Name {
		return false
	}
	switch c.State {
	case "live", "lost", "starting":
	default:
		return false
	}
	c.Title, c.Category = clean(c.Title, maxTitle), clean(c.Category, maxWord)
	c.VideoCodec, c.AudioCodec = clean(c.VideoCodec, maxWord), clean(c.AudioCodec, maxWord)
	c.Viewers, c.Bitrate = within(c.Viewers, 1e6), within(c.Bitrate, math.MaxInt32)
	c.Width, c.Height = within(c.Width, 1<<14), within(c.Height, 1<<14)
	c.FPS = max(0, min(c.FPS, 1000))
	c.Since = sane(c.Since, now, behind)
	return true
}

// sane returns when something began, by our own clock and never in the future,
// or the zero time for what cannot be.
func sane(since, now time.Time, behind time.Duration) time.Time {
	if since.IsZero() {
		return since
	}
	since = since.Add(behind).UTC()
	switch {
	case since.Year() < 2000:
		return time.Time{}
	case since.After(now):
		return now.UTC()
	}
	return since
}

func within(n, most int) int { return max(0, min(n, most)) }

// clean drops what a line of text cannot show or what shows it otherwise than it
// is: control characters, line separators, invisible ones and those that turn
// the direction of writing around. The rest is cut to most runes.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200d': // joins the parts of an emoji
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		s = strings.TrimSpace(string(runes[:most]))
	}
	return s
}

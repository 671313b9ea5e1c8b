// Package testcard is the test picture: a clip of eight seconds, made by
// build/testcard.sh, that goes on air like a stream of OBS, so that a newcomer
// sees a live channel without any. It owns the clip, its endless playing, and
// which channels show it; how it gets to the RTMP port comes in from outside.
//
// A card costs one goroutine and 0.2 Mbit/s; there are at most sixteen, each for
// ten minutes. One that its server hangs up on, as when OBS takes the channel
// over, is over: nothing tries again.
package testcard

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"
)

//go:embed testcard.flv
var flv []byte

//go:embed testcard.mp4
var clip []byte

// Clip returns the picture as fragmented MP4, H.264 and AAC, for a page to play.
// It must not be written to.
func Clip() []byte { return clip }

// Encoder is what a card says it comes from.
const Encoder = "echo.tv test picture"

// Line takes media to an RTMP server.
type Line interface {
	// Send takes the body of one FLV tag of a kind, 8 for sound and 9 for
	// pictures, at its time from the beginning.
	Send(kind byte, at time.Duration, body []byte) error
	Close() error
}

// length is that of the clip in pictures (240 at 30 a second) and in sound (375
// AAC frames of 1024 samples at 48 kHz) alike.
const length = 8 * time.Second

// tag is one FLV tag (FLV 10.1 §E.4.1).
type tag struct {
	kind byte
	at   time.Duration
	body []byte
}

// card is the clip taken apart: what a decoder needs first, and all the rest.
type card struct{ heads, frames []tag }

var theCard = sync.OnceValues(func() (card, error) { return parse(flv) })

var errFLV = errors.New("the built-in clip is damaged")

// parse reads an FLV file of H.264 and AAC. Other tags, such as metadata, are
// left out.
func parse(file []byte) (c card, err error) {
	const header, tagHeader, trailer = 9 + 4, 11, 4
	if len(file) < header {
		return c, errFLV
	}
	pictures := false
	for file = file[header:]; len(file) > 0; {
		if len(file) < tagHeader+trailer {
			return c, errFLV
		}
		size := int(binary.BigEndian.Uint32(file) & 0xffffff)
		ms := binary.BigEndian.Uint32(file[4:])
		ms = ms>>8 | ms<<24 // the fourth byte is the uppermost
		if len(file) < tagHeader+size+trailer {
			return c, errFLV
		}
		t := tag{kind: file[0], at: time.Duration(ms) * time.Millisecond, body: file[tagHeader : tagHeader+size]}
		file = file[tagHeader+size+trailer:]
		switch {
		case t.kind != 8 && t.kind != 9 || size < 2:
		case t.body[1] == 0: // AVCPacketType and AACPacketType: sequence header
			c.heads = append(c.heads, t)
		case t.body[1] == 1:
			c.frames = append(c.frames, t)
			pictures = pictures || t.kind == 9
		}
	}
	if !pictures {
		return c, errFLV
	}
	return c, nil
}

// Play sends the clip again and again, in real time and with time stamps that
// go on, until ctx ends or line fails, and returns why. It begins with a
// picture: sound before the first one could not be put on air.
func Play(ctx context.Context, line Line) error {
	c, err := theCard()
	if err != nil {
		return err
	}
	for _, t := range c.heads {
		if err := line.Send(t.kind, 0, t.body); err != nil {
			return err
		}
	}
	began := time.Now()
	first := slices.IndexFunc(c.frames, func(t tag) bool { return t.kind == 9 })
	for round := time.Duration(0); ; round += length {
		for _, t := range c.frames[first:] {
			at := round + t.at
			if err := sleep(ctx, time.Until(began.Add(at))); err != nil {
				return err
			}
			if err := line.Send(t.kind, at, t.body); err != nil {
				return err
			}
		}
		first = 0
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

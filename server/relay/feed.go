package relay

import (
	"encoding/binary"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
)

const (
	headerSize = 16
	maxFrames  = 64       // in one message: a picture and 100 ms of sound in the shortest packets are 41
	maxGroup   = 64 << 20 // bytes from key frame to key frame: 8.3 s of 64 Mbit/s; the outputs keep two

	kindInit          = 1
	kindMedia         = 2
	flagDiscontinuity = 2
)

// feed reads the binary messages of one connection, in the order that the push
// protocol gives them: announced, then an init segment, then media.
type feed struct {
	tag         uint16
	announced   bool
	keyInterval int64 // 90 kHz; 0 unknown
	tracks      []live.Track
	next        uint32 // number of the message that should come
	cut         bool   // a timeline begins: SetTracks before the next frame
	group       int    // bytes since the last key frame
	budget      *budget
}

// announce takes the words that come before an init segment.
func (f *feed) announce(tag uint16, keyInterval float64) {
	f.tag, f.announced, f.tracks = tag, true, nil
	f.keyInterval = int64(min(max(0, keyInterval), 10) * live.Second)
}

// read returns the frames of one message, none for an init segment, and when
// the last of them reached the host, ms since 1970 by its clock.
func (f *feed) read(b []byte) (frames []live.Frame, stamp uint64, err error) {
	if len(b) < headerSize || !f.announced || binary.BigEndian.Uint16(b[2:]) != f.tag {
		return nil, 0, errProtocol
	}
	number := binary.BigEndian.Uint32(b[4:])
	stamp = binary.BigEndian.Uint64(b[8:])
	body := b[headerSize:]
	switch {
	case b[0] == kindInit:
		return nil, stamp, f.begin(body)
	case b[0] != kindMedia || f.tracks == nil:
		return nil, 0, errProtocol
	}
	// After a jump the rest is not what follows: viewers must be told.
	f.cut = f.cut || b[1]&flagDiscontinuity != 0 || number != f.next
	f.next = number + 1
	for len(body) > 0 {
		var c live.Frame
		if c, body, err = cmaf.ReadChunk(f.tracks, body); err != nil || len(frames) == maxFrames {
			return nil, 0, errProtocol
		}
		frames = append(frames, c)
	}
	if len(frames) == 0 || !f.afford(frames, len(b)) {
		return nil, 0, errProtocol
	}
	return frames, stamp, nil
}

func (f *feed) begin(body []byte) error {
	tracks, err := cmaf.ReadInit(body)
	if err != nil {
		return errProtocol
	}
	if tracks[0].Video() {
		tracks[0].KeyInterval = f.keyInterval
	}
	f.tracks, f.cut = tracks, true
	return nil
}

// afford reports whether the host stays within what the outputs can hold.
func (f *feed) afford(frames []live.Frame, size int) bool {
	last := frames[len(frames)-1]
	if f.group += size; last.Track == 0 && last.Key {
		f.group = size
	}
	return f.group <= maxGroup && f.budget.spend(size, last.DTS, time.Now())
}

// The outputs keep stretches of the channel's own time, so bytes are counted
// against that, and against ours: whoever's clock stands still or races gains
// nothing.
const (
	budgetRate  = 100_000_000 / 8 // bytes per second
	budgetBurst = maxGroup        // a join begins with all since the last key frame
)

type budget struct {
	begun bool
	left  int64
	dts   int64
	at    time.Time
}

// spend takes size from what time has earned, and reports whether there was
// enough.
func (b *budget) spend(size int, dts int64, now time.Time) bool {
	if !b.begun {
		*b = budget{begun: true, left: budgetBurst, dts: dts, at: now}
	}
	media := float64(max(0, dts-b.dts)) / live.Second
	earned := int64(min(media, now.Sub(b.at).Seconds()) * budgetRate)
	b.left = min(budgetBurst, b.left+earned) - int64(size)
	b.dts, b.at = dts, now
	return b.left >= 0
}

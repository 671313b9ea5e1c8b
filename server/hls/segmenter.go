package hls

import (
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
)

const (
	partGoal    = 0.2              // seconds; shorter parts cost requests, longer ones delay
	segmentGoal = live.Second      // cut at the first key frame after this
	keySlack    = live.Second / 20 // a key frame this much early still cuts
	minTarget   = 2                // seconds; the least EXT-X-TARGETDURATION
	maxTarget   = 10               // the most, so that three of them fit in memory
	newTarget   = 8                // for a channel nothing is known of
	maxBytes    = 64 << 20         // of one segment, whatever its length
	maxPart     = 16 << 20         // of one part: a key frame may take 8
	unknownRate = 30               // fps of a stream that does not say
)

// part is a run of chunks; immutable once it is in a snapshot. Track 0 is the
// primary one, the picture where there is one: it alone decides where parts
// begin, end and how long they are. Sound that comes between two parts travels
// with the later one.
type part struct {
	id          uint64
	reply       *reply   // the chunks, one after the other; set when the part closes
	samples     []sample // what the chunks hold
	size        int
	frames      int   // of the primary track
	start       int64 // of the first of them, 90 kHz
	duration    int64 // 90 kHz, set when the part closes
	independent bool
}

// sample says what the one frame of a chunk is, for those who pack it anew; its
// payload is the chunk's end.
type sample struct {
	dts, pts int64 // 90 kHz
	end      int   // of the payload, in the body of the part
	size     int   // of the payload
	track    uint8
	key      bool
}

// segment is a run of parts. A snapshot keeps its own slice of the parts there
// were, so an open segment may grow behind it.
type segment struct {
	msn           uint64
	init          *live.Init
	discontinuity bool
	start         int64     // 90 kHz
	at            time.Time // EXT-X-PROGRAM-DATE-TIME
	parts         []*part
	pieces        [][]byte // instead of parts, of MPEG-TS
	size          int
	duration      int64 // 90 kHz, 0 while open
}

// segmenter cuts one broadcast. WriteChunk and End belong to the publisher's
// goroutine; all up to questions is for everybody.
type segmenter struct {
	ch        *live.Channel
	id        string // of the broadcast, part of every file name
	ts        tsDoor
	crowd     crowd
	snap      atomic.Pointer[snapshot]
	still     atomic.Pointer[still]
	holds     holds
	questions questions

	target   int64 // EXT-X-TARGETDURATION, seconds; 0 until the first chunk
	partLen  int64 // what a part should last, 90 kHz
	interval int64 // distance of the last two key frames, 90 kHz
	lastKey  int64
	end      int64 // end of the primary track so far

	window  window
	open    *segment
	part    *part
	chunks  [][]byte // of part
	nextMSN uint64
	nextID  uint64    // of the next part
	newest  [4]*reply // of parts; only these may stay in the kernel

	cut    bool // the next segment begins with a discontinuity
	zero   int64
	zeroAt time.Time // when frame zero arrived

	published func(time.Duration) // see Config
}

// newSegmenter returns a segmenter for ch. interval is the key interval of its
// last broadcast, 0 when unknown.
func newSegmenter(ch *live.Channel, interval int64) *segmenter {
	g := &segmenter{ch: ch, id: strconv.FormatInt(time.Now().UnixMilli(), 36), interval: interval}
	g.snap.Store(&snapshot{next: make(chan struct{})})
	return g
}

// WriteChunk takes the next chunk, and publishes a snapshot when it completes
// a part.
func (g *segmenter) WriteChunk(c *live.Chunk) {
	primary := c.Frame.Track == 0
	switch {
	case g.target == 0:
		g.begin(c)
	case c.Discontinuity:
		g.restart(c)
	case primary:
		g.cutBefore(c)
	}
	if g.open == nil {
		g.openSegment(c)
	}
	g.add(c, primary)
	if !g.complete(c, primary) {
		return
	}
	if g.part.frames == 0 {
		g.discardSound() // the picture that it waited for does not come
		return
	}
	g.closePart()
	g.publish()
	if g.published != nil {
		g.published(time.Since(c.Frame.Arrival))
	}
}

// complete reports whether c is the last chunk of its part: when not one more
// frame of this length fits, not when the next one shows that it did not.
func (g *segmenter) complete(c *live.Chunk, primary bool) bool {
	if !primary {
		return g.part.size > maxPart
	}
	g.end = c.Frame.DTS + c.Duration
	return g.end+c.Duration/2 > g.part.start+g.partLen || g.part.size > maxPart
}

// End closes everything and tells players that no more comes.
func (g *segmenter) End() {
	g.discardSound()
	g.closeSegment(g.end)
	g.window.ended = true
	g.publish()
}

// discardSound drops a part that has no frame of the primary track, and gives
// its number back: players were told to wait for it.
func (g *segmenter) discardSound() {
	if g.part != nil && g.part.frames == 0 {
		g.nextID = g.part.id
		g.part = nil
	}
}

// begin fixes what may not change any more.
func (g *segmenter) begin(c *live.Chunk) {
	t := c.Init.Tracks[0]
	frame, goal := float64(c.Duration), partGoal*live.Second
	g.target = minTarget
	if t.Video() {
		fps := t.FPS
		if fps == 0 {
			fps = unknownRate
		}
		frame = live.Second / fps
		interval := t.KeyInterval
		if interval == 0 {
			interval = g.interval
		}
		g.target = targetFor(interval)
	}
	g.partLen = int64(math.Max(1, math.Round(goal/frame)) * frame)
	g.interval = 0
	g.window.target = g.target
	g.window.keep = max(g.window.keep, minListed)
	g.zero, g.zeroAt = c.Frame.DTS, c.Frame.Arrival
}

// targetFor returns EXT-X-TARGETDURATION for key frames that far apart.
func targetFor(interval int64) int64 {
	if interval <= 0 {
		return newTarget
	}
	length := (segmentGoal - keySlack + interval - 1) / interval * interval
	return min(max(minTarget, (length+live.Second/2)/live.Second), maxTarget)
}

// restart ends the timeline so far; sound without a picture is lost with it.
func (g *segmenter) restart(c *live.Chunk) {
	g.discardSound()
	g.closeSegment(g.end)
	g.cut, g.lastKey = true, 0
	g.zero, g.zeroAt = c.Frame.DTS, c.Frame.Arrival
}

// cutBefore ends the part or the segment where a primary frame begins new ones.
func (g *segmenter) cutBefore(c *live.Chunk) {
	f, key := c.Frame, c.Frame.Key
	if key && c.Init.Tracks[0].Video() {
		if g.lastKey > 0 {
			g.interval = f.DTS - g.lastKey
		}
		g.lastKey = f.DTS
	} else {
		key = false
	}
	length := f.DTS - g.open.start
	tooLong := length+2*c.Duration > g.target*live.Second+live.Second/2 // EXTINF is rounded before it is compared
	goal := f.Key && length >= segmentGoal-keySlack
	switch {
	case goal, tooLong, g.open.size >= maxBytes:
		g.closeSegment(f.DTS)
		g.publish()
	case key && g.part != nil && g.part.frames > 0:
		g.closePart() // so that an independent part begins here
		g.publish()
	}
}

func (g *segmenter) openSegment(c *live.Chunk) {
	g.open = &segment{
		msn: g.nextMSN, init: c.Init, discontinuity: g.cut, start: c.Frame.DTS,
		at: g.zeroAt.Add(live.Span(c.Frame.DTS - g.zero)),
	}
	g.nextMSN++
	g.cut = false
	g.window.add(g.open)
}

func (g *segmenter) add(c *live.Chunk, primary bool) {
	if g.part == nil {
		g.part, g.chunks = &part{id: g.nextID}, nil
		g.nextID++
	}
	p := g.part
	if primary {
		if p.frames == 0 {
			p.start, p.independent = c.Frame.DTS, c.Frame.Key
		}
		p.frames++
	}
	g.chunks = append(g.chunks, c.Data)
	p.size += len(c.Data)
	f := &c.Frame
	p.samples = append(p.samples, sample{f.DTS, f.PTS, p.size, len(f.Payload), uint8(f.Track), f.Key})
}

// closePart puts the part into the open segment. One with no primary frame
// stays open: its sound goes into the next segment or part. The one copy of its
// bytes is made here, so that each viewer costs one write.
func (g *segmenter) closePart() {
	if g.part == nil || g.part.frames == 0 {
		return
	}
	g.part.reply = newReply(cmaf.ContentType, forEver, g.chunks...)
	newest := &g.newest[g.part.id%uint64(len(g.newest))]
	if *newest != nil {
		(*newest).unpopular()
	}
	*newest = g.part.reply
	g.part.duration = min(g.end-g.part.start, g.partLen+partSlack)
	g.open.parts = append(g.open.parts, g.part)
	g.open.size += g.part.size
	g.part, g.chunks = nil, nil
}

// closeSegment ends the open segment at end, on the clock of the channel.
func (g *segmenter) closeSegment(end int64) {
	if g.open == nil {
		return
	}
	g.closePart()
	g.open.duration = max(1, min(end, g.end+live.Second)-g.open.start)
	g.window.close(g.open)
	g.open = nil
}

// publish swaps the snapshot and wakes whoever waits for it.
func (g *segmenter) publish() {
	s := g.window.snapshot(g)
	close(g.snap.Swap(s).next)
}

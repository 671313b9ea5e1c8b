package live

import (
	"errors"
	"time"
)

// Second is one second of the channel clock: 90 kHz, as in MPEG-TS and RTP.
const Second = 90000

// Span is a stretch of the channel clock. Whole seconds apart, as nanoseconds
// times 90,000 overflow after 28 hours.
func Span(ticks int64) time.Duration {
	return time.Duration(ticks/Second)*time.Second + time.Duration(ticks%Second)*time.Second/Second
}

// ticks is a stretch of wall time on the channel clock.
func ticks(d time.Duration) int64 { return int64(d.Seconds() * Second) }

// Frame is one coded picture or one audio access unit.
type Frame struct {
	Track    int       // index into the tracks last set
	DTS, PTS int64     // 90 kHz, unwrapped; the publisher's clock before, the channel's after
	Key      bool      // decoding can start here; every audio frame is one
	Samples  int       // audio: samples in Payload, on the track's SampleRate
	Payload  []byte    // AVCC (4-byte lengths), OBUs or one audio unit; immutable from here on
	Arrival  time.Time // when its last byte left the publisher's socket
	Wire     int       // bytes it took to get here, with filler that was dropped; 0 = as many as in Payload
}

// Init is the initialisation segment that a run of chunks needs.
type Init struct {
	ID     uint64 // counts up within a channel
	Tracks []Track
	Data   []byte // ftyp + moov
}

// Chunk is one frame as moof + mdat (CMAF, ISO 23000-19 §7.3.2.3), shared by
// every reader and never written again.
type Chunk struct {
	Frame         Frame // on the channel's clock
	Init          *Init
	Discontinuity bool  // the clock or the init changed before this chunk
	Duration      int64 // 90 kHz; the distance to the previous frame of the track, as the next is not here yet
	Data          []byte
}

// Packager turns tracks and frames into fragmented MP4. Its methods are called
// by many publishers at once.
type Packager interface {
	Init([]Track) ([]byte, error)
	Chunk(seq uint32, tracks []Track, f Frame, duration int64) []byte
}

// Output takes the chunks of one channel, in the publisher's goroutine and in
// order; it must not block. End is called once, after the last chunk.
type Output interface {
	WriteChunk(*Chunk)
	End()
}

var (
	errNoPPS      = errors.New("a parameter set is missing")
	errSize       = errors.New("picture size out of range")
	errSampleRate = errors.New("sample rate out of range")
	errChannels   = errors.New("channel count out of range")
)

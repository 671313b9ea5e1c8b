package hls

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"echo.tv/server/live"
)

// tsMuxer packs one timeline with gohlslib's Muxer. One goroutine owns it, and
// it takes each piece out as soon as it is complete, so no request ever meets
// the library, whose handler we could not let anybody near:
//   - a playlist request waits for the first segment on a sync.Cond that does
//     not know the request's context (200 cancelled ones: 200 goroutines left);
//   - an unknown name is an implicit 200 without a body, a closed muxer a 500;
//   - the query is echoed into every URI;
//   - a segment is gone the moment it leaves the playlist;
//   - a second Close, and a key frame after Close, panic.
//
// The library cuts at every key frame that is later than SegmentMinDuration by
// its own idea of DTS, which it derives anew and which starts late by the
// reordering delay. So the least duration is next to nothing, what comes out is
// one piece per key frame, and what becomes a segment is decided by the feeder.
type tsMuxer struct {
	mux    *gohlslib.Muxer
	close  func() // once only
	tracks []live.Track
	out    []*gohlslib.Track // as tracks
	taken  string            // name of the last piece taken
	buf    bytes.Buffer

	begun bool // the first key frame was written
	start int64
	at    time.Time // when the piece began
	last  sample    // of the lead track
	lead  int64     // distance of its last two frames, 90 kHz
	top   int64     // highest PTS
	key   [][]byte  // the last key frame

	batch   [][]byte // sound without a picture is written eight units at a time
	batchAt time.Time
	batched int64 // DTS of the first

	due     int64 // sample number that the next sound should have; 0 before the first
	drifted bool
}

// tsPiece is what lies between two key frames: whole TS packets, tables first.
type tsPiece struct {
	data       []byte
	start, end int64 // 90 kHz
	at         time.Time
}

const (
	// One GOP of 8.3 s, OBS's default, at 30 Mbit/s. What outgrows it loses
	// pictures up to the next key frame.
	maxPiece = 32 << 20
	// Key frames closer than this, 1 ms, share a piece: the muxer's DTS might be
	// the same for both, and it would not cut.
	shortestPiece = live.Second / 1000
	soundBatch    = 8                   // units of 6 kB at most: a PES packet holds 64 kB
	maxADTS       = 1<<13 - 1 - 7       // bytes of one unit: the length field has 13 bits
	driftAllowed  = live.Second / 10    // the muxer counts AAC frames and only looks up after half a second
	muxerPatience = time.Second         // its answers take microseconds; more means that it waits
	keptInside    = 3                   // segments; the least it allows, as ours are copies
	cutAlways     = 1 * time.Nanosecond // at every key frame
)

var errMuxer = errors.New("the muxer gave no segment")

// newTSMuxer returns a muxer for tracks. Errors: as tsTracks, or the library's.
// It must be closed.
func newTSMuxer(tracks []live.Track) (*tsMuxer, error) {
	out, err := tsTracks(tracks)
	if err != nil {
		return nil, err
	}
	m := &tsMuxer{tracks: tracks, out: out}
	m.mux = &gohlslib.Muxer{
		Tracks: out, Variant: gohlslib.MuxerVariantMPEGTS,
		SegmentCount: keptInside, SegmentMinDuration: cutAlways, SegmentMaxSize: maxPiece,
		OnEncodeError: func(error) {}, // it minds that target durations change; ours do not come from it
	}
	m.close = sync.OnceFunc(m.mux.Close)
	return m, m.mux.Start()
}

// write packs one frame that arrived at at. When the frame completes a piece,
// write returns it. After an error on a key frame the muxer is of no use any
// more; on others the frame is lost.
func (m *tsMuxer) write(s sample, payload []byte, at time.Time) (*tsPiece, error) {
	if s.track == 0 {
		if m.begun {
			m.lead = s.dts - m.last.dts
		}
		m.last = s
	}
	if m.tracks[s.track].Video() {
		return m.picture(s, payload, at)
	}
	return m.sound(s, payload, at)
}

func (m *tsMuxer) picture(s sample, payload []byte, at time.Time) (*tsPiece, error) {
	au, idr, err := m.accessUnit(payload)
	if err != nil {
		return nil, err
	}
	if err := m.mux.WriteH264(m.out[s.track], at, s.pts, au); err != nil {
		return nil, err
	}
	m.top = max(m.top, s.pts)
	if !idr {
		return nil, nil
	}
	m.key = au
	return m.begin(s.dts, at)
}

// accessUnit splits AVCC into NAL units, with parameter sets before a picture
// where decoding can start: MPEG-TS has no other place for them, and the muxer
// knows the order of pictures from them. Delimiters go, as it writes its own.
func (m *tsMuxer) accessUnit(payload []byte) (au [][]byte, idr bool, err error) {
	var all h264.AVCC
	if err := all.Unmarshal(payload); err != nil {
		return nil, false, err
	}
	sets := false
	for _, u := range all {
		switch h264.NALUType(u[0] & 0x1f) {
		case h264.NALUTypeAccessUnitDelimiter:
			continue
		case h264.NALUTypeIDR:
			idr = true
		case h264.NALUTypeSPS:
			sets = true
		}
		au = append(au, u)
	}
	if c, ok := m.tracks[0].Codec.(live.H264); ok && idr && !sets {
		au = append([][]byte{c.SPS, c.PPS}, au...)
	}
	return au, idr, nil
}

func (m *tsMuxer) sound(s sample, payload []byte, at time.Time) (*tsPiece, error) {
	if len(payload) == 0 || len(payload) > maxADTS {
		return nil, nil
	}
	if s.track > 0 {
		m.watchDrift(s)
		return nil, m.mux.WriteMPEG4Audio(m.out[s.track], at, m.samples(s.track, s.dts), [][]byte{payload})
	}
	if len(m.batch) == 0 {
		m.batched, m.batchAt = s.dts, at
	}
	if m.batch = append(m.batch, payload); len(m.batch) < soundBatch {
		return nil, nil
	}
	batch := m.batch
	m.batch = nil
	if err := m.mux.WriteMPEG4Audio(m.out[0], m.batchAt, m.samples(0, m.batched), batch); err != nil {
		return nil, err
	}
	return m.begin(m.batched, m.batchAt)
}

// samples converts 90 kHz to the clock of a track of sound.
func (m *tsMuxer) samples(track uint8, dts int64) int64 {
	return (dts*int64(m.tracks[track].SampleRate) + live.Second/2) / live.Second
}

// watchDrift notices sound that left a gap: the muxer would put what follows
// right behind what was before, out of step with the picture for good. The
// feeder then begins anew at the next key frame.
func (m *tsMuxer) watchDrift(s sample) {
	if !m.begun {
		return // the muxer leaves it out
	}
	rate := int64(m.tracks[s.track].SampleRate)
	at := m.samples(s.track, s.dts)
	if off := (at - m.due) * live.Second / rate; m.due > 0 && (off > driftAllowed || off < -driftAllowed) {
		m.drifted = true
	}
	if m.due == 0 {
		m.due = at
	}
	m.due += mpeg4audio.SamplesPerAccessUnit
}

// begin notes that a piece begins at dts, and returns the one before.
func (m *tsMuxer) begin(dts int64, at time.Time) (*tsPiece, error) {
	if m.begun && dts-m.start < shortestPiece {
		return nil, nil
	}
	var p *tsPiece
	if m.begun {
		data, err := m.collect()
		if err != nil {
			return nil, err
		}
		p = &tsPiece{data: data, start: m.start, end: dts, at: m.at}
	}
	m.begun, m.start, m.at = true, dts, at
	return p, nil
}

// finish closes the muxer and returns the piece that is still open, nil when
// there is none. Only the next key frame makes the muxer give a piece away, so
// it gets the last one once more. Of sound without a picture the last third of
// a second is lost.
func (m *tsMuxer) finish() *tsPiece {
	defer m.close()
	end := m.last.dts + max(m.lead, shortestPiece)
	if m.key == nil || m.mux.WriteH264(m.out[0], m.at, m.top+max(m.lead, shortestPiece), m.key) != nil {
		return nil
	}
	p, err := m.begin(end, m.at)
	if err != nil {
		return nil
	}
	return p
}

// collect returns what the muxer completed since the last time.
func (m *tsMuxer) collect() ([]byte, error) {
	guard := time.AfterFunc(muxerPatience, m.close) // wakes whoever waits in it: us, for ever, if it had no segment
	list, err := m.get("main_stream.m3u8")
	guard.Stop()
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line == m.taken {
			names = nil
		} else if line != "" && line[0] != '#' {
			names = append(names, line)
		}
	}
	var data []byte
	for _, name := range names {
		piece, err := m.get(name)
		if err != nil {
			return nil, err
		}
		data, m.taken = append(data, piece...), name
	}
	if data == nil {
		return nil, errMuxer
	}
	return data, nil
}

// get asks the muxer for a file. The answer is good until the next call.
func (m *tsMuxer) get(name string) ([]byte, error) {
	m.buf.Reset()
	a := answer{&m.buf, http.Header{}, http.StatusOK}
	m.mux.Handle(&a, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: name}})
	if a.code != http.StatusOK || m.buf.Len() == 0 {
		return nil, errMuxer
	}
	return m.buf.Bytes(), nil
}

// answer takes down what a handler says.
type answer struct {
	*bytes.Buffer
	header http.Header
	code   int
}

func (a *answer) Header() http.Header  { return a.header }
func (a *answer) WriteHeader(code int) { a.code = code }

package rtmp

import (
	"github.com/bluenviron/gortmplib/pkg/amf0"
)

// What a stream can honestly promise; anything else was not said.
const (
	maxFPS  = 240
	maxKbit = 1e6 // 1 Gbit/s
)

// promise passes on what onMetaData says of the stream (FLV 10.1 §E.5), for
// comparing with what comes. A later message replaces what it names.
func (d *demux) promise(m amf0.Object) {
	was := d.said
	if fps, ok := amount(m, "framerate", maxFPS); ok {
		d.said.FPS = fps
	}
	if kbit, ok := amount(m, "videodatarate", maxKbit); ok {
		d.said.VideoBitrate = int(kbit * 1000)
	}
	if kbit, ok := amount(m, "audiodatarate", maxKbit); ok {
		d.said.AudioBitrate = int(kbit * 1000)
	}
	if d.said != was {
		d.sink.Announce(d.said)
	}
}

// amount returns what stands under key when it is above 0 and at most most; NaN
// is neither.
func amount(m amf0.Object, key string, most float64) (float64, bool) {
	v, _ := m.Get(key)
	n, ok := v.(float64)
	return n, ok && n > 0 && n <= most
}

// rendition notes that further pictures of the same stream come.
func (d *demux) rendition(track int) error {
	if track != videoTrack || d.said.Renditions {
		return nil
	}
	d.said.Renditions = true
	return d.sink.Announce(d.said)
}

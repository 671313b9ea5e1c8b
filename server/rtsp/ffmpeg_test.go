package rtsp

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"echo.tv/server/live"
)

// packet is what ffprobe tells of one.
type packet struct {
	Type string `json:"codec_type"`
	PTS  string `json:"pts_time"`
	Flag string `json:"flags"`
	Hash string `json:"data_hash"`
}

func (p packet) at() float64 {
	var s float64
	json.Unmarshal([]byte(p.PTS), &s)
	return s
}

func (p packet) key() bool { return p.Type == "video" && strings.HasPrefix(p.Flag, "K") }

// described is what ffprobe tells of a stream.
type described struct {
	Codec string `json:"codec_name"`
	Width int    `json:"width"`
}

// probe asks ffprobe about a file or two seconds of an address.
func probe(t *testing.T, url string, args ...string) (streams []described, packets []packet) {
	t.Helper()
	var out struct {
		Streams []described
		Packets []packet
	}
	args = append(args, "-show_streams", "-show_packets", "-show_data_hash", "md5", "-of", "json", url)
	if err := json.Unmarshal([]byte(run(t, true, "ffprobe", args...)), &out); err != nil {
		t.Fatal(err)
	}
	return out.Streams, out.Packets
}

// sounds returns when each sound of a file is due, in seconds after the key
// frames, which are a second apart.
func sounds(t *testing.T, file string) map[string]float64 {
	due := map[string]float64{}
	_, packets := probe(t, file)
	for _, p := range packets {
		if p.Type == "audio" {
			due[p.Hash] = p.at()
		}
	}
	return due
}

// late returns how many ms the sounds are late beside the picture.
func late(packets []packet, due map[string]float64) (ms []float64) {
	picture := math.NaN()
	for _, p := range packets {
		at, known := due[p.Hash]
		switch {
		case p.key() && p.PTS != "" && math.IsNaN(picture): // ffmpeg 5.1 loses the time of a stream's first picture
			picture = p.at()
		case known && !math.IsNaN(picture):
			off := p.at() - picture - at
			ms = append(ms, 1000*(off-math.Round(off)))
		}
	}
	return ms
}

func checkSync(t *testing.T, ms []float64) {
	t.Helper()
	if len(ms) < 20 {
		t.Fatalf("only %d sounds are known", len(ms))
	}
	for _, off := range ms {
		if math.Abs(off) > 2 {
			t.Fatalf("the sound is late by %.0f ms", ms)
		}
	}
}

func TestFfmpegPlaysWhatFfmpegPublishes(t *testing.T) {
	h := open(t)
	file := film(t, 8, "libx264", "aac")
	due := sounds(t, file)
	h.publish("ann", file)
	h.is("ann", live.Live)
	t.Run("over", func(t *testing.T) {
		for _, transport := range []string{"tcp", "udp"} {
			t.Run(transport, func(t *testing.T) {
				t.Parallel()
				streams, packets := probe(t, h.url("ann", ""), "-rtsp_transport", transport, "-read_intervals", "%+2.5")
				if len(streams) != 2 || streams[0].Codec != "h264" || streams[0].Width != 160 || streams[1].Codec != "aac" {
					t.Errorf("it sees %+v", streams)
				}
				if !packets[0].key() {
					t.Errorf("it begins with %+v, not with a key frame", packets[0])
				}
				checkSync(t, late(packets, due))
			})
			t.Run(transport+" decoded", func(t *testing.T) {
				t.Parallel()
				if said := run(t, true, "ffmpeg", "-rtsp_transport", transport, "-i", h.url("ann", ""), "-t", "1.5", "-f", "null", "-"); said != "" {
					t.Errorf("it complains: %s", said)
				}
			})
		}
	})
}

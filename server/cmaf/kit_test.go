package cmaf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"echo.tv/server/live"
)

// One picture each, navy, made by x264, x265 and libaom.
var (
	h264SPS = unhex("6764000aacd9447b0110000003001000000303c0f1225960")
	h264PPS = unhex("68ef8fcb")
	h264Key = avcc("6588840027ffc2e0526e14a8618083b06a9986fa5f5d4e89a8d1c5877cf4e030b4c1b8f1")

	h265VPS = unhex("40010c01ffff01600000030090000003000003001e959809")
	h265SPS = unhex("42010101600000030090000003000003001ea02083165959ae4caf016808000003000800000300f04000")
	h265PPS = unhex("4401c173d089")
	h265Key = avcc("2801af0860f2e35dfff53673f03ff7fc76278338")

	av1Header = unhex("0800000002afff9b5f2008")
	av1Key    = unhex("0a0a00000002afff9b5f200832131000c00000028000000a057700fbaf22e9b228")
)

// avcc puts a NAL unit's length in front of it.
func avcc(s string) []byte {
	nalu := unhex(s)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(nalu))), nalu...)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// must returns a track that is known to be right.
func must(t live.Track, err error) live.Track {
	if err != nil {
		panic(err)
	}
	return t
}

var (
	avc   = must(live.NewH264(h264SPS, h264PPS))
	hevc  = must(live.NewH265(h265VPS, h265SPS, h265PPS))
	av1   = must(live.NewAV1(av1Header))
	aac44 = must(live.NewAAC([]byte{0x12, 0x10}))
	aac48 = must(live.NewAAC([]byte{0x11, 0x90}))
	opus  = must(live.NewOpus(2))
)

// chunk parses what Chunk wrote, with a reader that is not ours.
func chunk(t *testing.T, b []byte) (track *fmp4.PartTrack, sample *fmp4.Sample) {
	t.Helper()
	var parts fmp4.Parts
	if err := parts.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if len(parts) != 1 || len(parts[0].Tracks) != 1 || len(parts[0].Tracks[0].Samples) != 1 {
		t.Fatalf("not one sample in one part: %+v", parts)
	}
	track = parts[0].Tracks[0]
	return track, track.Samples[0]
}

// probe asks ffprobe what is in an MP4, and fails the test when it complains.
func probe(t *testing.T, mp4 []byte, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffprobe"); err != nil {
		if os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatal("ffprobe is missing; make test installs it")
		}
		t.Skip("ffprobe is not installed; make test installs it")
	}
	cmd := exec.Command("ffprobe", append([]string{"-v", "error", "-of", "csv=p=0"}, append(args, "-")...)...)
	cmd.Stdin = bytes.NewReader(mp4)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	return string(bytes.TrimSpace(out))
}

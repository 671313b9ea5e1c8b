package rtmp

import "fmt"

// tagKind is what an audio or video message carries.
type tagKind int

const (
	tagIgnored  tagKind = iota // metadata, end of sequence
	tagSequence                // decoder configuration
	tagFrame
	tagRendition // of another track than the first
)

// tag is the meaning of an FLV audio or video tag body: FLV 10.1 §E.4, and
// Enhanced RTMP v2 for everything with a FourCC.
type tag struct {
	kind  tagKind
	codec string // a FourCC, also for the legacy ids
	cts   int32  // video: composition offset, ms, signed
	data  []byte // aliases the message
}

const (
	fourAVC  = "avc1"
	fourHEVC = "hvc1"
	fourAV1  = "av01"
	fourAAC  = "mp4a"
	fourOpus = "Opus"
)

var errTag = fmt.Errorf("%w: a media message that ends early", errProtocol)

// Enhanced RTMP packet types shared by audio and video.
const (
	exSequenceStart = 0
	exCodedFrames   = 1
	exFramesX       = 3 // video: coded frames without composition offset
	exModEx         = 7
)

// frameCommand, in the upper half of a video tag's first byte, is not a picture
// but a command to the player. Whether a picture is a key frame is not asked of
// this half: some always say yes, others never.
const frameCommand = 5

func parseVideo(b []byte) (tag, error) {
	if len(b) < 2 {
		return tag{}, errTag
	}
	if b[0]>>4&7 == frameCommand {
		return tag{}, nil
	}
	if b[0]&0x80 != 0 {
		return parseExVideo(b)
	}
	var t tag
	switch b[0] & 0x0f {
	case 7:
		t.codec = fourAVC
	case 12:
		t.codec = fourHEVC // not in the standard, but sent by many cameras and ffmpeg forks
	default:
		return tag{codec: fmt.Sprintf("FLV video codec %d", b[0]&0x0f), kind: tagFrame}, nil
	}
	if len(b) < 5 {
		return tag{}, errTag
	}
	t.cts, t.data = signed24(b[2:]), b[5:]
	switch b[1] {
	case 0:
		t.kind = tagSequence
	case 1:
		t.kind = tagFrame
	}
	return t, nil
}

func parseExVideo(b []byte) (tag, error) {
	var t tag
	typ, rest, err := exHeader(b[0]&0x0f, 6, b[1:], &t.codec)
	if err != nil || rest == nil {
		return tag{kind: tagRendition}, err
	}
	switch typ {
	case exSequenceStart:
		t.kind = tagSequence
	case exCodedFrames:
		t.kind = tagFrame
		if t.codec == fourAVC || t.codec == fourHEVC {
			if len(rest) < 3 {
				return tag{}, errTag
			}
			t.cts, rest = signed24(rest), rest[3:]
		}
	case exFramesX:
		t.kind = tagFrame
	}
	t.data = rest
	return t, nil
}

func parseAudio(b []byte) (tag, error) {
	if len(b) < 2 {
		return tag{}, nil // ffmpeg and OBS send an empty one at times
	}
	switch b[0] >> 4 {
	case 9:
		return parseExAudio(b)
	case 10:
		t := tag{codec: fourAAC, data: b[2:], kind: tagFrame}
		if b[1] == 0 {
			t.kind = tagSequence
		}
		return t, nil
	}
	return tag{codec: fmt.Sprintf("FLV audio codec %d", b[0]>>4), kind: tagFrame}, nil
}

func parseExAudio(b []byte) (tag, error) {
	var t tag
	typ, rest, err := exHeader(b[0]&0x0f, 5, b[1:], &t.codec)
	if err != nil || rest == nil {
		return tag{kind: tagRendition}, err
	}
	switch typ {
	case exSequenceStart:
		t.kind = tagSequence
	case exCodedFrames:
		t.kind = tagFrame
	}
	t.data = rest
	return t, nil
}

// exHeader reads ModEx prefixes, the multitrack header and the FourCC, and
// returns the packet type and what follows; nil when the tag is about another
// track than the first. multitrack is the packet type that announces one.
func exHeader(typ, multitrack byte, b []byte, codec *string) (byte, []byte, error) {
	typ, b, err := skipModEx(typ, b)
	if err != nil {
		return 0, nil, err
	}
	several, track := typ == multitrack, byte(0)
	if several {
		if len(b) < 1 {
			return 0, nil, errTag
		}
		if b[0]>>4 != 0 {
			return 0, nil, nil // many tracks in one message: no encoder sends it
		}
		typ, b = b[0]&0x0f, b[1:]
	}
	if len(b) < 4 {
		return 0, nil, errTag
	}
	*codec, b = string(b[:4]), b[4:]
	if several {
		if len(b) < 1 {
			return 0, nil, errTag
		}
		track, b = b[0], b[1:]
	}
	if track != 0 {
		return 0, nil, nil
	}
	return typ, b[:len(b):len(b)], nil
}

// skipModEx steps over packet modifiers, such as OBS's nanosecond offset, and
// returns the packet type behind them.
func skipModEx(typ byte, b []byte) (byte, []byte, error) {
	for typ == exModEx {
		if len(b) < 1 {
			return 0, nil, errTag
		}
		n, at := int(b[0])+1, 1
		if n == 256 {
			if len(b) < 3 {
				return 0, nil, errTag
			}
			n, at = int(b[1])<<8+int(b[2])+1, 3
		}
		if len(b) < at+n+1 {
			return 0, nil, errTag
		}
		typ, b = b[at+n]&0x0f, b[at+n+1:]
	}
	return typ, b, nil
}

func signed24(b []byte) int32 { return int32(be24(b)<<8) >> 8 }

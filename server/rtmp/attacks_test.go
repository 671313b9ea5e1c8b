package rtmp

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

// attack is what a stranger does; want is the reason in the one line that is
// logged about it.
type attack struct {
	do   func(*house) *peer
	want string
}

// begin is an attack that starts with bytes instead of a handshake.
func begin(parts ...[]byte) func(*house) *peer {
	return func(h *house) *peer { return h.dial().say(parts...) }
}

// after is an attack behind a handshake.
func after(parts ...[]byte) func(*house) *peer {
	return func(h *house) *peer { return h.greet().say(parts...) }
}

// connected is an attack behind an accepted connect.
func connected(parts ...[]byte) func(*house) *peer {
	return func(h *house) *peer {
		p := h.greet().say(connect("live"))
		p.until("_result")
		return p.say(parts...)
	}
}

// published is an attack by somebody whose key is good.
func published(parts ...[]byte) func(*house) *peer {
	return func(h *house) *peer { return h.onAir("mallory").say(parts...) }
}

// drip says everything a byte at a time.
func drip(b []byte) func(*house) *peer {
	return func(h *house) *peer {
		p := h.dial()
		go func() {
			for i := range b {
				if _, err := p.Write(b[i : i+1]); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		return p
	}
}

// left is an attack that ends with the peer's own goodbye.
func left(do func(*house) *peer) func(*house) *peer {
	return func(h *house) *peer {
		p := do(h)
		p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		return p
	}
}

var noise = rand.New(rand.NewPCG(1, 2))

func random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(noise.Uint32())
	}
	return b
}

// bomb nests AMF0 objects; Go's stack would end the process at some ten million.
func bomb(levels int) []byte {
	return append(spoken("connect", 1), bytes.Repeat([]byte{amfObject, 0, 1, 'a'}, levels)...)
}

// many sends n messages of a type on as many chunk streams.
func many(n int, typ byte, body []byte) []byte {
	var out []byte
	for i := range n {
		out = append(out, msg(uint32(3+i), typ, 0, body)...)
	}
	return out
}

// unfinished begins n messages on as many chunk streams.
func unfinished(n, length int) []byte {
	var out []byte
	for i := range n {
		out = append(append(out, header(0, uint32(10+i), typVideo, 0, length)...), make([]byte, usualChunk)...)
	}
	return out
}

var strangers = map[string]attack{
	"random bytes":              {begin([]byte{0x99}, random(5000)), "invalid rtmp version"},
	"a web browser":             {begin([]byte("GET / HTTP/1.1\r\nHost: tv\r\n\r\n")), "invalid rtmp version"},
	"RTMPE":                     {begin([]byte{6}, random(1536)), "RTMPE"},
	"half a handshake":          {begin([]byte{3}, random(700)), "nothing was published"},
	"half a handshake, goodbye": {left(begin([]byte{3}, random(700))), "left before"},
	"a handshake, goodbye":      {left(after()), "left before"},
	"a handshake in drips":      {drip(append([]byte{3}, random(3072)...)), "nothing was published"},
	"a handshake, then noise":   {after([]byte{0xff}, random(5000)), "not valid RTMP"},
	"silence after it":          {after(), "nothing was published"},

	"chunk size 0":                 {after(setChunkSize(0)), "chunk size 0"},
	"chunk size 1":                 {after(setChunkSize(1)), "chunk size 1"},
	"chunk size 127":               {after(setChunkSize(127)), "chunk size 127"},
	"chunk size 2^31":              {after(setChunkSize(1 << 31)), "chunk size 2147483648"},
	"chunk size 2^32-1":            {after(setChunkSize(math.MaxUint32)), "chunk size 4294967295"},
	"a chunk size cut short":       {after(msg(2, typSetChunkSize, 0, []byte{1})), "nothing was published"},
	"a message of 10 MiB":          {after(header(0, 3, typCommand, 0, 10<<20)), "a message of 10485760 bytes"},
	"a message of 64 KiB and one":  {after(header(0, 3, typCommand, 0, 64<<10+1)), "a message of 65537 bytes"},
	"more than 64 KiB":             {after(msg(3, 99, 0, make([]byte, 60000)), msg(3, 99, 0, make([]byte, 60000))), "before a key"},
	"unfinished on many streams":   {after(unfinished(9, 60000)), "unfinished messages"},
	"too much unfinished":          {after(setChunkSize(32000), header(0, 5, 9, 0, 50000), make([]byte, 32000), header(0, 6, 9, 0, 50000), make([]byte, 32000)), "before a key"},
	"a chunk that refers to none":  {after(header(3, 9, 0, 0, 0)), "refers to one that never came"},
	"a delta without a first":      {after(header(1, 9, typVideo, 0, 5), make([]byte, 5)), "refers to one that never came"},
	"a message inside a message":   {after(header(0, 9, typVideo, 0, 500), make([]byte, usualChunk), header(0, 9, typVideo, 0, 5)), "begins inside another"},
	"on 100 chunk streams":         {after(many(100, 99, nil)), "not valid RTMP"},
	"abort and on":                 {after(unfinished(1, 60000), msg(2, typAbort, 0, []byte{0, 0, 0, 10}), header(3, 10, 0, 0, 0), make([]byte, 50)), "nothing was published"},
	"wide chunk stream numbers":    {after(msg(65599, 99, 0, nil), msg(319, 99, 0, nil)), "nothing was published"},
	"a million pings":              {after(bytes.Repeat(ping(1), 3000)), "64 messages and no publish"},
	"a million createStreams":      {connected(bytes.Repeat(cmd(typCommand, "createStream", 2, nil), 1000)), "64 messages and no publish"},
	"pictures before a publish":    {connected(msg(6, typVideo, 0, avcFrame(0, h264Key))), "nothing was published"},
	"a publish before any connect": {after(publishAs("")), "a command before connect"},
	"play before any connect":      {after(cmd(typCommand, "play", 1, nil, "ann")), "a command before connect"},

	"an AMF0 bomb of a million":    {after(setChunkSize(8<<20), header(0, 3, typCommand, 0, 4<<20), bomb(1<<20)), "a message of 4194304 bytes"},
	"an AMF0 bomb in 60 KB":        {after(msg(3, typCommand, 0, bomb(14000))), "deeper than 16"},
	"a bomb of arrays":             {after(msg(3, typCommand, 0, append(spoken("connect", 1), bytes.Repeat([]byte{amfArray, 0, 0, 0, 1}, 9000)...))), "deeper than 16"},
	"a strict array of 2^32-1":     {after(msg(3, typCommand, 0, append(spoken("connect", 1), amfArray, 0xff, 0xff, 0xff, 0xff))), "AMF0 ends early"},
	"2000 values":                  {after(msg(3, typCommand, 0, append(spoken("connect", 1), repeat(2000, amfNull)...))), "more than 1024 AMF0 values"},
	"a long AMF0 key":              {after(cmd(typCommand, "connect", 1, amf0.Object{{Key: strings.Repeat("k", 300), Value: "v"}})), "AMF0 key of 300 bytes"},
	"an AMF0 string without end":   {after(msg(3, typCommand, 0, []byte{amfString, 0xff, 0xff, 'c'})), "AMF0 ends early"},
	"an AMF0 date":                 {after(msg(3, typCommand, 0, []byte{0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "AMF0 marker 11"},
	"an empty command":             {after(msg(3, typCommand, 0, nil)), "without a name"},
	"an empty AMF3 command":        {after(msg(3, typCommandAMF3, 0, nil)), "without a name"},
	"a command without a number":   {after(msg(3, typCommand, 0, []byte{amfString, 0, 1, 'x', amfNull})), "without a name"},
	"a connect without arguments":  {after(cmd(typCommand, "connect", 1)), "must end in /live"},
	"a connect that is no object":  {after(cmd(typCommand, "connect", 1, "live")), "must end in /live"},
	"a hostile application's name": {after(connect("live\n\x1b[2Jlevel=ERROR msg=pwned")), "must end in /live"},
}

var insiders = map[string]attack{
	"nothing after the publish":      {published(), "no media came"},
	"publish again":                  {published(publishAs("live_x"), publishAs("")), "no media came"},
	"play after publish":             {published(cmd(typCommand, "play", 6, nil, "ann")), "no media came"},
	"connect after publish":          {published(connect("app"), connect("")), "no media came"},
	"pings only":                     {published(bytes.Repeat(ping(1), 100)), "no media came"},
	"metadata only":                  {published(msg(4, typData, 0, metadata())), "no media came"},
	"garbage for metadata":           {published(msg(4, typData, 0, random(500)), msg(4, typData, 0, bomb(14000))), "no media came"},
	"garbage for a command":          {published(msg(4, typCommand, 0, random(500)), msg(4, typCommandAMF3, 0, nil)), "no media came"},
	"an AMF0 bomb of 4 MiB":          {published(setChunkSize(8<<20), chunks(4, typData, 0, bomb(1<<20-10), 8<<20)), "no media came"},
	"a message of 10 MiB":            {published(header(0, 4, typVideo, 0, 10<<20)), "a message of 10485760 bytes"},
	"200 chunk streams":              {published(many(200, 99, nil)), "more than 64 chunk streams"},
	"unfinished on nine":             {published(unfinished(9, 8<<20)), "unfinished messages"},
	"a picture that never ends":      {published(unfinished(1, 8<<20)), "no media came"},
	"frames without settings":        {published(bytes.Repeat(msg(6, typVideo, 0, avcFrame(0, h264Key)), 150)), "cannot be read"},
	"settings that are garbage":      {published(msg(6, typVideo, 0, avcTag(0, 0, random(100)))), "another encoder"},
	"settings that end early":        {published(msg(6, typVideo, 0, avcTag(0, 0, []byte{1}))), "settings end early"},
	"a picture nobody plays":         {published(msg(6, typVideo, 0, []byte{0x12, 1, 2, 3})), "viewers cannot play this video"},
	"settings of VP9":                {published(msg(6, typVideo, 0, ex(0x90, "vp09", random(20)))), "viewers cannot play this video"},
	"an encoder with a hostile name": {published(msg(6, typVideo, 0, ex(0x90, "\n\x1b[2", random(20)))), `\"\\n\\x1b[2\"`},
	"a goodbye in mid-message":       {left(published(unfinished(1, 60000))), "connection ended"},
}

package rtsp

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// house is a server on free ports, a hub that plays through it and records, and
// a ring of keys. When the test ends everybody must have gone home, nothing may
// have panicked, and no key may stand in the log.
type house struct {
	*Server
	t    testing.TB
	hub  *live.Hub
	keys *keyring
	log  *book

	mu    sync.Mutex
	tapes map[tv.ChannelName]*tape // guarded by mu; of the newest broadcast

	stop func()
}

// open starts a house after change, if any, has set it up.
func open(t testing.TB, change ...func(*Server)) *house {
	t.Helper()
	h := &house{t: t, keys: &keyring{grants: map[string]Grant{}}, log: &book{}, tapes: map[tv.ChannelName]*tape{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Listen(Config{Addr: "127.0.0.1:0", Log: log, Auth: h.keys,
		Publish: func(p live.Publisher) (*live.Session, error) { return h.hub.Publish(p) }})
	if err != nil {
		t.Fatal(err)
	}
	s.door.crowd = crowd{all: 10_000, perAddr: 10_000, fresh: 10_000} // the whole test comes from one address
	for _, f := range change {
		f(s)
	}
	h.Server = s
	h.hub = live.NewHub(live.Config{Log: log, Packager: cmaf.Packager{}, Outputs: []func(*live.Channel) live.Output{h.record, s.Attach}})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{s.Run, h.hub.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
	h.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(h.inspect)
	return h
}

func (h *house) inspect() {
	h.t.Helper()
	h.stop()
	if n := h.Recovered(); n != 0 {
		h.t.Errorf("%d panics were recovered", n)
	}
	h.eventually(everybodyIsHome)
	for secret := range h.keys.all() {
		if strings.Contains(h.log.String(), secret) {
			h.t.Error("a stream key stands in the log")
		}
	}
	if h.t.Failed() {
		h.t.Logf("the log:\n%s", h.log.String())
	}
}

// everybodyIsHome looks for goroutines of this package and of the library's server.
func everybodyIsHome() string {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for g := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		for _, ours := range []string{"rtsp.(*Server)", "rtsp.(*player)", "gortsplib/v4.(*Server", "gortsplib/v4.(*server", "rtcpsender", "rtcpreceiver"} {
			if bytes.Contains(g, []byte(ours)) && !bytes.Contains(g, []byte("gortsplib/v4.(*Client)")) {
				return "still running:\n" + string(g)
			}
		}
	}
	return ""
}

// eventually waits until what is "", which otherwise says what is still missing.
func (h *house) eventually(what func() string) {
	h.t.Helper()
	var missing string
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if missing = what(); missing == "" {
			return
		}
	}
	h.t.Fatal(missing)
}

// logs waits for a line with all the given texts.
func (h *house) logs(texts ...string) {
	h.t.Helper()
	h.eventually(func() string {
		for line := range strings.Lines(h.log.String()) {
			if containsAll(line, texts) {
				return ""
			}
		}
		return "no line with " + strings.Join(texts, ", ")
	})
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// is waits for a state of a channel.
func (h *house) is(name tv.ChannelName, want live.State) {
	h.t.Helper()
	h.eventually(func() string {
		if st := h.hub.Status(name); st.State != want {
			return string(name) + " is " + string(st.State) + ", not " + string(want)
		}
		return ""
	})
}

// url is a channel's address, with a key that may publish there if there is one.
func (h *house) url(name, secret string) string {
	if secret != "" {
		return "rtsp://" + name + ":" + secret + "@" + h.Addr().String() + "/" + name
	}
	return "rtsp://" + h.Addr().String() + "/" + name
}

// dial opens a bare connection.
func (h *house) dial() net.Conn {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	return nc
}

// record is an output of the hub that keeps what it is given.
func (h *house) record(ch *live.Channel) live.Output {
	r := &tape{}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tapes[ch.Name()] = r
	return r
}

// frames waits until a channel has at least n chunks and returns them.
func (h *house) frames(name tv.ChannelName, n int) []*live.Chunk {
	h.t.Helper()
	var got []*live.Chunk
	h.eventually(func() string {
		h.mu.Lock()
		r := h.tapes[name]
		h.mu.Unlock()
		if r != nil {
			got = r.all()
		}
		if len(got) < n {
			return "too few frames reached the hub"
		}
		return ""
	})
	return got
}

type tape struct {
	mu     sync.Mutex
	chunks []*live.Chunk
}

func (r *tape) WriteChunk(c *live.Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks = append(r.chunks, c)
}

func (r *tape) End() {}

func (r *tape) all() []*live.Chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chunks[:len(r.chunks):len(r.chunks)]
}

// keyring is an Authorizer.
type keyring struct {
	mu     sync.Mutex
	grants map[string]Grant // by secret
	err    error            // when set, what everybody is told
	asked  int
	before func(nth int) // runs before the nth question is answered
}

func (k *keyring) Publisher(_ context.Context, _ netip.Addr, key tv.StreamKey) (Grant, error) {
	k.mu.Lock()
	k.asked++
	nth, before := k.asked, k.before
	k.mu.Unlock()
	if before != nil {
		before(nth)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	g, ok := k.grants[key.Reveal()]
	switch {
	case k.err != nil:
		return Grant{}, k.err
	case !ok:
		return Grant{}, tv.Errorf(tv.NotFound, "nobody here has that stream key")
	}
	return g, nil
}

// make returns a new key's secret that publishes to a channel; the key's id is
// the channel's name.
func (k *keyring) make(channel tv.ChannelName) string {
	key := tv.NewStreamKey()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.grants[key.Reveal()] = Grant{Channel: channel, KeyID: string(channel), KeyLabel: "main"}
	return key.Reveal()
}

func (k *keyring) revoke(secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.grants, secret)
}

func (k *keyring) refuse(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *keyring) all() map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]bool{}
	for secret := range k.grants {
		out[secret] = true
	}
	return out
}

// book is a log that can be read while it is written.
type book struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A few real parameter sets and frames.
var (
	h264SPS  = unhex("6764000aacd9447b0110000003001000000303c0f1225960") // 64x48 at 30 fps
	h264PPS  = unhex("68ef8fcb")
	otherSPS = unhex("6742c028d900780227e584000003000400000300f03c60c920") // 1920x1080
	h265VPS  = unhex("40010c01ffff01600000030090000003000003001e959809")
	h265SPS  = unhex("42010101600000030090000003000003001ea02083165959ae4caf016808000003000800000300f04000")
	h265PPS  = unhex("4401c173d089")

	av1Header = unhex("0800000002afff9b5f2008")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	h264Track = must(live.NewH264(h264SPS, h264PPS))
	h265Track = must(live.NewH265(h265VPS, h265SPS, h265PPS))
	aacTrack  = must(live.NewAAC(unhex("1190"))) // 48 kHz stereo
)

// numberOf returns which frame of a feed a NAL unit is.
func numberOf(nalu []byte) int {
	if len(nalu) < 3 {
		return 0
	}
	return int(nalu[1]&0x7f)<<7 | int(nalu[2]&0x7f)
}

// feed is a publisher of made-up frames, 30 a second, on a clock of its own.
type feed struct {
	h       *house
	session *live.Session
	sound   bool
	frame   int
}

func (h *house) feed(name tv.ChannelName, tracks ...live.Track) *feed {
	h.t.Helper()
	s, err := h.hub.Publish(live.Publisher{Channel: name, KeyID: string(name)})
	if err == nil {
		err = s.SetTracks(tracks)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return &feed{h: h, session: s, sound: len(tracks) > 1}
}

// send writes n pictures of size bytes, every tenth a key frame, each with the
// sound of its time if there is such a track.
func (f *feed) send(n, size int) *feed {
	f.h.t.Helper()
	for range n {
		at := int64(f.frame) * 3000
		key := f.frame%10 == 0
		b := bytes.Repeat([]byte{0xff}, 4+size) // zeros would be a start code somewhere
		binary.BigEndian.PutUint32(b, uint32(size))
		if b[4] = 0x41; key {
			b[4] = 0x65
		}
		b[5], b[6] = byte(f.frame>>7)|0x80, byte(f.frame)|0x80
		f.write(live.Frame{DTS: at, PTS: at, Key: key, Payload: b})
		if f.sound {
			f.write(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1600, Payload: []byte("sound")})
		}
		f.frame++
	}
	return f
}

func (f *feed) write(fr live.Frame) {
	f.h.t.Helper()
	fr.Arrival = time.Now()
	if err := f.session.WriteFrame(fr); err != nil {
		f.h.t.Fatal(err)
	}
}

// run sends in real time until the test ends or the returned function is called.
func (f *feed) run(size int) (stop func()) {
	ctx, cancel := context.WithCancel(f.h.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for pause(ctx, time.Second/30) {
			f.send(1, size)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	f.h.t.Cleanup(stop)
	return stop
}

// need skips the test where a program is missing, or fails it where the suite
// promised that nothing is.
func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatalf("%s is missing; make test installs it", program)
		}
		t.Skipf("%s is not installed; make test installs it", program)
	}
}

// run runs a program and returns what it says; it fails the test when the
// program's success is not as wanted.
func run(t testing.TB, succeed bool, program string, args ...string) string {
	t.Helper()
	need(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, append([]string{"-v", "error"}, args...)...).CombinedOutput()
	if (err == nil) != succeed {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// films are made once; TestMain removes them.
var films struct {
	sync.Mutex
	dir string
}

func TestMain(m *testing.M) {
	films.dir = must(os.MkdirTemp("", "rtsp-films"))
	code := m.Run()
	os.RemoveAll(films.dir)
	os.Exit(code)
}

// film returns a clip of some seconds, of a codec pair: a small picture with a
// key frame a second and two B-frames, and a tone.
func film(t testing.TB, seconds int, video, audio string) string {
	t.Helper()
	films.Lock()
	defer films.Unlock()
	file := filepath.Join(films.dir, fmt.Sprintf("%s-%s-%d.mp4", video, audio, seconds))
	if _, err := os.Stat(file); err == nil {
		return file
	}
	run(t, true, "ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=30", "-f", "lavfi", "-i", "sine=r=48000:b=2", "-t", fmt.Sprint(seconds),
		"-c:v", video, "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-sc_threshold", "0", "-bf", "2",
		"-x265-params", "log-level=none:bframes=2:keyint=30:min-keyint=30:scenecut=0:open-gop=0", "-c:a", audio, "-strict", "-2", file)
	return file
}

// encoder is an ffmpeg that publishes.
type encoder struct {
	cmd *exec.Cmd
	out bytes.Buffer
	end chan struct{}
}

// publish streams a file to a channel in real time, for ever, until the test ends.
func (h *house) publish(name, file string, args ...string) *encoder {
	h.t.Helper()
	need(h.t, "ffmpeg")
	all := append([]string{"-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy"}, args...)
	all = append(all, "-f", "rtsp", "-rtsp_transport", "tcp", h.url(name, h.keys.make(tv.ChannelName(name))))
	e := &encoder{cmd: exec.Command("ffmpeg", all...), end: make(chan struct{})}
	e.cmd.Stderr = &e.out
	if err := e.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() { e.cmd.Wait(); close(e.end) }()
	h.t.Cleanup(func() { e.stop(os.Kill) })
	return e
}

func (e *encoder) stop(how os.Signal) {
	e.cmd.Process.Signal(how)
	<-e.end
}

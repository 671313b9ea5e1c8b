package rtmp

import (
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// The conversation of OBS 29, as recorded: the chunk size comes before connect,
// and three commands in a row want one answer.
func TestOBSIsAnsweredInItsOwnOrder(t *testing.T) {
	h := open(t)
	key := h.keys.make("ann")
	p := h.greet()
	url := "rtmp://" + h.Addr().String() + "/live"
	obs := func(name string, id float64, args ...any) []byte {
		return chunks(3, typCommand, 0, spoken(name, id, args...), 4096)
	}
	p.say(setChunkSize(4096), obs("connect", 1, amf0.Object{
		{Key: "app", Value: "live"}, {Key: "type", Value: "nonprivate"}, {Key: "supportsGoAway", Value: true},
		{Key: "flashVer", Value: "FMLE/3.0 (compatible; FMSc/1.0)"}, {Key: "swfUrl", Value: url}, {Key: "tcUrl", Value: url},
	}))
	p.hears("SetWindowAckSize", "SetPeerBandwidth", "SetChunkSize", "_result 1 NetConnection.Connect.Success")
	p.say(obs("releaseStream", 2, nil, key), obs("FCPublish", 3, nil, key),
		obs("createStream", 4, nil))
	p.hears("_result 4")
	p.say(obs("publish", 5, nil, key, "live"))
	p.hears("StreamBegin", "onStatus 0 NetStream.Publish.Start")

	p.say(chunks(4, typData, 0, metadata(
		amf0.ObjectEntry{Key: "videocodecid", Value: float64(7)}, amf0.ObjectEntry{Key: "audiocodecid", Value: float64(10)},
		amf0.ObjectEntry{Key: "encoder", Value: "obs-output module (libobs version 29.0.2)"}), 4096))
	p.say(chunks(4, typAudio, 0, aacTag(0, aacConfig), 4096), chunks(4, typVideo, 0, avcConfigTag(h264SPS, h264PPS), 4096),
		chunks(4, typVideo, 0, avcFrame(0, h264Key), 4096))
	h.frames("ann", 1)
	if st := h.hub.Status("ann"); st.Encoder != "obs-output module (libobs version 29.0.2)" {
		t.Errorf("encoder %q", st.Encoder)
	}
	p.say(obs("FCUnpublish", 6, nil, key), obs("deleteStream", 7, nil, float64(1)))
	p.Close()
	h.offAir("ann")
	h.logs("channel=", "the publisher stopped")
	if strings.Contains(h.log.String(), "connection closed") {
		t.Error("a clean goodbye is logged as an accident")
	}
}

// hears fails the test unless the server says exactly this next.
func (p *peer) hears(want ...string) {
	p.h.t.Helper()
	for _, w := range want {
		m, err := p.hear()
		if err != nil {
			p.h.t.Fatalf("instead of %s: %v", w, err)
		}
		got := m.name
		if m.name == "_result" || m.name == "_error" || m.name == "onStatus" {
			got = strings.TrimSpace(m.name + " " + string(rune('0'+m.id)) + " " + m.code)
		}
		if got != w {
			p.h.t.Fatalf("the server says %q, want %q", got, w)
		}
		if w == "_result 4" && !reflect.DeepEqual(m.args, amf0.Data{nil, float64(1)}) {
			p.h.t.Fatalf("createStream is answered with %v", m.args)
		}
	}
}

// OBS shows its "check your stream key" dialog at once for these codes only, and
// only when it can read them before the connection ends.
func TestARefusalCanBeReadBeforeTheConnectionEnds(t *testing.T) {
	unknown := tv.NewStreamKey().Reveal()
	for name, tc := range map[string]struct {
		say  []byte
		want string
	}{
		"a key nobody has":   {publishAs(unknown), "onStatus 0 NetStream.Publish.BadName"},
		"a mistyped key":     {publishAs("live_oops"), "onStatus 0 NetStream.Publish.BadName"},
		"no key":             {publishAs(""), "onStatus 0 NetStream.Publish.BadName"},
		"a key too many":     {publishAs(unknown + "/" + unknown), "onStatus 0 NetStream.Publish.BadName"},
		"a key as number":    {cmd(typCommand, "publish", 5, nil, 5.0), "onStatus 0 NetStream.Publish.BadName"},
		"somebody who plays": {cmd(typCommand, "play", 5, nil, "ann"), "onStatus 0 NetStream.Play.StreamNotFound"},
		"another server's":   {connect("app"), "_error 1 NetConnection.Connect.InvalidApp"},
		"no server's":        {connect(""), "_error 1 NetConnection.Connect.InvalidApp"},
		"one like ours":      {connect("livestream"), "_error 1 NetConnection.Connect.InvalidApp"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			p := h.greet()
			if !strings.HasPrefix(tc.want, "_error") {
				p.say(connect("live"))
				p.until("_result")
			}
			began := time.Now()
			p.say(tc.say).hears(tc.want)
			if _, err := p.hear(); !errors.Is(err, io.EOF) {
				t.Errorf("after it: %v", err)
			}
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("it took %v", d)
			}
			p.Close()
			h.logs("connection closed")
			if strings.Contains(h.log.String(), unknown) || strings.Contains(h.log.String(), "oops") {
				t.Error("what was tried as a key stands in the log")
			}
		})
	}
}

func publishAs(key string) []byte { return cmd(typCommand, "publish", 5, nil, key, "live") }

// OBS that reconnects must not be told that its key is bad only because the
// house is busy: without a status it tries again.
func TestOtherRefusalsEndWithoutAStatus(t *testing.T) {
	for name, err := range map[string]error{
		"too many tries": tv.Errorf(tv.TooMany, "too many tries").After(time.Minute),
		"storage":        tv.Errorf(tv.Unavailable, "the disk is away"),
		"our own fault":  errors.New("nobody thought of this"),
		"not to be told": tv.Errorf(tv.Forbidden, "banned"),
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.keys.refuse(err)
			p := h.greet().say(connect("live"))
			p.until("_result")
			p.say(publishAs(h.keys.make("ann")))
			if m, err := p.hear(); !errors.Is(err, io.EOF) {
				t.Errorf("heard %v, %v", m, err)
			}
			h.logs("connection closed", err.Error())
		})
	}
}

func TestTheServerAddressIsReadAsPeopleWriteIt(t *testing.T) {
	for app, name := range map[string]string{
		"live": "KEY", "live/": "KEY", "/live": "KEY", "live?x=1": "KEY?user=u&pass=p", "live/KEY": "", "live/KEY?a=b": "?c",
		"live//": "/KEY/",
	} {
		h := open(t)
		key := h.keys.make("ann")
		p := h.greet().say(connect(strings.ReplaceAll(app, "KEY", key)))
		p.until("_result")
		p.say(publishAs(strings.ReplaceAll(name, "KEY", key)))
		if m := p.until("onStatus"); m.code != "NetStream.Publish.Start" {
			t.Errorf("app %q, name %q: %+v", app, name, m)
		}
		p.Close()
		h.gone("ann")
	}
}

func TestCommandsInAMF3ClothesAreUnderstood(t *testing.T) {
	h := open(t)
	p := h.greet().say(cmd(typCommandAMF3, "connect", 1, amf0.Object{{Key: "app", Value: "live"}, {Key: "objectEncoding", Value: float64(3)}}))
	p.until("_result")
	p.say(cmd(typCommandAMF3, "publish", 5, nil, h.keys.make("ann"), "live"))
	p.until("onStatus")
	p.start()
	h.frames("ann", 1)
	p.say(cmd(typCommandAMF3, "deleteStream", 6, nil, float64(1)))
	h.offAir("ann")
	h.logs("channel=", "the publisher stopped")
}

func TestEveryWayToSayGoodbyeEndsTheBroadcast(t *testing.T) {
	for _, word := range []string{"FCUnpublish", "deleteStream", "closeStream"} {
		h := open(t)
		p := h.onAir("ann").start()
		h.frames("ann", 1)
		began := time.Now()
		p.say(cmd(typCommand, word, 9, nil, float64(1)))
		h.offAir("ann")
		p.hungUp(time.Second)
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("%s: off the air after %v", word, d)
		}
		h.logs("channel=", "the publisher stopped")
	}
}

func TestPingsAreAnsweredAndBytesAcknowledged(t *testing.T) {
	h := open(t)
	p := h.greet().say(msg(2, typWindowAck, 0, []byte{0, 0, 4, 0}), ping(7), connect("live"))
	var got []string
	for len(got) == 0 || got[len(got)-1] != "_result" {
		m, err := p.hear()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.name)
	}
	if !slices.Contains(got, "PingResponse") {
		t.Errorf("heard %v", got)
	}
	p.say(publishAs(h.keys.make("ann")))
	p.until("onStatus")
	p.start().audio(0, aacTag(1, make([]byte, 2000)))
	p.until("Acknowledge")
}

// Whoever revokes a key looks for its publisher. One that is just being let in
// is not there yet when they look, so the key is asked about twice.
func TestAKeyRevokedWhileItsPublisherIsLetInCutsIt(t *testing.T) {
	h := open(t)
	key := h.keys.make("ann")
	h.keys.before = func(nth int) {
		if nth == 2 {
			h.keys.revoke(key)
		}
	}
	p := h.greet().say(connect("live"))
	p.until("_result")
	p.say(publishAs(key))
	p.hears("onStatus 0 NetStream.Publish.BadName")
	h.offAir("ann")
	if h.keys.asked != 2 {
		t.Errorf("asked %d times", h.keys.asked)
	}
}

func TestARotatedKeyCutsItsPublisherWithinASecond(t *testing.T) {
	h := open(t)
	p := h.onAir("ann").start()
	h.frames("ann", 1)
	began := time.Now()
	if !h.hub.EndKey("ann", tv.Errorf(tv.Forbidden, "the key was rotated")) {
		t.Fatal("nobody publishes with it")
	}
	p.hungUp(time.Second)
	if d := time.Since(began); d > time.Second {
		t.Errorf("after %v", d)
	}
	h.logs("connection closed", "the key was rotated")
}

func TestPublishersAreToldNothingButTheEndWhenTheHostStops(t *testing.T) {
	h := open(t)
	p := h.onAir("ann").start()
	h.frames("ann", 1)
	h.stop()
	p.hungUp(time.Second)
	h.logs("channel=", live.ErrStopped.Error())
}

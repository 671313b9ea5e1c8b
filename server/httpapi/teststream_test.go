package httpapi

import (
	"context"
	"sync"
	"testing"

	"echo.tv/server/tv"
)

// fakeCards remember who shows the test picture, and with which key.
type fakeCards struct {
	mu sync.Mutex
	on map[tv.ChannelName]tv.StreamKey // guarded by mu
}

func (f *fakeCards) Start(_ context.Context, channel tv.ChannelName, key tv.StreamKey) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on == nil {
		f.on = map[tv.ChannelName]tv.StreamKey{}
	}
	f.on[channel] = key
	return nil
}

func (f *fakeCards) Stop(channel tv.ChannelName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.on, channel)
}

func (f *fakeCards) Running(channel tv.ChannelName) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, on := f.on[channel]
	return on
}

func (f *fakeCards) key(channel tv.ChannelName) tv.StreamKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.on[channel]
}

func TestTheTestPictureIsForStreamersOnTheirOwnChannel(t *testing.T) {
	h := joined(t)
	const at = "/api/me/test-stream"
	h.play([]call{
		{"nobody", "POST", at, nil, 401, []string{`"code":"unauthenticated"`}, []string{"live_"}},
		{"nobody", "DELETE", at, nil, 401, nil, nil},
		{"ann", "GET", "/api/me/channel", nil, 200, []string{`"testing":false`}, nil},
		{"ann", "POST", at, nil, 204, nil, []string{"live_"}},
		{"ann", "POST", at, nil, 204, nil, nil},
		{"ann", "GET", "/api/me/channel", nil, 200, []string{`"testing":true`}, nil},
		{"ann", "PUT", at, nil, 405, nil, nil},
	})
	if on := h.cards.on; len(on) != 1 || !h.cards.Running("ann") {
		t.Errorf("the picture is on %v", on)
	}
	first := h.cards.key("ann")
	if _, err := h.api.Accounts.Publisher(t.Context(), loopback, first); err != nil {
		t.Errorf("its key opens nothing: %v", err)
	}
	h.play([]call{
		{"ann", "DELETE", at, nil, 204, nil, nil},
		{"ann", "DELETE", at, nil, 204, nil, nil},
		{"ann", "GET", "/api/me/keys", nil, 200, []string{`"label":"OBS"`}, []string{"live_"}},
		{"ann", "POST", at, nil, 204, nil, nil},
	})
	if !h.cards.key("ann").Equal(first) {
		t.Error("each picture leaves a key behind")
	}
}

func TestTheTestPictureCutsNobodyOff(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	s := h.publish(made.Secret)
	defer s.Close(nil)
	h.play([]call{
		{"ann", "POST", "/api/me/test-stream", nil, 409, []string{`"code":"conflict"`, "on air already", `"hint"`}, nil},
	})
	if h.cards.Running("ann") {
		t.Error("the picture is on air beside OBS")
	}
	r := h.do("local", "POST", "/api/control/test-key", ControlTest{"ann"}, ControlHeader, controlToken)
	if r.status != 409 {
		t.Errorf("the command gets a key: %d %s", r.status, r.text)
	}
}

func TestOnlyTheMachineGetsTheKeyOfTheTestPicture(t *testing.T) {
	h := joined(t)
	for _, token := range []string{"", "wrong", desktopToken} {
		r := h.do("mallory", "POST", "/api/control/test-key", ControlTest{"ann"}, ControlHeader, token)
		if r.status != 403 {
			t.Errorf("with %q: %d", token, r.status)
		}
		mustNotHave(t, r.text, "live_")
	}
	key := decode[ControlTestKey](t, h.must(200, "local", "POST", "/api/control/test-key", ControlTest{"ann"}, ControlHeader, controlToken).text)
	if key.Channel != "ann" || key.Secret == "" {
		t.Errorf("ann's key is %+v", key)
	}
	if own := decode[ControlTestKey](t, h.must(200, "local", "POST", "/api/control/test-key", ControlTest{}, ControlHeader, controlToken).text); own.Channel != "olga" {
		t.Errorf("nobody named is %q", own.Channel)
	}
	h.must(404, "local", "POST", "/api/control/test-key", ControlTest{"nobody"}, ControlHeader, controlToken)
	h.must(400, "local", "POST", "/api/control/test-key", ControlTest{"../olga"}, ControlHeader, controlToken)
}

func TestTheClipIsServedInRanges(t *testing.T) {
	h := owned(t)
	whole := h.must(200, "nobody", "GET", "/api/public/test.mp4", nil)
	if whole.text != "ten bytes!" || whole.header.Get("Content-Type") != "video/mp4" || whole.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("the clip is %q, %v", whole.text, whole.header)
	}
	if part := h.must(206, "nobody", "GET", "/api/public/test.mp4", nil, "Range", "bytes=4-8"); part.text != "bytes" {
		t.Errorf("a part is %q", part.text)
	}
	h.must(416, "nobody", "GET", "/api/public/test.mp4", nil, "Range", "bytes=99-")
	h.must(405, "nobody", "POST", "/api/public/test.mp4", struct{}{})
}

package peer

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"echo.tv/server/tv"
)

func warningOf(x *tenant, other *tenant) string {
	h, _ := x.Host(other.cfg.Identity.id)
	return h.Warning
}

func TestACopiedNameIsVisiblyAnotherHost(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, kim := h.host(1, "Attic"), h.host(2, "Kim's laptop")
		ann.meets(2)
		after(time.Second)
		mallory := h.host(3, "KIMS \u200blaptop")
		ann.meets(3)
		after(time.Second)
		m, _ := ann.Host(mallory.cfg.Identity.id)
		if !strings.Contains(m.Warning, "another computer") || m.Instead != kim.cfg.Identity.id || m.Words == kim.cfg.Identity.words {
			t.Errorf("mallory: %+v", m)
		}
		if w := warningOf(ann, kim); w != "" {
			t.Errorf("kim is under suspicion: %s", w)
		}
		twin := h.host(4, "attic")
		ann.meets(4)
		after(time.Second)
		if w := warningOf(ann, twin); !strings.Contains(w, "like this computer") {
			t.Errorf("who copies our own name: %q", w)
		}

		// Kim has a new computer: the old one is forgotten, and the name is free.
		if err := ann.Forget(t.Context(), kim.cfg.Identity.id); err != nil {
			t.Fatal(err)
		}
		kim.stop()
		after(2 * beat)
		if w := warningOf(ann, mallory); w != "" {
			t.Errorf("after it was forgotten: %s", w)
		}
		if err := ann.Forget(t.Context(), "zzzzzzzzzzzzzzzz"); tv.CodeOf(err) != tv.NotFound {
			t.Error(err)
		}
	})
}

func TestTrustOutlivesTheProcess(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		dir := t.TempDir()
		ann, kim := h.hostIn(1, "Attic", dir), h.host(2, "Kim's laptop")
		if _, err := ann.Add(t.Context(), "kim-pc"); err != nil {
			t.Fatal(err)
		}
		id := ann.cfg.Identity.id
		ann.stop()
		mallory := h.host(3, "Kim's laptop")
		ann = h.hostIn(1, "Attic", dir)
		if got, ok := ann.Host(kim.cfg.Identity.id); !ok || !got.Typed || got.Name != "Kim's laptop" {
			t.Errorf("right after the start: %+v", got)
		}
		after(3 * time.Second)
		ann.meets(3)
		after(time.Second)
		if ann.cfg.Identity.id != id {
			t.Error("ann became another host")
		}
		if presenceOf(ann, kim) != Here {
			t.Error("a typed address was not called again")
		}
		if w := warningOf(ann, mallory); w == "" {
			t.Error("the name was forgotten")
		}
	})
}

func TestAnotherKeyAtATypedAddressIsTold(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, kim := h.host(1, "Attic"), h.host(2, "Kim's laptop")
		got, err := ann.Add(t.Context(), " http://192.168.7.2:5175/#/ ")
		if err != nil || !got.Typed || got.ID != kim.cfg.Identity.id || got.Presence != Here {
			t.Fatalf("%+v %v", got, err)
		}
		kim.stop()
		after(time.Minute)
		if got, ok := ann.Host(kim.cfg.Identity.id); !ok || got.Presence != Gone || len(got.Channels) != 0 {
			t.Errorf("a typed host that left: %+v %v", got, ok)
		}
		other := h.host(2, "Somebody")
		after(70 * time.Second) // it is called ever less often
		if w := warningOf(ann, other); !strings.Contains(w, "another computer") || !strings.Contains(w, "Kim's laptop") {
			t.Errorf("warning %q, hosts %+v", w, ann.Hosts())
		}
	})
}

func TestTypedAddresses(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		h.host(2, "Kim's laptop")
		leave := h.serve(at(3), newLiar().says("<html>"))
		for text, code := range map[string]tv.Code{
			"192.168.7.2":             "",
			"kim-pc:5175":             "",
			"KIM-PC":                  "",
			"":                        tv.Invalid,
			"https://192.168.7.2":     tv.Invalid,
			"http://ann@192.168.7.2/": tv.Invalid,
			"192.168.7.2:0":           tv.Invalid,
			"192.168.7.2:99999":       tv.Invalid,
			"file:///etc/passwd":      tv.Invalid,
			"nobody-pc":               tv.Unavailable,
			"rebound.example":         tv.Forbidden,
			"127.0.0.1":               tv.Forbidden,
			"::1":                     tv.Forbidden,
			"192.168.7.1":             tv.Forbidden,
			"169.254.169.254:80":      tv.Forbidden,
			"192.168.7.3":             tv.Unavailable, // no echo.tv
			"192.168.7.200":           tv.Unavailable, // nobody
			strings.Repeat("x", 300):  tv.Invalid,
			"[fe80::1%25eth0]:5175":   tv.Forbidden,
		} {
			_, err := ann.Add(t.Context(), text)
			if tv.CodeOf(err) != code {
				t.Errorf("%.40q: %v, want %q", text, err, code)
			}
		}
		leave()
		if n := len(ann.trust.typed); n != 2 {
			t.Errorf("%d addresses are remembered: %v", n, ann.trust.typed)
		}
	})
}

func TestWhatStrangersMakeUsRememberIsBounded(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		for i := range 3 * maxKnown {
			ann.trust.judge(tv.HostID("h"), strings.Repeat("x", i%50)+string(rune('a'+i%26))+string(rune(0x4e00+i)), at(2))
		}
		if err := ann.trust.save(); err != nil || len(ann.trust.names) > maxKnown || len(ann.trust.dirty) != 0 {
			t.Errorf("%d names, %d to write: %v", len(ann.trust.names), len(ann.trust.dirty), err)
		}
	})
}

func TestAddEndsWithItsContext(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ann.Add(ctx, "192.168.7.9"); err == nil {
			t.Error("it found somebody")
		}
	})
}

func TestWhyATypedAddressDoesNotWorkIsSaid(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		n := 2
		for status, want := range map[int]struct {
			code tv.Code
			says string
		}{
			503: {tv.NotSetUp, "owner"},
			429: {tv.TooMany, "later"},
			421: {tv.Unavailable, "--name"},
			404: {tv.Unavailable, "not an echo.tv"},
			302: {tv.Unavailable, "not an echo.tv"},
		} {
			h.serve(at(n), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			_, err := ann.Add(t.Context(), at(n).String())
			if tv.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.says) {
				t.Errorf("%d: %v", status, err)
			}
			n++
		}
	})
}

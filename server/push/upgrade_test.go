package push

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// ask upgrades with a query.
func (s *stage) ask(query string) *viewer {
	s.t.Helper()
	ws, _, err := websocket.Dial(s.t.Context(), s.web.URL+"/push?"+query, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {s.web.URL}}})
	if err != nil {
		s.t.Fatalf("?%.60s: %v", query, err)
	}
	ws.SetReadLimit(1 << 24)
	s.t.Cleanup(func() { ws.CloseNow() })
	return &viewer{s.t, ws}
}

func TestTheUpgradeMayAskForTheFirstChannel(t *testing.T) {
	s := newStage(t)
	s.send(5, 100)
	v := s.ask("watch=ann&viewer=0123456789abcdef")
	if on, _ := v.hear(); on["on"] != "ann" {
		t.Fatalf("the host said %v", on)
	}
	if got := frameOf(v.media()); got != 0 {
		t.Errorf("it began with picture %d", got)
	}
	v.say(`{"watch":"ann","viewer":"0123456789abcdef"}`) // the same player again, as after an "off"
	for frameOf(v.media()) != 0 {
	}
	if n := s.hub.Status("ann").Viewers; n != 1 {
		t.Errorf("%d viewers", n)
	}
}

func TestTheUpgradeOfAStrangerAsksForNothingThatATextCouldNot(t *testing.T) {
	s := newStage(t)
	s.send(5, 100)
	long := strings.Repeat("x", 8<<10)
	for name, query := range map[string]string{
		"nobody":          "watch=bob",
		"no name":         "watch=" + url.QueryEscape("../ann\r\n\x00"),
		"a long name":     "watch=" + long,
		"another host's":  "watch=" + url.QueryEscape("ann@"+strings.Repeat("a", 16)), // there are none here
		"twice":           "watch=bob&watch=ann",
		"a relay, a text": "watch=bob&relay=" + strings.Repeat("a", 16) + "&viewers=2000",
	} {
		if off, m := s.ask(query).hear(); off["off"] == nil || m != nil {
			t.Errorf("%s: the host said %v", name, off)
		}
	}
	for name, query := range map[string]string{
		"nothing":      "",
		"broken":       "watch=%zz&;",
		"some text":    "stop=ann&ack=ann",
		"another case": "WATCH=ann",
	} {
		v := s.ask(query)
		v.say(`{"ping":1}`)
		if pong, m := v.hear(); pong["pong"] == nil || m != nil {
			t.Errorf("%s: the host said %v", name, pong)
		}
	}
	for _, viewer := range []string{"", "short", long} { // told apart by its address, as without
		s.ask("watch=ann&viewer=" + viewer).media()
	}
	if n := s.hub.Status("ann").Viewers; n != 3 {
		t.Errorf("%d viewers", n)
	}
	if s.srv.Recovered() > 0 {
		t.Error("a handler panicked")
	}
}

func TestAPageBehindAProxyWithTLSIsOurs(t *testing.T) {
	s := newStage(t)
	if _, err := s.dial(http.Header{"Origin": {strings.Replace(s.web.URL, "http", "https", 1)}}); err != nil {
		t.Error(err)
	}
}

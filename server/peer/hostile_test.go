package peer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/tv"
)

// hold keeps a request open for as long as its client does.
func hold(r *http.Request) { <-r.Context().Done() }

// drip writes forever, one byte at a time.
func drip(w http.ResponseWriter, r *http.Request, apart time.Duration, b byte) {
	for r.Context().Err() == nil {
		w.Write([]byte{b})
		w.(http.Flusher).Flush()
		sleep(r.Context(), apart)
	}
}

// withPort is another port of the same machine.
func withPort(at netip.AddrPort, port int) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr(), uint16(port))
}

func flood(w http.ResponseWriter, r *http.Request, text string) {
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// What mallory's machine may answer when it is asked for its directory. None of
// it makes a host, and each costs one connection for a few seconds.
func TestHostileDirectoriesAreNoHosts(t *testing.T) {
	mallory := newLiar()
	said := func(r *http.Request, say string) []byte { return mallory.pen(r).write(time.Now(), []byte(say), false) }
	good := `{"name":"Kim"}`
	for name, answer := range map[string]http.HandlerFunc{
		"nothing at all": func(w http.ResponseWriter, r *http.Request) { hold(r) },
		"headers without end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 17<<10))
			w.Write(said(r, good))
		},
		"a page":             func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html><script>alert(1)</script>\n") },
		"an error":           func(w http.ResponseWriter, r *http.Request) { http.Error(w, good, 500) },
		"a line without end": func(w http.ResponseWriter, r *http.Request) { flood(w, r, `{"key":"`+strings.Repeat("A", 1<<16)) },
		"empty lines":        func(w http.ResponseWriter, r *http.Request) { flood(w, r, "\n") },
		"one byte a second":  func(w http.ResponseWriter, r *http.Request) { drip(w, r, time.Second, ' ') },
		"a line of 300 KiB": func(w http.ResponseWriter, r *http.Request) {
			w.Write(said(r, `{"name":"`+strings.Repeat("x", 300<<10)+`"}`))
			hold(r)
		},
		"deep JSON": func(w http.ResponseWriter, r *http.Request) {
			w.Write(said(r, `{"name":"Kim","x":`+strings.Repeat("[", 100_000)))
			hold(r)
		},
		"JSON of another shape": func(w http.ResponseWriter, r *http.Request) { w.Write(said(r, `{"name":["Kim"]}`)); hold(r) },
		"a number too big": func(w http.ResponseWriter, r *http.Request) {
			w.Write(said(r, `{"channels":[{"viewers":1e999}]}`))
			hold(r)
		},
		"no statement": func(w http.ResponseWriter, r *http.Request) {
			w.Write(mallory.pen(r).write(time.Now(), nil, false))
			hold(r)
		},
		"a redirect to us": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.168.7.1:5175"+directoryPath, 302)
		},
		"a redirect to loopback": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:5175"+directoryPath, 307)
		},
		"a gzip bomb": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(said(r, good))
			flood(w, r, strings.Repeat(" ", 1<<16))
		},
		"a signature for another nonce": func(w http.ResponseWriter, r *http.Request) {
			p := mallory.pen(r)
			p.nonce = strings.Repeat("A", 26)
			w.Write(p.write(time.Now(), []byte(good), false))
			hold(r)
		},
		"a signature for another address": func(w http.ResponseWriter, r *http.Request) { // somebody else's directory, passed on
			p := mallory.pen(r)
			p.asked = at(3).String()
			w.Write(p.write(time.Now(), []byte(good), false))
			hold(r)
		},
		"a line that was changed": func(w http.ResponseWriter, r *http.Request) {
			var l line
			json.Unmarshal(said(r, good), &l)
			l.Say = []byte(`{"name":"Ann"}`)
			json.NewEncoder(w).Encode(l)
			hold(r)
		},
		"another's key": func(w http.ResponseWriter, r *http.Request) {
			var l line
			json.Unmarshal(said(r, good), &l)
			l.Key = newLiar().key[32:]
			json.NewEncoder(w).Encode(l)
			hold(r)
		},
		"a key that is none": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, `{"key":"AAAA","seq":1,"sig":""}`)
			hold(r)
		},
		"the second line first": func(w http.ResponseWriter, r *http.Request) {
			p := mallory.pen(r)
			p.write(time.Now(), nil, false)
			w.Write(p.write(time.Now(), []byte(good), false))
			hold(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				ann := h.host(1, "Attic")
				var open atomic.Int64
				h.serve(at(2), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					open.Add(1)
					defer open.Add(-1)
					answer(w, r)
				}))
				ann.meets(2)
				after(20 * time.Second)
				if all := ann.Hosts(); len(all) != 0 {
					t.Errorf("it made a host: %+v", all)
				}
				after(30 * time.Second) // the link has given up
				if h.dialed() > 12 || open.Load() != 0 {
					t.Errorf("it caused %d dials, and %d are still open", h.dialed(), open.Load())
				}
			})
		})
	}
}

// Whoever was proven can still turn bad.
func TestAHostThatTurnsHostileIsGone(t *testing.T) {
	for name, turn := range map[string]func(http.ResponseWriter, *http.Request, *pen){
		"says no more":      func(_ http.ResponseWriter, r *http.Request, _ *pen) { hold(r) },
		"one byte a second": func(w http.ResponseWriter, r *http.Request, _ *pen) { drip(w, r, time.Second, '{') },
		"the same line again": func(w http.ResponseWriter, r *http.Request, p *pen) {
			raw := p.write(time.Now(), nil, false)
			w.Write(raw)
			w.Write(raw)
			hold(r)
		},
		"a line of another host": func(w http.ResponseWriter, r *http.Request, p *pen) {
			q := newLiar().pen(r)
			q.seq = p.seq
			w.Write(q.write(time.Now(), nil, false))
			hold(r)
		},
		"a line without end": func(w http.ResponseWriter, r *http.Request, _ *pen) { flood(w, r, strings.Repeat("x", 1<<16)) },
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				ann, kim := h.host(1, "Attic"), newLiar()
				var asked atomic.Int64
				h.serve(at(2), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if asked.Add(1) > 1 {
						hold(r)
						return
					}
					p := kim.pen(r)
					w.Write(p.write(time.Now(), []byte(`{"name":"Kim"}`), false))
					w.(http.Flusher).Flush()
					sleep(r.Context(), 2*time.Second)
					turn(w, r, p)
				}))
				ann.meets(2)
				after(time.Second)
				if all := ann.Hosts(); len(all) != 1 || all[0].Presence != Here {
					t.Fatalf("ann sees %+v", all)
				}
				after(9 * time.Second)
				if all := ann.Hosts(); len(all) != 1 || all[0].Presence != Gone {
					t.Errorf("ann sees %+v", all)
				}
			})
		})
	}
}

// A signed line costs us as much as a good one, so they are read slowly, and who
// sends more waits.
func TestAHostThatNeverStopsTalkingIsReadSlowly(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, kim := h.host(1, "Attic"), newLiar()
		var lines atomic.Int64
		h.serve(at(2), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for p := kim.pen(r); ; lines.Add(1) {
				say := fmt.Sprintf(`{"name":"Kim","version":"%s %d"}`, strings.Repeat("x", 4<<10), lines.Load()) // beyond every buffer on the way
				if _, err := w.Write(p.write(time.Now(), []byte(say), false)); err != nil {
					return
				}
			}
		}))
		ann.meets(2)
		after(10 * time.Second)
		if n, most := lines.Load(), int64(10*time.Second/linesApart)+10; n < 10 || n > most {
			t.Errorf("%d lines in ten seconds, not up to %d", n, most)
		}
	})
}

func TestAScriptIsATitleAndNothingElse(t *testing.T) {
	channels := make([]string, 150)
	for i := range channels {
		channels[i] = fmt.Sprintf(`{"name":"c%d","state":"live","title":"<script>alert(%d)</script>"}`, i, i)
	}
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		h.serve(at(2), newLiar().says(`{"name":"\u202eKim\u0000\r\n<b>","url":"javascript:x","channels":[`+strings.Join(channels, ",")+`]}`))
		ann.meets(2)
		after(time.Second)
		got := ann.Hosts()[0]
		if got.Name != "Kim <b>" || len(got.Channels) != maxChannels || got.Channels[0].Title != "<script>alert(0)</script>" {
			t.Errorf("kept %q, %d channels, %+v", got.Name, len(got.Channels), got.Channels[0])
		}
	})
}

// One machine with many ports, and many addresses of which nothing answers.
func TestTwoThousandAnnouncementsCostLittle(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, bob := h.host(1, "Attic"), h.host(2, "Kim's laptop")
		ann.meets(2)
		after(time.Second)
		for i := range 2000 {
			to := at(3 + i%250)
			if i%2 == 0 {
				to = at(99) // one machine, however many ports
			}
			ann.hint(hint{at: withPort(to, 2000+i)})
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		after(0)
		links, ofOne := ann.linked(at(99).Addr())
		if links > maxLinks || ofOne > maxLinksIP || len(ann.dials) > maxDials {
			t.Errorf("%d links, %d at one machine, %d dials at once", links, ofOne, len(ann.dials))
		}
		after(20 * time.Second)
		if presenceOf(ann, bob) != Here || len(ann.Hosts()) != 1 {
			t.Errorf("the guide is wrong: %+v", ann.Hosts())
		}
		h.host(4, "Late")
		ann.meets(4)
		after(3 * time.Minute) // everything that leads nowhere was given up
		if n, _ := ann.linked(at(99).Addr()); n > 2 {
			t.Errorf("%d links are left", n)
		}
	})
}

func TestHostsBeyondTheTableWait(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		ann.mu.Lock()
		for n := range maxHosts {
			id := tv.HostID(fmt.Sprintf("h%015d", n))
			ann.hosts[id] = &entry{host: Host{ID: id, Presence: Here}, link: &link{at: at(2)}}
		}
		ann.mu.Unlock()
		late := news{id: "zzzzzzzzzzzzzzzz", say: &statement{Name: "Late"}}
		if err := ann.heard(&link{at: at(3)}, late); !errors.Is(err, errFull) {
			t.Errorf("one more came in: %v", err)
		}
		ann.mu.Lock()
		for _, e := range ann.hosts {
			ann.away(e)
			break
		}
		ann.mu.Unlock()
		if err := ann.heard(&link{at: at(3)}, late); err != nil || len(ann.Hosts()) != maxHosts {
			t.Errorf("the one that was gone did not make room: %v, %d hosts", err, len(ann.Hosts()))
		}
	})
}

func TestAGzippedAnswerIsNotUnpacked(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		var asked atomic.Value
		h.serve(at(2), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Store(r.Header.Get("Accept-Encoding") + r.Header.Get("Cookie") + r.Header.Get("Authorization"))
			w.Header().Set("Content-Encoding", "gzip")
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			z.Write(newLiar().pen(r).write(time.Now(), []byte(`{"name":"Kim"}`), false))
			z.Close()
			w.Write(packed.Bytes())
		}))
		ann.meets(2)
		after(time.Second)
		if asked.Load() != "" || len(ann.Hosts()) != 0 {
			t.Errorf("asked with %q, found %+v", asked.Load(), ann.Hosts())
		}
	})
}

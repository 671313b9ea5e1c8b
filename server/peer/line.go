package peer

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"echo.tv/server/tv"
)

// line is one line of a directory, as JSON. What it says is a statement, as JSON
// again, so that exactly these bytes are signed; a line that says nothing means
// that all is as before.
type line struct {
	Key []byte `json:"key"` // Ed25519 (RFC 8032)
	Seq uint64 `json:"seq"` // 1, 2, 3
	At  int64  `json:"at"`  // by the clock of the host, ms since 1970
	Say []byte `json:"say,omitempty"`
	Bye bool   `json:"bye,omitempty"` // the last one: the host is leaving
	Sig []byte `json:"sig"`
}

// statement is all that a host says of itself.
type statement struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Channels []Channel `json:"channels"`
}

// signed returns the bytes under the signature. They name the address that was
// asked, so that nobody can pass the directory of another host off as his own:
// that host's front door answers for its own addresses only, and ours compares.
// They name the nonce, so that nobody can repeat what was said before.
func (l line) signed(asked, nonce string) []byte {
	head := fmt.Sprintf("echo.tv directory 1\n%s\n%s\n%d\n%d\n%t\n", asked, nonce, l.Seq, l.At, l.Bye)
	return append([]byte(head), l.Say...)
}

// clockSlack is how far two clocks of a house differ without anybody noticing.
const clockSlack = 5 * time.Second

// pen writes the lines of one answer.
type pen struct {
	key          ed25519.PrivateKey
	asked, nonce string
	seq          uint64
}

// write returns the next line, with its end.
func (p *pen) write(now time.Time, say []byte, bye bool) []byte {
	p.seq++
	l := line{Key: p.key.Public().(ed25519.PublicKey), Seq: p.seq, At: now.UnixMilli(), Say: say, Bye: bye}
	l.Sig = ed25519.Sign(p.key, l.signed(p.asked, p.nonce))
	raw, err := json.Marshal(l)
	if err != nil {
		panic(err) // bytes and numbers always marshal
	}
	return append(raw, '\n')
}

// news is one line, proven to be its host's and checked.
type news struct {
	id  tv.HostID
	bye bool
	say *statement // nil: as before
}

// reader proves the lines of one answer.
type reader struct {
	asked, nonce string
	key          string // of the first line
	seq          uint64
	behind       time.Duration // the clock of the host, behind ours
}

var (
	errNotDirectory = tv.Errorf(tv.Unavailable, "what answers there is not an echo.tv, or a version that we do not understand").
			Hint("check the address")
	errForged = tv.Errorf(tv.Forbidden, "what answers there cannot prove who it is").
			Hint("somebody may pass himself off as another host: compare the four words")
)

// read returns what raw says. Errors: Unavailable for what is no line, Forbidden
// for one that was not made by its key for this answer.
func (r *reader) read(raw []byte, now time.Time) (news, error) {
	var l line
	if json.Unmarshal(raw, &l) != nil || len(l.Key) != ed25519.PublicKeySize {
		return news{}, errNotDirectory
	}
	if r.key == "" {
		r.key = string(l.Key)
	}
	r.seq++
	if string(l.Key) != r.key || l.Seq != r.seq || !ed25519.Verify(l.Key, l.signed(r.asked, r.nonce), l.Sig) {
		return news{}, errForged
	}
	n := news{id: idOf(l.Key), bye: l.Bye}
	if len(l.Say) == 0 {
		return n, nil
	}
	n.say = new(statement)
	if json.Unmarshal(l.Say, n.say) != nil {
		return news{}, errNotDirectory
	}
	// The network takes its time as well: only a jump is a clock that was set.
	if behind := now.Sub(time.UnixMilli(l.At)); (behind - r.behind).Abs() > clockSlack {
		r.behind = behind
	}
	n.say.check(now, r.behind)
	return n, nil
}

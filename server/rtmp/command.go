package rtmp

import (
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/tv"
)

// command is an AMF0 command message (RTMP 1.0 §7.1.1).
type command struct {
	name   string
	id     int
	stream uint32
	args   amf0.Data // from the command object on
}

func parseCommand(m rawMessage) (command, error) {
	body := m.body
	if m.typ == typCommandAMF3 && len(body) > 0 {
		body = body[1:] // an AMF3 command is an AMF0 one behind a zero byte
	}
	d, err := parseAMF(body)
	if err != nil {
		return command{}, err
	}
	id, ok := 0.0, len(d) >= 2
	if ok {
		id, ok = d[1].(float64)
	}
	if !ok || text(d, 0) == "" {
		return command{}, fmt.Errorf("%w: a command without a name or number", errProtocol)
	}
	return command{name: text(d, 0), id: int(id), args: d[2:]}, nil
}

// isGoodbye reports whether m ends the publish. A command that cannot be read
// is no goodbye.
func isGoodbye(m rawMessage) bool {
	cmd, err := parseCommand(m)
	return err == nil && (cmd.name == "FCUnpublish" || cmd.name == "deleteStream" || cmd.name == "closeStream")
}

// maxOpening bounds the messages before a publish or play; OBS sends eight. It also
// bounds our answers, each of which a peer may take its time to read.
const maxOpening = 64

// negotiate answers commands until the peer says what it came for.
func (c *conn) negotiate() (w wish, err error) {
	for range maxOpening {
		m, err := c.in.read()
		if err != nil {
			return w, err
		}
		if m.typ != typCommand && m.typ != typCommandAMF3 {
			if err := c.control(m); err != nil {
				return w, err
			}
			continue
		}
		cmd, err := parseCommand(m)
		if err != nil {
			return w, err
		}
		switch {
		case cmd.name == "connect":
			err = c.connect(cmd)
		case c.app == "":
			err = fmt.Errorf("%w: a command before connect", errProtocol)
		case cmd.name == "createStream":
			err = c.result(cmd, nil, float64(1))
		case cmd.name == "publish":
			w.key, err = c.publishName(text(cmd.args, 1))
			return w, err
		case cmd.name == "play":
			w.channel, err = c.playName(text(cmd.args, 1))
			return w, err
		}
		if err != nil {
			return w, err
		}
	}
	return w, fmt.Errorf("%w: %d messages and no publish", errProtocol, maxOpening)
}

// connect answers as nginx-rtmp and Adobe's server do. OBS compares the code.
func (c *conn) connect(cmd command) error {
	c.app, _ = object(cmd.args, 0).GetString("app")
	if first := path(c.app); len(first) == 0 || first[0] != "live" {
		return c.wrongApp(cmd)
	}
	for _, m := range []message.Message{
		&message.SetWindowAckSize{Value: windowSize},
		&message.SetPeerBandwidth{Value: windowSize, Type: 2},
		&message.SetChunkSize{Value: ownChunk},
	} {
		if err := c.out.Write(m); err != nil {
			return err
		}
	}
	return c.result(cmd,
		amf0.Object{{Key: "fmsVer", Value: "FMS/3,5,7,7009"}, {Key: "capabilities", Value: float64(31)}},
		status("status", "NetConnection.Connect.Success", "Connection succeeded."))
}

func (c *conn) wrongApp(cmd command) error {
	reason := tv.Errorf(tv.Invalid, "the server address must end in /live").
		Hint("in OBS, Settings, Stream, write rtmp://<this host>:1935/live as Server and the key as Stream Key")
	c.out.Write(&message.CommandAMF0{ChunkStreamID: 3, Name: "_error", CommandID: cmd.id,
		Arguments: amf0.Data{nil, status("error", "NetConnection.Connect.InvalidApp", reason.Error())}})
	c.hangUp()
	return reason
}

// publishName finds the key in what connect and publish named. It may stand in
// the stream key box, or at the end of the server address; anything behind a
// question mark is another server's business (user, pass, clientConfigId).
// Nothing is URL-decoded: a key has no character that would need it.
func (c *conn) publishName(name string) (tv.StreamKey, error) {
	parts := append(path(c.app)[1:], path(name)...) // connect saw to it that the first is "live"
	if len(parts) != 1 {
		return tv.StreamKey{}, c.refuse(tv.Errorf(tv.NotFound, "one stream key must follow /live").
			Hint("copy server address and key from Studio"))
	}
	key, err := tv.ParseStreamKey(parts[0])
	if err != nil {
		return tv.StreamKey{}, c.refuse(err)
	}
	return key, nil
}

// path splits at slashes, without the query and without empty parts.
func path(s string) []string {
	s, _, _ = strings.Cut(s, "?")
	return strings.FieldsFunc(s, func(r rune) bool { return r == '/' })
}

// accept tells the publisher to start.
func (c *conn) accept() error {
	if err := c.out.Write(&message.UserControlStreamBegin{StreamID: 1}); err != nil {
		return err
	}
	return c.onStatus("status", "NetStream.Publish.Start", "Publishing.")
}

// refuse ends a publish that may not be. Only an unknown key is answered with
// BadName, for which OBS shows its "check your stream key" dialog at once and
// does not try again; everything else is a closed connection.
func (c *conn) refuse(err error) error {
	if tv.CodeOf(err) == tv.NotFound {
		return c.refuseWith("NetStream.Publish.BadName", err)
	}
	return err
}

func (c *conn) refuseWith(code string, err error) error {
	c.onStatus("error", code, err.Error())
	c.hangUp()
	return err
}

// hangUp lets the peer read our last words: closing at once would reset the
// connection under them.
func (c *conn) hangUp() {
	if t, ok := c.nc.(*net.TCPConn); ok {
		t.CloseWrite()
	}
	c.nc.SetReadDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, io.LimitReader(c.nc, strangerBudget))
}

func (c *conn) result(cmd command, args ...any) error {
	return c.out.Write(&message.CommandAMF0{ChunkStreamID: 3, Name: "_result", CommandID: cmd.id, Arguments: args})
}

func (c *conn) onStatus(level, code, text string) error {
	return c.out.Write(&message.CommandAMF0{ChunkStreamID: 5, MessageStreamID: streamOne, Name: "onStatus",
		Arguments: amf0.Data{nil, status(level, code, text)}})
}

// streamOne is message stream 1, the one that createStream gave out, in the
// byte order of the wire: the library writes the field as it is.
const streamOne = 1 << 24

func status(level, code, text string) amf0.Object {
	return amf0.Object{
		{Key: "level", Value: level},
		{Key: "code", Value: code},
		{Key: "description", Value: text},
	}
}

package rtsp

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"echo.tv/server/tv"
)

// handler is what the library calls, in a goroutine of its own per connection
// and per session. A refusal with an error closes the connection.
type handler struct{ *Server }

// OnRequest is called before anything else is done with a request, and
// OnResponse after it was handled, both by the connection's goroutine. Around a
// player's SETUP they hold a lock, because the library reads the tracks of all
// other sessions there while those may be adding some: two strangers at once
// could end the process with "concurrent map iteration and map write".
//
// The library also makes each SETUP of a GStreamer wait a second, for the sake of
// its publishers. Strangers do not get that, as many could stop the server.
func (h handler) OnRequest(conn *gortsplib.ServerConn, req *base.Request) {
	if g := guestOf(conn); req.Method == base.Setup && !g.announced.Load() {
		delete(req.Header, "User-Agent")
		h.setup.Lock()
		g.settingUp = true
	}
}

// OnResponse is the other half of OnRequest.
func (h handler) OnResponse(conn *gortsplib.ServerConn, _ *base.Response) {
	if g := guestOf(conn); g.settingUp {
		g.settingUp = false
		h.setup.Unlock()
	}
}

// OnDescribe describes a channel, and gets it here first if it is another host's.
func (h handler) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (res *base.Response, st *gortsplib.ServerStream, err error) {
	defer h.rescue(&res, &err)
	if err := h.fetch(ctx.Path); err != nil {
		return refusal(err), nil, err
	}
	s, err := h.open(ctx.Path)
	if err != nil {
		return refusal(err), nil, err
	}
	res = &base.Response{StatusCode: base.StatusOK}
	return res, s.lib, nil
}

// OnSetup is called for each track, of players and of publishers.
func (h handler) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (res *base.Response, st *gortsplib.ServerStream, err error) {
	defer h.rescue(&res, &err)
	res = &base.Response{StatusCode: base.StatusOK}
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return res, nil, nil
	}
	if begun := ctx.Session.SetuppedStream(); begun != nil {
		return res, begun, nil // the library panics when tracks of two descriptions are mixed
	}
	s, err := h.open(ctx.Path)
	if err != nil {
		return refusal(err), nil, err
	}
	return res, s.lib, nil
}

// OnPlay lets a player begin; some send it again and again.
func (h handler) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (res *base.Response, err error) {
	defer h.rescue(&res, &err)
	if ctx.Session.State() != gortsplib.ServerSessionStatePlay {
		if err := h.join(ctx.Session, guestOf(ctx.Conn)); err != nil {
			return refusal(err), err
		}
	}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnAnnounce checks who wants to publish what.
func (h handler) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (res *base.Response, err error) {
	defer h.rescue(&res, &err)
	err = h.announce(ctx)
	switch {
	case errors.Is(err, errWho):
		return refusal(err), nil // the connection stays, to answer the challenge
	case err != nil:
		return refusal(err), err
	}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnRecord puts a publisher on air.
func (h handler) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (res *base.Response, err error) {
	defer h.rescue(&res, &err)
	if err := h.record(ctx.Session); err != nil {
		return refusal(err), err
	}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnConnClose notes players whose UDP session has outlived its connection.
func (h handler) OnConnClose(ctx *gortsplib.ServerHandlerOnConnCloseCtx) {
	defer h.rescue(nil, nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.players[ctx.Conn.Session()]; p != nil && p.guest == guestOf(ctx.Conn) {
		p.alone = true
	}
}

// OnSessionClose ends what a session was to us.
func (h handler) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	defer h.rescue(nil, nil)
	_, goodbye := errors.AsType[liberrors.ErrServerSessionTornDown](ctx.Error)
	h.part(ctx.Session, goodbye)
	if p, ok := ctx.Session.UserData().(*publisher); ok {
		p.close(goodbye)
	}
}

// OnStreamWriteError, OnDecodeError and OnPacketsLost are here because the
// library prints what nobody handles. Players notice write errors themselves.
func (h handler) OnStreamWriteError(*gortsplib.ServerHandlerOnStreamWriteErrorCtx) {}

// OnDecodeError is for packets that are no RTP; the publisher's frames tell.
func (h handler) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) {}

// OnPacketsLost is for gaps in a publisher's numbers.
func (h handler) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	defer h.rescue(nil, nil)
	if p, ok := ctx.Session.UserData().(*publisher); ok {
		p.missed.Add(ctx.Lost)
	}
}

// rescue turns a panic into a refusal: what a stranger can reach must not end
// the host.
func (s *Server) rescue(res **base.Response, err *error) {
	r := recover()
	if r == nil {
		return
	}
	s.recovered.Add(1)
	s.cfg.Log.Error("request failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	if res != nil {
		*err = tv.Errorf(tv.Internal, "internal error")
		*res = refusal(*err)
	}
}

func guestOf(c *gortsplib.ServerConn) *guest { return c.NetConn().(*guest) }

var errAddress = tv.Errorf(tv.NotFound, "there is no such channel").Hint("the address is rtsp://<this host>:8554/<channel>")

// channelOf reads the name from an address to publish at: rtsp://host:8554/<channel>.
func channelOf(path string) (tv.ChannelName, error) {
	name, err := tv.ParseChannelName(strings.Trim(path, "/"))
	if err != nil {
		return "", errAddress
	}
	return name, nil
}

// errWho asks for credentials.
var errWho = tv.Errorf(tv.Unauthenticated, "publishing needs credentials").
	Hint("the channel's name as user, a stream key as password")

// basic returns the credentials of a request.
func basic(req *base.Request) (user, password string, found bool) {
	r := http.Request{Header: http.Header{"Authorization": req.Header["Authorization"]}}
	return r.BasicAuth()
}

// statuses translates tv's codes. RTSP 1.0 has no 429, but takes what it does
// not know for a 400.
var statuses = map[tv.Code]base.StatusCode{
	tv.Invalid: base.StatusUnsupportedMediaType, tv.Unauthenticated: base.StatusUnauthorized, tv.Forbidden: base.StatusForbidden,
	tv.NotFound: base.StatusNotFound, tv.TooMany: 429, tv.Unavailable: base.StatusServiceUnavailable,
}

// refusal says err in the status line, which ffmpeg, VLC and OBS show.
func refusal(err error) *base.Response {
	res := &base.Response{StatusCode: base.StatusInternalServerError, Header: base.Header{}}
	e, told := errors.AsType[*tv.Error](err)
	if status, known := statuses[tv.CodeOf(err)]; known && told {
		res.StatusCode, res.StatusMessage = status, e.Text
		if e.RetryAfter > 0 {
			res.Header["Retry-After"] = base.HeaderValue{strconv.Itoa(int((e.RetryAfter + time.Second - 1) / time.Second))}
		}
	}
	if res.StatusCode == base.StatusUnauthorized {
		res.Header["WWW-Authenticate"] = base.HeaderValue{`Basic realm="echo.tv"`}
	}
	return res
}

package server

import (
	"context"
	"net/url"

	"echo.tv/server/httpapi"
	"echo.tv/server/rtmp"
	"echo.tv/server/testcard"
	"echo.tv/server/tv"
)

// dialOwn brings the test picture in by the front door, as OBS comes.
func (s *Server) dialOwn(ctx context.Context, key tv.StreamKey) (testcard.Line, error) {
	return rtmp.Dial(ctx, forMachine(s.rtmp.Addr()), key, testcard.Encoder)
}

func (r *running) TestStream(ctx context.Context, name string, begun func(tv.ChannelName)) error {
	var made httpapi.ControlTestKey
	if err := r.do(ctx, "POST", "control/test-key", httpapi.ControlTest{Name: name}, &made); err != nil {
		return err
	}
	key, err := tv.ParseStreamKey(made.Secret)
	if err != nil {
		return err
	}
	addr, err := r.rtmpAddr(ctx)
	if err != nil {
		return err
	}
	line, err := rtmp.Dial(ctx, addr, key, testcard.Encoder)
	if err != nil {
		return tv.Errorf(tv.Unavailable, "the test picture does not reach %s: %w", addr, err)
	}
	defer line.Close()
	begun(made.Channel)
	if err := testcard.Play(ctx, line); ctx.Err() == nil {
		return tv.Errorf(tv.Unavailable, "the test picture has ended: %w", err).
			Hint("something else streams to " + string(made.Channel) + " now, or echo.tv was stopped")
	}
	return nil
}

// rtmpAddr returns where this machine reaches the RTMP port of the host: the
// last of its addresses, which is loopback unless it listens on one only.
func (r *running) rtmpAddr(ctx context.Context) (string, error) {
	s, err := r.Status(ctx)
	if err != nil {
		return "", err
	}
	all := s.Addresses.Publish
	if len(all) == 0 {
		return "", tv.Errorf(tv.Unavailable, "the running echo.tv takes no RTMP")
	}
	u, err := url.Parse(all[len(all)-1].URL)
	if err != nil {
		return "", err
	}
	return u.Host, nil
}

func (c *closed) TestStream(context.Context, string, func(tv.ChannelName)) error {
	return tv.Errorf(tv.Unavailable, "echo.tv is not running here").Hint("start it, then try again")
}

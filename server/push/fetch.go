package push

import (
	"context"
	"errors"
	"slices"

	"echo.tv/server/tv"
)

var errBusy = tv.Errorf(tv.TooMany, "too many channels of other hosts are being opened").Hint("try again in a few seconds")

// fetch puts another host's channel on air here. It returns nil when that
// cannot be, or w has ended; the viewer has been told why.
func (s *socket) fetch(ctx context.Context, w *watch) *channel {
	err := s.ask(ctx, w)
	if ctx.Err() != nil {
		return nil
	}
	ch := s.server.find(w.name)
	if err == nil && ch != nil {
		return ch
	}
	s.say(map[string]any{"off": w.name, "reason": reason(err)})
	return nil
}

// ask calls Config.Fetch, unless too many do.
func (s *socket) ask(ctx context.Context, w *watch) error {
	name, err := tv.ParseAnyChannel(string(w.name))
	if err != nil || name != w.name || slices.ContainsFunc(w.via, notAnID) {
		return tv.Errorf(tv.Invalid, "that is not the name of a channel").Hint("choose one in the guide")
	}
	if !s.place() {
		return errBusy
	}
	defer s.leave()
	return s.server.cfg.Fetch(ctx, name, w.via)
}

func notAnID(h tv.HostID) bool {
	_, err := tv.ParseHostID(string(h))
	return err != nil
}

// place takes one of the places for fetches, which leave gives back.
func (s *socket) place() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetching >= maxFetchesPerSocket {
		return false
	}
	select {
	case s.server.fetching <- struct{}{}:
		s.fetching++
		return true
	default:
		return false
	}
}

func (s *socket) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching--
	<-s.server.fetching
}

// reason is err in words for a viewer; what nobody meant for a person is not
// told.
func reason(err error) string {
	if e, ok := errors.AsType[*tv.Error](err); ok {
		return e.Error()
	}
	return "the other host's channel is not on air"
}

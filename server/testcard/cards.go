package testcard

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"echo.tv/server/tv"
)

const (
	longest    = 10 * time.Minute
	most       = 16 // of all channels together; nobody shows it for long
	dialWithin = 5 * time.Second
)

// Config is what Cards are made of.
type Config struct {
	Log  *slog.Logger
	Dial func(context.Context, tv.StreamKey) (Line, error) // to the RTMP port of this host
}

// Cards are the test pictures on air. Safe for concurrent use.
type Cards struct {
	cfg  Config
	life context.Context // ends with Run
	end  context.CancelFunc

	mu      sync.Mutex
	on      map[tv.ChannelName]*showing // guarded by mu
	playing sync.WaitGroup              // Add only with mu held and life not over
}

// showing is one card on its way to the air, or there.
type showing struct {
	stop context.CancelFunc
	gone chan struct{}
}

// New returns Cards that show nothing.
func New(cfg Config) *Cards {
	c := &Cards{cfg: cfg, on: map[tv.ChannelName]*showing{}}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Run waits for ctx to end, takes every card off the air, and returns when the
// last one has said goodbye.
func (c *Cards) Run(ctx context.Context) error {
	<-ctx.Done()
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.playing.Wait()
	return nil
}

// Start puts the card on a channel with its key, for ten minutes at most, and
// returns when it was let in. A channel that shows it already goes on. Errors:
// TooMany, Unavailable, and what dialling says.
func (c *Cards) Start(ctx context.Context, channel tv.ChannelName, key tv.StreamKey) error {
	s, life, err := c.enter(channel)
	if s == nil || err != nil {
		return err
	}
	dialling, cancel := context.WithTimeout(life, dialWithin)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	line, err := c.cfg.Dial(dialling, key)
	if err != nil {
		c.leave(channel, s)
		return fmt.Errorf("send the test picture: %w", err)
	}
	go c.play(life, channel, s, line)
	return nil
}

// enter takes the channel's place, which leave gives back. It returns nil when
// the card is shown there already.
func (c *Cards) enter(channel tv.ChannelName) (*showing, context.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.life.Err() != nil:
		return nil, nil, tv.Errorf(tv.Unavailable, "this host is shutting down")
	case c.on[channel] != nil:
		return nil, nil, nil
	case len(c.on) >= most:
		return nil, nil, tv.Errorf(tv.TooMany, "%d channels show the test picture already", most).Hint("try again in some minutes")
	}
	life, stop := context.WithTimeout(c.life, longest)
	s := &showing{stop: stop, gone: make(chan struct{})}
	c.on[channel] = s
	c.playing.Add(1)
	return s, life, nil
}

func (c *Cards) leave(channel tv.ChannelName, s *showing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.stop()
	delete(c.on, channel)
	close(s.gone)
	c.playing.Done()
}

func (c *Cards) play(ctx context.Context, channel tv.ChannelName, s *showing, line Line) {
	defer c.leave(channel, s)
	err := Play(ctx, line)
	line.Close()
	c.cfg.Log.Info("test picture ended", "channel", channel, "reason", err)
}

// Stop takes the card off the channel, if it is there, and returns when it has
// said goodbye.
func (c *Cards) Stop(channel tv.ChannelName) {
	c.mu.Lock()
	s := c.on[channel]
	c.mu.Unlock()
	if s != nil {
		s.stop()
		<-s.gone
	}
}

// Running reports whether the channel shows the card.
func (c *Cards) Running(channel tv.ChannelName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.on[channel] != nil
}

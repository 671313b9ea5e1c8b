package app

import (
	"context"
	"fmt"

	"echo.tv/server"
	"echo.tv/server/tv"
)

type testStreamCommand struct {
	Name string `arg:"" optional:"" help:"Whose channel shows it (default: the owner's)."`
}

// Run shows the test picture until it is interrupted.
func (t *testStreamCommand) Run(ctx context.Context, p *process, c *cli) error {
	return withControl(c, func(ctl server.Control) error {
		return ctl.TestStream(ctx, t.Name, func(channel tv.ChannelName) {
			fmt.Fprintf(p.stdout, "%s shows the test picture\n", channel)
			if s, err := ctl.Status(ctx); err == nil {
				for _, a := range s.Addresses.Watch {
					if a.Best {
						fmt.Fprintf(p.stdout, "watch it at %s/@%s\n", a.URL, channel)
					}
				}
			}
			fmt.Fprintln(p.stdout, "Ctrl-C ends it")
		})
	})
}

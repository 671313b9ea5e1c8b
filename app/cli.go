package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"echo.tv/server"
	"echo.tv/server/tv"
)

const about = "Live streaming for your own network: OBS in, any browser out."

// cli is the command line. Every flag has its variable, so that a service
// manager can set it too.
type cli struct {
	Data     string           `env:"ECHOTV_DATA" placeholder:"DIR" default:"${data}" help:"Folder of accounts, keys and settings (default: ${data})."`
	LogLevel string           `env:"ECHOTV_LOG_LEVEL" placeholder:"LEVEL" enum:"debug,info,warn,error" default:"info" help:"How much to log on stderr: debug, info, warn or error."`
	Version  kong.VersionFlag `help:"Print the version and leave."`

	HTTP      string   `name:"http" group:"server" env:"ECHOTV_HTTP" placeholder:"ADDR" default:":5175" help:"Where browsers and players come in (default: :5175)."`
	RTMP      string   `name:"rtmp" group:"server" env:"ECHOTV_RTMP" placeholder:"ADDR" default:":1935" help:"Where OBS comes in (default: :1935)."`
	RTSP      string   `name:"rtsp" group:"server" env:"ECHOTV_RTSP" placeholder:"ADDR" default:":8554" help:"Where RTSP players and cameras come in (default: :8554); empty for none."`
	Name      []string `group:"server" env:"ECHOTV_NAME" placeholder:"HOST" help:"Another host name this machine is called by in the browser; repeat for more."`
	Adapter   []string `group:"server" env:"ECHOTV_ADAPTER" placeholder:"NAME" help:"A virtual adapter that others do reach this machine by, such as br-home; those of containers and virtual machines are left out. Repeat for more."`
	Debug     string   `group:"server" env:"ECHOTV_DEBUG" placeholder:"ADDR" help:"Serve profiles (pprof) here; loopback only, such as 127.0.0.1:6060."`
	Discovery bool     `group:"server" env:"ECHOTV_DISCOVERY" negatable:"" default:"true" help:"Find other echo.tv machines on the network, and be found (default: on)."`
	Headless  bool     `group:"server" env:"ECHOTV_HEADLESS" help:"Open no window."`
	windowFlags

	Run        runCommand        `cmd:"" default:"1" help:"Start echo.tv. This is what happens without a command."`
	User       userCommand       `cmd:"" help:"Accounts."`
	Key        keyCommand        `cmd:"" help:"Stream keys."`
	Status     statusCommand     `cmd:"" help:"Say whether echo.tv runs here, and what is on air."`
	TestStream testStreamCommand `cmd:"" help:"Put a test picture on a channel, until Ctrl-C."`
	Doctor     doctorCommand     `cmd:"" help:"Say whether others can reach this computer, and what to do when not."`
}

var groups = kong.ExplicitGroups([]kong.Group{{Key: "server", Title: "When it starts the server:"}})

// main parses the arguments, does what they ask, and says in one line what
// failed.
func (p *process) main(ctx context.Context) int {
	err := p.command(ctx)
	if _, known := errors.AsType[*told](err); err != nil && !known {
		complain(p.stderr, err)
	}
	return exitCode(err)
}

func (p *process) command(ctx context.Context) error {
	var c cli
	left := false // --help or --version did all there was to do
	parser, err := kong.New(&c, kong.Name("echotv"), kong.Description(about), groups,
		kong.Vars{"version": "echotv " + p.Version, "data": defaultData()},
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { left = true }),
		kong.ConfigureHelp(kong.HelpOptions{FlagsLast: true}))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(p.args)
	switch {
	case left:
		return nil
	case err != nil:
		return usage(err)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run(p, &c)
}

// config is what the flags ask of the server.
func (p *process) config(c *cli) (server.Config, error) {
	if c.Data == "" {
		return server.Config{}, errNoData
	}
	log, err := newLog(p.stderr, c.LogLevel)
	if err != nil {
		return server.Config{}, err
	}
	cfg := server.DefaultConfig()
	cfg.DataDir, cfg.Names, cfg.Adapters = c.Data, c.Name, c.Adapter
	cfg.HTTP, cfg.RTMP, cfg.RTSP, cfg.Debug = c.HTTP, c.RTMP, c.RTSP, c.Debug
	cfg.Discover = c.Discovery
	cfg.UI, cfg.Version, cfg.Log = p.UI, p.Version, log
	if err := cfg.Validate(); err != nil {
		return server.Config{}, usage(err)
	}
	return cfg, nil
}

// newLog writes lines of key=value to w; values are quoted, so that no stranger
// can forge a line.
func newLog(w io.Writer, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, usage(err)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: least})), nil
}

// defaultData is the data folder of this user, or "" when the system does not
// say where a user's data lives; --help must work even then.
func defaultData() string {
	dir, err := dataDir(system{os.Getenv, os.UserHomeDir, os.UserConfigDir})
	if err != nil {
		return ""
	}
	return dir
}

var errNoData = usage(tv.Errorf(tv.Invalid, "this user has no home folder to keep data in").
	Hint("name a folder with --data DIR or ECHOTV_DATA"))

// usage marks err as a mistake in how the program was called.
func usage(err error) error { return &usageError{err} }

type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func isUsage(err error) bool {
	_, ok := errors.AsType[*usageError](err)
	return ok
}

package server

import (
	"io/fs"
	"log/slog"
	"net"
	"strconv"

	"echo.tv/server/httpapi"
	"echo.tv/server/tv"
)

// Config is everything a host can be told. Only DataDir has no default.
type Config struct {
	DataDir  string   // made when missing; one running server per folder
	HTTP     string   // host:port for browsers and players
	RTMP     string   // host:port for OBS
	RTSP     string   // host:port for RTSP players and cameras; empty for none, and a busy one is no error
	Debug    string   // loopback host:port for pprof; empty for none
	Adapters []string // virtual adapters that others reach this machine by
	Names    []string // further host names or addresses under which browsers may ask
	Discover bool     // announce this host on the network and look for others
	UI       fs.FS    // the built interface; nil serves a page that says it is missing
	Log      *slog.Logger
	Version  string

	Desktop      httpapi.Desktop // the window; nil without one
	DesktopToken string          // its per-run secret
}

// DefaultConfig returns the ports everybody expects, on every address.
func DefaultConfig() Config {
	return Config{HTTP: ":5175", RTMP: ":1935", RTSP: ":8554", Discover: true, Log: slog.Default(), Version: "dev"}
}

// Validate says what is wrong with c, or nil. Errors: Invalid.
func (c Config) Validate() error {
	if c.DataDir == "" {
		return tv.Errorf(tv.Invalid, "no data folder was named").Hint("use --data DIR")
	}
	for _, a := range []struct{ flag, addr string }{
		{"--http", c.HTTP}, {"--rtmp", c.RTMP}, {"--rtsp", c.RTSP}, {"--debug", c.Debug},
	} {
		if err := validAddr(a.flag, a.addr); err != nil {
			return err
		}
	}
	if c.Debug == "" {
		return nil
	}
	host, _, _ := net.SplitHostPort(c.Debug)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return tv.Errorf(tv.Invalid, "--debug %q is not an address of this machine alone", c.Debug).
			Hint("profiles show memory; use 127.0.0.1:6060")
	}
	return nil
}

func validAddr(flag, addr string) error {
	if addr == "" && (flag == "--rtsp" || flag == "--debug") {
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return tv.Errorf(tv.Invalid, "%s %q is not an address", flag, addr).Hint("write :5175 or 192.168.1.20:5175")
	}
	return nil
}

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const dialWithin = 2 * time.Second // on the same machine or network; a lost SYN is sent again after one

// port says whether a listener is up, where, and else who has its port.
func (d *Doctor) port(ctx context.Context, l Listener) Verdict {
	v := Verdict{ID: l.ID, Title: "Way in for " + l.Who}
	if l.On == "" {
		return d.notListening(ctx, l, v)
	}
	host, port, _ := net.SplitHostPort(l.On)
	ip, err := netip.ParseAddr(host)
	if err == nil && ip.IsLoopback() {
		v.State, v.Says = Fail, fmt.Sprintf("Open at %s, which only this computer itself reaches.", l.On)
		v.Do, v.Line = "Let everybody in: start echo.tv with", fmt.Sprintf("echotv %s :%s", l.Flag, port)
		return v
	}
	at := l.On
	if err != nil || ip.IsUnspecified() {
		at = net.JoinHostPort(d.reachedAt(), port)
	}
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	c, err := d.dial(ctx, "tcp", at)
	if err != nil {
		v.State, v.Says = Fail, fmt.Sprintf("Port %s is open, but does not answer at %s, not even to this computer.", port, at)
		v.Do = "Restart echo.tv."
		return v
	}
	c.Close()
	v.State, v.Says = OK, fmt.Sprintf("Open at %s.", at)
	return v
}

// reachedAt is the best address of this machine, its own loopback without one.
func (d *Doctor) reachedAt() string {
	if a, ok := best(d.Network()); ok {
		return a.IP.String()
	}
	return "127.0.0.1"
}

func (d *Doctor) notListening(ctx context.Context, l Listener, v Verdict) Verdict {
	_, port, _ := net.SplitHostPort(l.Want)
	err := tryPort(l.Want)
	switch {
	case err == nil:
		v.State, v.Says = Fail, fmt.Sprintf("Nothing listens on port %s.", port)
		v.Do, v.Line = "Start echo.tv, or restart it:", "echotv"
	case errors.Is(err, syscall.EADDRINUSE):
		v.State, v.Says = Fail, fmt.Sprintf("Port %s is taken by %s.", port, d.holder(ctx, port))
		v.Do, v.Line = "End that program, or start echo.tv on another port.", fmt.Sprintf("echotv %s :%s", l.Flag, nextPort(port))
	default:
		v.State, v.Says = Fail, fmt.Sprintf("Port %s cannot be opened: %v.", port, errors.Unwrap(err))
		v.Do, v.Line = "Start echo.tv on another port.", fmt.Sprintf("echotv %s :%s", l.Flag, nextPort(port))
	}
	return v
}

// tryPort opens and closes the port.
func tryPort(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// nextPort is one that is likely free: 1935 → 1936, 80 → 8080.
func nextPort(port string) string {
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil || n >= 65535 {
		return "5175"
	}
	if n < 1024 {
		n += 7999
	}
	return fmt.Sprint(n + 1)
}

package server

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime"

	"echo.tv/server/doctor"
	"echo.tv/server/httpapi"
	"echo.tv/server/lan"
	"echo.tv/server/peer"
)

// Examine says whether others can reach the host of cfg, by asking it when it
// runs, and else by looking at the machine. Nothing is opened or changed. Root
// sees rules of firewalls that the running host may not.
func Examine(ctx context.Context, cfg Config) (doctor.Report, error) {
	r := reach(cfg.DataDir)
	if r == nil {
		return newDoctor(cfg, func() []doctor.Listener { return wanted(cfg) }).Examine(ctx), nil
	}
	var report doctor.Report
	err := r.do(ctx, "GET", "doctor", nil, &report)
	if err != nil || os.Geteuid() != 0 {
		return report, err
	}
	status, err := r.Status(ctx)
	if err != nil {
		return report, err
	}
	d := newDoctor(cfg, func() []doctor.Listener { return listening(cfg, status.Addresses) })
	return report.With(d.Firewall(ctx)), nil
}

// newDoctor looks at this machine, on which listeners tell the ways in.
func newDoctor(cfg Config, listeners func() []doctor.Listener) *doctor.Doctor {
	network := lan.New(slog.New(slog.DiscardHandler), cfg.Adapters...).Now() // one look is enough for one question
	return doctor.New(doctorConfig(cfg, listeners, func() lan.Network { return network }))
}

func doctorConfig(cfg Config, listeners func() []doctor.Listener, network func() lan.Network) doctor.Config {
	program, _ := os.Executable() // without it a firewall of programs is not judged
	return doctor.Config{OS: runtime.GOOS, Version: cfg.Version, Program: program, Data: cfg.DataDir,
		Commands: doctor.System{}, Files: os.DirFS("/"), Listeners: listeners, Network: network}
}

// doctor is the one that browsers ask, to whom phones may come as well.
func (s *Server) doctor() *doctor.Doctor {
	cfg := doctorConfig(s.cfg, s.listeners, s.lan.Now)
	cfg.Others, cfg.Dial = s.others, s.peers.Dial
	cfg.Address = func() string { return s.Addresses().Watch[0].URL } // never empty: the machine itself is the last resort
	return doctor.New(cfg)
}

// others are the hosts that were found, and those that announce themselves but
// do not answer.
func (s *Server) others() (all []doctor.Other) {
	for _, h := range s.peers.Hosts() {
		if h.Addr.IsValid() && (h.Typed || h.Presence == peer.Here) {
			all = append(all, doctor.Other{Name: h.Name, Addr: h.Addr})
		}
	}
	for _, at := range s.peers.Unanswered() {
		all = append(all, doctor.Other{Addr: at})
	}
	return all
}

// wanted are the ways in that cfg asks for, none of them open.
func wanted(cfg Config) []doctor.Listener {
	all := []doctor.Listener{
		{ID: "http", Who: "browsers", Flag: "--http", Want: cfg.HTTP},
		{ID: "rtmp", Who: "OBS", Flag: "--rtmp", Want: cfg.RTMP},
	}
	if cfg.RTSP != "" {
		all = append(all, doctor.Listener{ID: "rtsp", Who: "cameras and RTSP players", Flag: "--rtsp", Want: cfg.RTSP})
	}
	return all
}

// listeners are the ways in as they are.
func (s *Server) listeners() []doctor.Listener {
	all := wanted(s.cfg)
	on := map[string]net.Addr{"http": s.web.Addr(), "rtmp": s.rtmp.Addr()}
	if s.rtsp != nil {
		on["rtsp"] = s.rtsp.Addr()
	}
	for i := range all {
		if a := on[all[i].ID]; a != nil {
			all[i].On = a.String()
		}
	}
	return all
}

// listening are the ways in of a host that runs elsewhere, as its addresses tell.
func listening(cfg Config, at httpapi.Addresses) []doctor.Listener {
	all := wanted(cfg)[:2]
	for i, urls := range [][]httpapi.Address{at.Watch, at.Publish} {
		if u, err := url.Parse(urls[0].URL); err == nil {
			all[i].On = u.Host
		}
	}
	return all
}

package httpapi

import (
	"context"
	"net/http"
	"time"

	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// Peers are the other hosts of the network. All methods are called from many
// goroutines.
type Peers interface {
	Self() peer.Host
	Hosts() []peer.Host
	Add(ctx context.Context, address string) (peer.Host, error)
	Forget(context.Context, tv.HostID) error
	Directory() http.Handler
}

// Host is one echo.tv of the network.
type Host struct {
	ID       tv.HostID     `json:"id"`
	Name     string        `json:"name" doc:"As its owner calls it; anybody can choose the same"`
	Words    string        `json:"words" doc:"Four words that stand for its key, to be compared by voice"`
	Version  string        `json:"version"`
	Address  string        `json:"address" doc:"IP and port, such as 192.168.1.20:5175; empty when not known"`
	Presence peer.Presence `json:"presence" enum:"here,gone"`
	Since    *time.Time    `json:"since" doc:"Since when it is here or gone; null for this host"`
	Typed    bool          `json:"typed" doc:"Somebody typed its address; it is remembered"`
	Warning  string        `json:"warning" doc:"One sentence when it may not be the host it seems to be; else empty"`
	Instead  tv.HostID     `json:"instead" doc:"With a warning: the host that is known by this name or address. Forget it to trust this one"`
	Channels int           `json:"channels" doc:"How many are on air there"`
}

// Hosts are this host and the others.
type Hosts struct {
	Self  Host   `json:"self"`
	Hosts []Host `json:"hosts" nullable:"false"`
}

// NewHost is where another host is.
type NewHost struct {
	Address string `json:"address" doc:"As the other echo.tv shows it, such as 192.168.1.20:5175"`
}

type hostPath struct {
	ID string `path:"id"`
}

func hostOfPeer(h peer.Host) Host {
	out := Host{ID: h.ID, Name: h.Name, Words: h.Words, Version: h.Version, Presence: h.Presence, Typed: h.Typed,
		Warning: h.Warning, Instead: h.Instead, Channels: len(h.Channels)}
	if h.Addr.IsValid() {
		out.Address = h.Addr.String()
	}
	if !h.Since.IsZero() {
		since := h.Since.UTC().Truncate(time.Millisecond)
		out.Since = &since
	}
	return out
}

func (a *API) hosts(context.Context, *none) (*body[Hosts], error) {
	out := Hosts{Self: hostOfPeer(a.Peers.Self()), Hosts: []Host{}}
	for _, h := range a.Peers.Hosts() {
		out.Hosts = append(out.Hosts, hostOfPeer(h))
	}
	return &body[Hosts]{out}, nil
}

func (a *API) addHost(ctx context.Context, in *body[NewHost]) (*body[Host], error) {
	if _, err := a.admin(ctx); err != nil {
		return nil, err
	}
	h, err := a.Peers.Add(ctx, in.Body.Address)
	if err != nil {
		return nil, err
	}
	return &body[Host]{hostOfPeer(h)}, nil
}

func (a *API) forgetHost(ctx context.Context, in *hostPath) (*none, error) {
	if _, err := a.admin(ctx); err != nil {
		return nil, err
	}
	id, err := tv.ParseHostID(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.Peers.Forget(ctx, id)
}

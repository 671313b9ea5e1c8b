package httpapi

import (
	"context"
	"encoding/json"
)

// Addresses are where this host is reached, the likeliest first.
type Addresses struct {
	Watch   []Address `json:"watch" nullable:"false" doc:"For browsers, such as http://192.168.1.20:5175"`
	Publish []Address `json:"publish" nullable:"false" doc:"For OBS, such as rtmp://192.168.1.20:1935/live"`
}

// Address is one of them, and what leads there.
type Address struct {
	URL     string      `json:"url"`
	Kind    AddressKind `json:"kind" enum:"wifi,ethernet,vpn,unknown,name,here" doc:"The adapter's kind; name: multicast DNS leads here; here: for this machine alone"`
	Adapter string      `json:"adapter" doc:"As the system calls it, such as wlan0; empty for name and here"`
	Best    bool        `json:"best" doc:"The one to tell people. There is none while no network is connected"`
}

// AddressKind is a kind of adapter, as lan has them, or one of these two.
type AddressKind string

// Addresses that belong to no adapter.
const (
	ByName AddressKind = "name"
	Here   AddressKind = "here"
)

// addresses never returns nil lists: null is not a list to a client.
func (a *API) addresses() Addresses {
	at := a.Addresses()
	return Addresses{Watch: append([]Address{}, at.Watch...), Publish: append([]Address{}, at.Publish...)}
}

// tellAddresses gives the event sockets the addresses, now and after each
// change, until ctx ends.
func (a *API) tellAddresses(ctx context.Context) {
	for ctx.Err() == nil {
		moved := a.Moved()
		at := a.addresses()
		data, err := json.Marshal(Event{Type: "addresses", Addresses: &at})
		if err != nil {
			a.Log.Error("no addresses for the event sockets", "err", err)
		} else {
			a.feed.put(func(f *frame) { f.addresses = data })
		}
		select {
		case <-moved:
		case <-ctx.Done():
		}
	}
}

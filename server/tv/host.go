package tv

import (
	"regexp"
	"strings"
)

// HostID names one echo.tv on the network: 16 letters and digits, the first 80
// bits of the SHA-256 of its public key in base32. Whoever copies a name cannot
// copy this.
type HostID string

var hostID = regexp.MustCompile(`^[a-z2-7]{16}$`)

// ParseHostID returns s as an id or an Invalid error.
func ParseHostID(s string) (HostID, error) {
	if !hostID.MatchString(s) {
		return "", Errorf(Invalid, "%.40q is not the id of a host", s)
	}
	return HostID(s), nil
}

// At returns the name by which this host knows channel n of host h: ann@<id>.
// No account can have such a name.
func (n ChannelName) At(h HostID) ChannelName { return n + "@" + ChannelName(h) }

// Split undoes At; the id is empty for a channel of this host.
func (n ChannelName) Split() (own ChannelName, h HostID) {
	name, id, _ := strings.Cut(string(n), "@")
	return ChannelName(name), HostID(id)
}

// ParseAnyChannel is ParseChannelName that also takes the channel of another
// host, ann@<id>.
func ParseAnyChannel(s string) (ChannelName, error) {
	name, id, foreign := strings.Cut(s, "@")
	n, err := ParseChannelName(name)
	if err != nil || !foreign {
		return n, err
	}
	h, err := ParseHostID(id)
	if err != nil {
		return "", err
	}
	return n.At(h), nil
}

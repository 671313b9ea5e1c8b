package rtsp

import (
	"errors"
	"net"
	"strconv"
)

// pair is the two sockets of RTP over UDP, an even port and the next one.
type pair struct{ rtp, rtcp *net.UDPConn }

// usualRTP is where other RTSP servers have RTP, so where firewalls are open for
// it. Nothing depends on it: players are told the ports at SETUP.
const usualRTP = 8000

// udpBuffer holds a key frame of a UDP publisher until we get to it. The system
// may give less.
const udpBuffer = 2 << 20

var errNoPair = errors.New("no two neighbouring UDP ports are free")

// listenUDP binds a pair on the host of addr: the usual ports when addr has a
// port of its own and they are free, else any two.
func listenUDP(addr string) (*pair, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if port != "0" {
		if p, err := bindPair(host, usualRTP); err == nil {
			return p, nil
		}
	}
	for range 64 {
		if p, err := bindPair(host, 0); err == nil {
			return p, nil
		}
	}
	return nil, errNoPair
}

func bindPair(host string, port int) (*pair, error) {
	rtp, err := bindUDP(host, port)
	if err != nil {
		return nil, err
	}
	port = rtp.LocalAddr().(*net.UDPAddr).Port
	if port%2 != 0 {
		rtp.Close()
		return nil, errNoPair
	}
	rtcp, err := bindUDP(host, port+1)
	if err != nil {
		rtp.Close()
		return nil, err
	}
	return &pair{rtp, rtcp}, nil
}

func bindUDP(host string, port int) (*net.UDPConn, error) {
	c, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	u := c.(*net.UDPConn)
	u.SetReadBuffer(udpBuffer)
	return u, nil
}

// take hands the socket bound to address to the library, which closes it.
func (p *pair) take(_, address string) (net.PacketConn, error) {
	for _, c := range []*net.UDPConn{p.rtp, p.rtcp} {
		if c.LocalAddr().String() == address {
			return c, nil
		}
	}
	return nil, errNoPair
}

func (p *pair) close() {
	p.rtp.Close()
	p.rtcp.Close()
}

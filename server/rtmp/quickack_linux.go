package rtmp

import (
	"net"
	"syscall"
)

// quickAck asks the kernel to acknowledge at once what was just read. OBS and
// ffmpeg leave Nagle's algorithm on, so the tail of each frame waits in their
// kernel for our acknowledgement, which ours would delay by 40 ms. The option
// lasts for one exchange only and is renewed after each read (tcp(7)).
func quickAck(nc net.Conn) func() {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) }
	return func() { raw.Control(set) } // a refusal only costs the 40 ms
}

//go:build !linux

package rtmp

import "net"

// quickAck does nothing here; see quickack_linux.go.
func quickAck(net.Conn) func() { return func() {} }

package tcp

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// pair is a connection and its other end.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if there, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if here, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

// pour writes until the kernel takes no more, then waits in the last write.
func pour(p *Progress, c net.Conn) {
	for b := make([]byte, 64<<10); ; {
		p.Start()
		n, err := c.Write(b)
		p.Done(int64(n))
		if err != nil {
			return
		}
	}
}

func eventually(t *testing.T, p *Progress, want bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if p.Moved() == want {
			return
		}
	}
	t.Fatalf("moved is not %v", want)
}

func TestWhoReadsNoMoreDoesNotMove(t *testing.T) {
	here, there := pair(t)
	p := Watch(here)
	if !p.Moved() {
		t.Error("who was sent nothing is behind")
	}
	go pour(p, here)
	eventually(t, p, false)
	go io.Copy(io.Discard, there)
	eventually(t, p, true)
}

// Far less than the kernel's buffers: the writes all end.
func TestBytesThatNobodyAcknowledgesAreNotProgress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	here, there := pair(t)
	there.(*net.TCPConn).SetReadBuffer(4096)
	p := Watch(here)
	for range 40 {
		p.Start()
		n, err := here.Write(make([]byte, 4096))
		if err != nil {
			t.Fatal(err)
		}
		p.Done(int64(n))
	}
	eventually(t, p, false)
	if p.Moved() {
		t.Error("it moved by itself")
	}
	go io.Copy(io.Discard, there)
	eventually(t, p, true)
}

func TestAClosedConnectionDoesNotHurt(t *testing.T) {
	here, _ := pair(t)
	p := Watch(here)
	here.Close()
	p.Moved()
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	Watch(one).Moved()
}

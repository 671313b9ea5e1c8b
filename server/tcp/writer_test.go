//go:build unix

package tcp

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

func TestAWriterNeverWaits(t *testing.T) {
	here, there := pair(t)
	w := NewWriter(here)
	here.SetWriteDeadline(time.Now().Add(-time.Second)) // is for those who wait
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	n, err := w.TryWrite(sent[:1000])
	if n != 1000 || err != nil {
		t.Fatalf("an idle connection took %d of 1000 bytes: %v", n, err)
	}
	total := n
	if n, err = w.TryWrite(sent[total:]); n == 0 || n == len(sent)-total || err != nil {
		t.Errorf("of 16 MB at once it took %d bytes: %v", n, err)
	}
	for n > 0 { // until it is full
		total += n
		if n, err = w.TryWrite(sent[total:]); err != nil {
			t.Fatalf("a full connection: %v", err)
		}
	}
	got := make([]byte, total)
	if _, err := io.ReadFull(there, got); err != nil || !bytes.Equal(got, sent[:total]) {
		t.Errorf("other bytes arrived than were taken: %v", err)
	}
}

func TestAClosedConnectionTakesNothing(t *testing.T) {
	here, there := pair(t)
	w := NewWriter(here)
	there.Close()
	var err error
	for end := time.Now().Add(5 * time.Second); err == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		_, err = w.TryWrite([]byte("hello?"))
	}
	if err == nil {
		t.Error("the other end has gone, and nothing tells")
	}
	here.Close()
	if n, err := w.TryWrite([]byte("hello?")); n != 0 || err == nil {
		t.Errorf("it took %d bytes: %v", n, err)
	}
}

func TestTryWriteLeavesNoGarbage(t *testing.T) {
	here, there := pair(t)
	go io.Copy(io.Discard, there)
	w, b := NewWriter(here), make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() { w.TryWrite(b) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhatIsNoSocketHasNoWriter(t *testing.T) {
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if NewWriter(one) != nil {
		t.Error("a pipe has one")
	}
}

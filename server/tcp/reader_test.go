package tcp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// bothKinds runs a test with a connection that can wait before it reads, where
// there is such a thing, and with one that cannot.
func bothKinds(t *testing.T, test func(t *testing.T, here, there net.Conn)) {
	t.Run("real", func(t *testing.T) {
		here, there := pair(t)
		test(t, here, there)
	})
	t.Run("in memory", func(t *testing.T) {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		test(t, here, there)
	})
}

// lines takes whole lines, one at a time, until n were taken.
func lines(got *[]string, n int) func([]byte) (int, bool) {
	return func(b []byte) (used int, more bool) {
		for len(*got) < n {
			line, _, whole := strings.Cut(string(b[used:]), "\n")
			if !whole {
				return used, true
			}
			*got = append(*got, line)
			used += len(line) + 1
		}
		return used, false
	}
}

func TestEachTakesWhatComesInWhateverPieces(t *testing.T) {
	const text = "one\ntwo\nthree\nfour\nfive\nrest"
	for _, size := range []int{1, 2, 5, len(text)} {
		bothKinds(t, func(t *testing.T, here, there net.Conn) {
			go func() {
				for at := 0; at < len(text); at += size {
					io.WriteString(there, text[at:min(len(text), at+size)])
				}
			}()
			r := NewReader(here, []byte("zero\n"), 12)
			var got []string
			if err := r.Each(lines(&got, 3)); err != nil || strings.Join(got, " ") != "zero one two" {
				t.Fatalf("got %q: %v", got, err)
			}
			if err := r.Each(lines(&got, 6)); err != nil || strings.Join(got[3:], " ") != "three four five" {
				t.Fatalf("and then %q: %v", got[3:], err)
			}
			if left := string(r.Unread()); !strings.HasPrefix("rest", left) {
				t.Errorf("%q is unread", left)
			}
		})
	}
}

// A wait that begins after the bytes came must not miss them: 10,000 questions,
// each asked by the answer to the one before.
func TestEachMissesNothing(t *testing.T) {
	bothKinds(t, func(t *testing.T, here, there net.Conn) {
		const rounds = 10_000
		there.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			b := make([]byte, 1)
			for range rounds {
				if _, err := there.Write([]byte("?")); err != nil {
					return
				}
				if _, err := there.Read(b); err != nil {
					return
				}
			}
			there.Close()
		}()
		heard := 0
		err := NewReader(here, nil, 8).Each(func(b []byte) (int, bool) {
			heard += len(b)
			here.Write([]byte("!"))
			return len(b), true
		})
		if err != io.EOF || heard != rounds {
			t.Errorf("heard %d of %d questions, then %v", heard, rounds, err)
		}
	})
}

func TestEachEndsWithTheConnectionTheDeadlineAndTheRoom(t *testing.T) {
	keep := func([]byte) (int, bool) { return 0, true }
	for name, c := range map[string]struct {
		do   func(here, there net.Conn)
		want error
	}{
		"the other end": {func(_, there net.Conn) { there.Close() }, io.EOF},
		"this end":      {func(here, _ net.Conn) { here.Close() }, nil}, // whatever the kind of connection says
		"the deadline":  {func(here, _ net.Conn) { here.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		"the room":      {func(_, there net.Conn) { io.WriteString(there, "12345678") }, bufio.ErrBufferFull},
	} {
		t.Run(name, func(t *testing.T) {
			bothKinds(t, func(t *testing.T, here, there net.Conn) {
				go func() {
					time.Sleep(10 * time.Millisecond) // it waits
					c.do(here, there)
				}()
				err := NewReader(here, nil, 8).Each(keep)
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestADeadlineThatHasPassedIsNotTheEnd(t *testing.T) {
	bothKinds(t, func(t *testing.T, here, there net.Conn) {
		r := NewReader(here, nil, 8)
		here.SetReadDeadline(time.Now())
		var got []string
		if err := r.Each(lines(&got, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		here.SetReadDeadline(time.Time{})
		go io.WriteString(there, "hello\n")
		if err := r.Each(lines(&got, 1)); err != nil || len(got) != 1 {
			t.Errorf("after it %q: %v", got, err)
		}
	})
}

func TestLeftIsTrueOnceTheOtherEndHasClosed(t *testing.T) {
	bothKinds(t, func(t *testing.T, here, there net.Conn) {
		r := NewReader(here, nil, 16)
		var got []string
		go io.WriteString(there, "one\n")
		err := r.Each(func(b []byte) (int, bool) { // as from within, so from without
			used, more := lines(&got, 2)(b)
			if r.Left() {
				t.Error("it is said to have left")
			}
			if len(got) == 1 {
				go io.WriteString(there, "two\n")
				time.Sleep(10 * time.Millisecond)
				if r.Left() {
					t.Error("with a word unheard it is said to have left")
				}
				here.SetReadDeadline(time.Time{})
			}
			return used, more
		})
		if err != nil || strings.Join(got, " ") != "one two" {
			t.Fatalf("got %q: %v", got, err)
		}
		there.Close()
		for end := time.Now().Add(5 * time.Second); !r.Left(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nobody notices")
			}
		}
	})
}

package live

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestReadersBeginAtTheNewestStartAndMissNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing[int](64)
		push := func(from, to int) {
			for i := from; i < to; i++ {
				r.Push(&i, i%10 == 0)
			}
		}
		push(0, 25)
		var c Cursor
		for want := 20; want < 25; want++ {
			if v, missed, err := r.Next(t.Context(), &c); err != nil || *v != want || missed != 0 {
				t.Fatalf("got %v, missed %d, %v; want %d", v, missed, err, want)
			}
		}
		got := make(chan int)
		go func() {
			v, _, _ := r.Next(t.Context(), &c)
			got <- *v
		}()
		synctest.Wait()
		push(25, 26)
		if v := <-got; v != 25 {
			t.Errorf("a waiting reader got %d", v)
		}
	})
}

func TestAReaderThatFallsBehindJumpsToTheNewestStart(t *testing.T) {
	r := NewRing[int](1000)
	var c Cursor
	for i := range 5 {
		r.Push(&i, i == 0)
	}
	r.Next(t.Context(), &c)
	for i := 5; i < 47; i++ {
		r.Push(&i, i%10 == 0)
	}
	v, missed, err := r.Next(t.Context(), &c) // 1 to 29 are gone
	if err != nil || *v != 40 || missed != 39 {
		t.Errorf("got %d, missed %d, %v", *v, missed, err)
	}
	for i := 47; i < 55; i++ {
		r.Push(&i, i%10 == 0)
	}
	if missed := r.Skip(&c); missed != 9 {
		t.Errorf("skipped %d", missed)
	}
	if v, _, _ := r.Next(t.Context(), &c); *v != 50 {
		t.Errorf("after a skip: %d", *v)
	}
}

func length(b *[]byte) int { return len(*b) }

// pushed pushes values of ten bytes that say their number; starts are given.
func pushed(r *Ring[[]byte], from, to int, starts ...int) {
	for i := from; i < to; i++ {
		v := make([]byte, 10)
		v[0] = byte(i)
		r.Push(&v, slices.Contains(starts, i))
	}
}

func TestARingKeepsNoMoreBytesThanItMay(t *testing.T) {
	r := NewRing[[]byte](1000).Within(100, length)
	kept := func() (n int) {
		for i := range r.slots {
			if v := r.slots[i].Load(); v != nil {
				n += len(*v)
			}
		}
		return n
	}
	for i := range 200 {
		pushed(r, i, i+1, 0)
		if n := kept(); n > 100 {
			t.Fatalf("%d bytes after %d values", n, i+1)
		}
	}
	huge := make([]byte, 500)
	r.Push(&huge, true)
	var c Cursor
	if v, _, err := r.Next(t.Context(), &c); err != nil || len(*v) != 500 || kept() != 500 {
		t.Errorf("%d bytes of a start that is larger than all: %v", len(*v), err)
	}
}

func TestAReaderWhoseNextValueWasTooMuchJumpsToTheNewestStart(t *testing.T) {
	r := NewRing[[]byte](1000).Within(100, length)
	pushed(r, 0, 3, 0)
	var c Cursor
	r.Next(t.Context(), &c)
	pushed(r, 3, 20, 15) // the last ten are kept
	if v, missed, err := r.Next(t.Context(), &c); err != nil || (*v)[0] != 15 || missed != 14 {
		t.Errorf("got %d, missed %d, %v", (*v)[0], missed, err)
	}
}

func TestWhereNoStartIsKeptReadersWaitForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing[[]byte](1000).Within(100, length)
		pushed(r, 0, 3, 0)
		var late, fresh Cursor
		r.Next(t.Context(), &late)
		pushed(r, 3, 30)
		if r.Ready(&late) {
			t.Error("what is to come at the next start is said to be there")
		}
		type got struct {
			value  byte
			missed uint64
		}
		came := make(chan got, 2)
		for _, c := range []*Cursor{&late, &fresh} {
			go func() {
				v, missed, _ := r.Next(t.Context(), c)
				came <- got{(*v)[0], missed}
			}()
		}
		synctest.Wait()
		pushed(r, 30, 35)
		synctest.Wait()
		if len(came) > 0 {
			t.Fatalf("a reader began in the middle, with %v", <-came)
		}
		pushed(r, 35, 37, 35)
		for range 2 {
			if g := <-came; g != (got{35, 34}) && g != (got{35, 0}) {
				t.Errorf("got %v", g)
			}
		}
		if v, missed, _ := r.Next(t.Context(), &late); (*v)[0] != 36 || missed != 0 {
			t.Errorf("then %d, missed %d", (*v)[0], missed)
		}
	})
}

func TestReadersLeaveWithTheirContextOrAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing[int](8)
		ctx, leave := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		read := func(ctx context.Context) {
			var c Cursor
			_, _, err := r.Next(ctx, &c)
			errs <- err
		}
		go read(ctx)
		synctest.Wait()
		leave()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		go read(t.Context())
		synctest.Wait()
		r.End()
		if err := <-errs; !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
	})
}

// Whatever readers get whom the writer laps is in order and was pushed under
// that number.
func TestManyReadersSeeValuesInOrder(t *testing.T) {
	inOrder(t, NewRing[int](16))
	inOrder(t, NewRing[int](16).Within(5, func(*int) int { return 1 })) // often without a start
}

func inOrder(t *testing.T, r *Ring[int]) {
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			var c Cursor
			last := -1
			for {
				v, missed, err := r.Next(t.Context(), &c)
				if err != nil {
					return
				}
				if *v <= last || (missed == 0 && last >= 0 && *v != last+1) {
					t.Errorf("%d after %d, missed %d", *v, last, missed)
					return
				}
				last = *v
			}
		})
	}
	for i := range 20000 {
		r.Push(&i, i%7 == 0)
	}
	r.End()
	readers.Wait()
}

package live

import (
	"context"
	"errors"
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

// TestManyReadersSeeValuesInOrder lets a writer lap slow readers: whatever they
// get is in order and was pushed under that number.
func TestManyReadersSeeValuesInOrder(t *testing.T) {
	r := NewRing[int](16)
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

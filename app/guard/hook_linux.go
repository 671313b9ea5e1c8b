//go:build linux && desktop && !bindings

package guard

/*
#cgo pkg-config: gtk+-3.0 webkit2gtk-4.1
#include "hook_linux.h"
*/
import "C"

import (
	"runtime/cgo"
	"sync"
)

// Hook is a policy and the window it is at work in.
type Hook struct {
	policy Policy
	handle cgo.Handle
	once   sync.Once
	in     chan struct{}
}

// NewHook returns p, not at work yet.
func NewHook(p Policy) *Hook {
	h := &Hook{policy: p, in: make(chan struct{})}
	h.handle = cgo.NewHandle(h)
	return h
}

// Install asks the window's thread to put the policy to work. It returns at
// once and may be called from any goroutine, once, after the window was made.
func (h *Hook) Install() { C.guard_install(C.uintptr_t(h.handle)) }

// Installed is closed once the policy holds.
func (h *Hook) Installed() <-chan struct{} { return h.in }

// Remove takes the policy away. Call it after the window is gone.
func (h *Hook) Remove() { h.handle.Delete() }

//export guardInstalled
func guardInstalled(handle C.uintptr_t) {
	h := cgo.Handle(handle).Value().(*Hook)
	h.once.Do(func() { close(h.in) })
}

//export guardAllows
func guardAllows(handle C.uintptr_t, uri *C.char, newWindow, gesture C.int) C.int {
	h := cgo.Handle(handle).Value().(*Hook)
	if h.policy.Allows(Navigation{URL: C.GoString(uri), NewWindow: newWindow != 0, Gesture: gesture != 0}) {
		return 1
	}
	return 0
}

//export guardDied
func guardDied(handle C.uintptr_t) {
	cgo.Handle(handle).Value().(*Hook).policy.Died()
}

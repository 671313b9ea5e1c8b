//go:build !linux || !desktop || bindings

package guard

// Install has no native hook here; see the package comment.
func Install(Policy) *Hook {
	h := &Hook{in: make(chan struct{})}
	close(h.in)
	return h
}

// Hook is the policy at work in the window.
type Hook struct{ in chan struct{} }

// Installed is closed once the policy holds.
func (h *Hook) Installed() <-chan struct{} { return h.in }

// Remove takes the policy away. Call it after the window is gone.
func (h *Hook) Remove() {}

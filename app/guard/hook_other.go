//go:build !linux || !desktop || bindings

package guard

// Hook is a policy and the window it is at work in. There is no native hook
// here; see the package comment.
type Hook struct{ in chan struct{} }

// NewHook returns p, not at work yet.
func NewHook(Policy) *Hook { return &Hook{in: make(chan struct{})} }

// Install puts the policy to work. Call it once.
func (h *Hook) Install() { close(h.in) }

// Installed is closed once the policy holds.
func (h *Hook) Installed() <-chan struct{} { return h.in }

// Remove takes the policy away. Call it after the window is gone.
func (h *Hook) Remove() {}

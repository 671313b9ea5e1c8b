//go:build bindings

package app

// The step of `wails build` that runs this program to list what it binds to
// JavaScript. It binds nothing, so it must neither open a port nor write a file.
const bindingsOnly = true

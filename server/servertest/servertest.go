// Package servertest runs a real host for tests: the same root as the program,
// on free loopback ports and a folder of its own, with an API client that acts
// as a person and real ffmpeg as OBS. Nothing in it is faked.
package servertest

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server"
)

// Host is a running server.
type Host struct {
	*server.Server
	URL  string // such as http://127.0.0.1:40001
	RTMP string // such as rtmp://127.0.0.1:40002/live
	Log  *Log
	stop func() error
}

// Start runs a host until the test ends; change may adjust its configuration.
// The test fails when the host does not stop cleanly.
func Start(t testing.TB, change ...func(*server.Config)) *Host {
	t.Helper()
	h := &Host{Log: &Log{}}
	cfg := server.DefaultConfig()
	cfg.DataDir, cfg.HTTP, cfg.RTMP, cfg.RTSP = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", ""
	cfg.Discover = false // the network of whoever runs the tests is none of their business
	cfg.Log = slog.New(slog.NewTextHandler(h.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if h.Server, err = server.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.URL, h.RTMP = h.Loopback(), h.Addresses().Publish[0].URL
	h.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := h.Stop(); err != nil {
			t.Errorf("the host did not end well: %v", err)
		}
		if t.Failed() {
			t.Logf("log of the host:\n%s", h.Log)
		}
	})
	return h
}

// Stop ends the host and returns when everything has gone home.
func (h *Host) Stop() error { return h.stop() }

// Log is what a host wrote. Safe for concurrent use.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write takes a piece of the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns all that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Eventually asks until what returns "", and fails with its last answer when
// that takes more than ten seconds.
func Eventually(t testing.TB, what func() string) {
	t.Helper()
	if why := Within(10*time.Second, what); why != "" {
		t.Fatal(why)
	}
}

// Within asks until what returns "", and returns its last answer when limit is
// over.
func Within(limit time.Duration, what func() string) string {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		why := what()
		if why == "" || time.Now().After(end) {
			return why
		}
	}
}

// GoneHome fails the test when more goroutines are left than before, and shows
// them. Call it with the count from before the deed.
func GoneHome(t testing.TB, before int) {
	t.Helper()
	Eventually(t, func() string {
		if runtime.NumGoroutine() <= before {
			return ""
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return "goroutines stay behind:\n" + strings.TrimSpace(string(stacks))
	})
}

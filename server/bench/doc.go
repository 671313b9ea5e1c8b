// Package bench measures what a host costs and how late its pictures are, next
// to what others do with the same input. It holds benchmarks only: `make bench`
// prints them, nothing imports them, and none can fail for being slow.
//
//	Glass             encoder to screen in headless Chromium, with sound, by every path
//	Opening           from going to a page to its first picture, step by step
//	Frame, Join       what the host itself adds to that
//	Viewers           processor time per viewer, and who ran dry
//	FirstPlaylist, Publisher   the other end
//
// The baselines are Debian's nginx with libnginx-mod-rtmp, and gohlslib's own
// LL-HLS muxer behind net/http; the latter is this test binary, started as a
// process of its own (baseline_linux_test.go). Figures are one machine's and one
// moment's, so read the ratios.
//
// # What is measured
//
// Viewers: the server is a process of its own on the first core; ffmpeg and all
// viewers, which one goroutine plays with epoll, are on the others. Each viewer
// takes every part or message once, with the headers that Chromium sends. A
// viewer is dry when it got nothing new for a second. The processor time is all
// of the server's, that for the publisher included.
//
// Glass: a program draws the time into every picture as black and white
// blocks before ffmpeg encodes it, and the page reads it from the <video> the
// moment it is composited. Of the push path, pages also tell when a picture's
// message came, and its header when the host had it.
//
// # Profiles
//
// With ECHOTV_BENCH_PROFILES=folder each run of Viewers leaves a profile of its
// server there, taken by --debug while it is measured (which costs it some 3 %):
//
//	ECHOTV_BENCH_PROFILES=/tmp BENCH=Viewers/300/hls make bench
//	go tool pprof -top build/bin/echotv-server /tmp/hls-300.pprof
package bench

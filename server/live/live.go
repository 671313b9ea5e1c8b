// Package live keeps what is on air. It owns channels, the publisher that feeds
// each, the one clock per channel, and the count of who watches; it knows
// neither RTMP nor HLS.
//
// # The flow
//
// A face that takes publishers in (rtmp) calls [Hub.Publish] and then, from one
// goroutine, [Session.SetTracks] and [Session.WriteFrame]. WriteFrame runs the
// whole way in that goroutine: the clock re-bases the frame, the packager makes
// one immutable [Chunk] of it, and each output of the channel takes the chunk.
//
// # Under load
//
// Nobody slows a publisher: outputs must return at once, and readers only ever
// see immutable things (chunks, Status) behind an atomic pointer. The one lock
// on the frame path is the channel's writer lock; only a publisher that takes a
// channel over contends for it, once.
//
// # Live state is derived
//
// Nothing here is stored. A channel is "starting" from an accepted publish to
// its first key frame, then "live"; "lost" while its publisher is silent or has
// vanished; "offline" after a goodbye, or a minute without media. Within that
// minute a returning publisher goes on in the same outputs, so that nobody who
// watches has to reload. After a crash every channel is offline until media
// arrives.
package live

package coach

import (
	"fmt"
	"math"
	"time"

	"echo.tv/server/live"
)

// view is what the rules look at.
type view struct {
	status   live.Status
	run      []Sample      // the newest of this publisher, oldest first, at most window
	promised time.Duration // distance of key frames, as the encoder's settings say
	budget   Budget
	shown    bool          // a frame came
	waited   time.Duration // since the publisher came
}

// window is how far back the rules look, in samples.
const window = 60

// back returns the newest n samples, or none while there are fewer.
func (v view) back(n int) []Sample {
	if len(v.run) < n {
		return nil
	}
	return v.run[len(v.run)-n:]
}

func (v view) now() Sample {
	if len(v.run) == 0 {
		return Sample{}
	}
	return v.run[len(v.run)-1]
}

// say is what a rule has to say.
type say struct {
	how       Severity
	text, fix string
}

// rule is one thing that can be wrong. look says what, and whether it is so;
// stands tells that it was told already, when less is enough to go on.
type rule struct {
	id          string
	after, over int // samples until it is told, and until it is taken back
	look        func(v view, stands bool) (say, bool)
}

// rules is the table of everything the coach knows, the gravest first.
var rules = [...]rule{
	{"no_media", 1, 1, noMedia},
	{"codec", 1, 1, codec},
	{"link_full", 5, 15, linkFull},
	{"stalls", 1, 10, stalls},
	{"key_interval", 2, 5, keyInterval},
	{"fps", 5, 8, fps},
	{"sound", 3, 3, sound},
	{"clock", 1, 1, clock},
	{"bitrate", 5, 15, unsteady},
	{"renditions", 1, 1, renditions},
	{"b_frames", 5, 5, bFrames},
}

const streaming = "Settings → Output → Output Mode “Advanced” → Streaming"

// longWait is when a publisher that sends nothing is not just starting: OBS
// sends its first frame within a second.
const longWait = 6 * time.Second

func noMedia(v view, _ bool) (say, bool) {
	return say{Bad, fmt.Sprintf("The encoder has been connected for %s and no picture came; the first is wanted within 1 s.", seconds(v.waited)),
		"In OBS, Settings → Stream: untick “Enable Enhanced Broadcasting”, which may be left from Twitch. Then " + streaming + ": Video Encoder “x264”."}, !v.shown && v.waited > longWait
}

func codec(v view, _ bool) (say, bool) {
	name := v.status.Video.Codec
	return say{Warn, fmt.Sprintf("The picture is %s; H.264 is wanted, because some browsers and televisions cannot play %s at all.", name, name),
		"In OBS, " + streaming + ": Video Encoder, one with H.264 in its name."}, name == "HEVC" || name == "AV1"
}

func linkFull(v view, stands bool) (say, bool) {
	b, viewers := v.budget, max(1, v.status.Viewers)
	share := float64(b.Used) / float64(max(1, b.Carries))
	how, fix := Warn, "Bring this host to a cable instead of Wi-Fi, or let fewer people watch."
	if share >= 1 {
		how = Bad
	}
	if kbit := b.Carries / 1000 * 7 / 10 / viewers / 500 * 500; kbit >= 1000 && kbit*1000 < v.status.Bitrate {
		fix = fmt.Sprintf("In OBS, %s: Bitrate %d Kbps.", streaming, kbit)
	}
	return say{how, fmt.Sprintf("Viewers take %s and this host's link carries about %s; less than 80 %% of that is wanted.", rate(b.Used), rate(b.Carries)), fix},
		b.Basis == ByLink && (share >= near || stands && share >= again)
}

// A second that came so much too late is one in which players run dry: push
// plays 0.3 s behind.
const stalled = 500 * time.Millisecond

func stalls(v view, stands bool) (say, bool) {
	times, worst, since := 0, time.Duration(0), len(v.run)
	for i, s := range v.run {
		if s.Late >= stalled {
			if i == 0 || v.run[i-1].Late < stalled {
				times++
			}
			worst, since = max(worst, s.Late), len(v.run)-i
		}
	}
	how := Warn
	if worst > 3*time.Second || times > 5 {
		how = Bad
	}
	cause, fix := "most likely Wi-Fi on the way from the streaming computer", "Use a cable on the streaming computer"
	if loopback(v.status.Remote) {
		cause, fix = "this computer is too busy", "Close what else runs on this computer"
	}
	return say{how, fmt.Sprintf("The stream came up to %s late, %s in the last minute; under 0.3 s is wanted (%s).", seconds(worst), count(times, "time", "times"), cause),
			fix + ", or in OBS, " + streaming + ": lower the Bitrate; and Settings → Advanced → Network: tick “Dynamically change bitrate to manage congestion”."},
		times >= 2 || worst >= 1500*time.Millisecond || (stands && times > 0 && since < window/2)
}

// 2 s is what OBS users are usually told to set; some encoders come out a little
// over.
const (
	longKey  = 2500 * time.Millisecond
	shortKey = 2200 * time.Millisecond
)

func keyInterval(v view, stands bool) (say, bool) {
	gap := v.now().Key
	if gap == 0 {
		gap = v.promised
	}
	how := Warn
	if gap >= 5*time.Second {
		how = Bad
	}
	return say{how, fmt.Sprintf("A key frame comes every %s; 1 s is wanted: viewers join up to %s behind, old televisions %s.", seconds(gap), seconds(gap), seconds(3*gap)),
		"In OBS, " + streaming + ": Keyframe Interval 1 s. It takes effect at the next start."}, gap > longKey || stands && gap > shortKey
}

// fps compares what comes with what was promised: a computer that cannot keep up
// leaves pictures out.
func fps(v view, stands bool) (say, bool) {
	recent, promised := v.back(10), v.status.Announced.FPS
	if promised == 0 {
		promised = v.status.Video.FPS
	}
	if recent == nil || promised <= 1 || jammed(recent) {
		return say{}, false
	}
	have := mean(recent, func(s Sample) float64 { return s.FPS }) / promised
	how := Warn
	if have < 0.5 {
		how = Bad
	}
	return say{how, fmt.Sprintf("%.0f pictures a second come; %.0f were promised and are wanted.", have*promised, promised),
			"The streaming computer does not keep up. In OBS, " + streaming + ": a hardware encoder (NVENC, QuickSync, AMF), or CPU Usage Preset “ultrafast”; or Settings → Video: Common FPS Values 30."},
		have < 0.85 || stands && have < 0.93
}

func sound(v view, _ bool) (say, bool) {
	if v.status.Video.Codec == "" {
		return say{}, false
	}
	if v.status.Audio.Codec == "" {
		return say{Warn, "The stream has no sound; one AAC track is wanted.",
			"In OBS, " + streaming + ": tick an Audio Track and choose the Audio Encoder “AAC”. Look that a source's meter moves in the Audio Mixer."}, v.waited > 5*time.Second
	}
	quiet := 0
	for i := len(v.run) - 1; i >= 0 && v.run[i].Sound != Audible; i-- {
		quiet++
	}
	long := count(quiet, "second", "seconds")
	if quiet == window {
		long = "more than a minute"
	}
	return say{Warn, fmt.Sprintf("The sound has been silent for %s; something to hear is wanted.", long),
		"In OBS, Audio Mixer: a source must not be muted and its meter must move. Else Settings → Audio → Global Audio Devices: choose the device."}, quiet >= 15
}

func clock(v view, _ bool) (say, bool) {
	n := v.now().Jumps // since the publisher came
	if len(v.run) == window {
		n -= v.run[0].Jumps
	}
	how := Warn
	if n >= 3 {
		how = Bad
	}
	return say{how, fmt.Sprintf("The stream's clock jumped %s in the last minute; none is wanted, as each makes viewers' pictures jump.", count(int(n), "time", "times")),
		"In OBS, restart the stream. If it returns: Properties of each camera and audio source, untick “Use Device Timestamps”, and Buffering “Disable” for cameras."}, n > 0
}

// settle is how many samples a rate control needs to find its level.
const settle = 5

// unsteady looks at means over a few seconds, at least from key frame to key
// frame, of what came over the wire: OBS fills a constant bit rate up with
// filler. Peaks that were announced are no surprise to anybody.
func unsteady(v view, stands bool) (say, bool) {
	bin := max(4, int(math.Ceil(v.now().Key.Seconds())))
	run := v.run[min(settle, len(v.run)):]
	if len(run) < 4*bin || jammed(run) {
		return say{}, false
	}
	low, high := math.Inf(1), 0.0
	for i := len(run); i >= bin; i -= bin {
		bits := mean(run[i-bin:i], func(s Sample) float64 { return float64(s.Wire) })
		low, high = min(low, bits), max(high, bits)
	}
	a, factor := v.status.Announced, 2.5
	if stands {
		factor = 1.8
	}
	announced := a.VideoBitrate > 0 && high <= 1.3*float64(a.VideoBitrate+a.AudioBitrate)
	return say{Warn, fmt.Sprintf("The bit rate jumps between %s and %s; a steady one is wanted, because viewers on Wi-Fi stall at the peaks.", rate(int(low)), rate(int(high))),
		"In OBS, " + streaming + ": Rate Control “CBR”."}, !announced && high >= factor*low && high-low >= 500_000
}

func renditions(v view, _ bool) (say, bool) {
	return say{Warn, "OBS sends several pictures for Twitch (Enhanced Broadcasting); one is wanted, the others only fill the network.",
		"In OBS, Settings → Stream: untick “Enable Enhanced Broadcasting”."}, v.status.Announced.Renditions
}

func bFrames(v view, _ bool) (say, bool) {
	held := v.now().Reorder
	return say{Info, fmt.Sprintf("B-frames hold each picture back by %d ms; 0 is wanted, since everybody here watches within a fraction of a second.", held.Milliseconds()),
		"In OBS, " + streaming + ": Tune “zerolatency” with x264, or Max B-frames 0 with NVENC and other hardware."}, held > 0
}

// jammed reports whether the network held something up: then nothing can be said
// about the encoder.
func jammed(run []Sample) bool {
	for _, s := range run {
		if s.Late >= stalled {
			return true
		}
	}
	return false
}

package bench

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// The pictures that carry a clock: 40 blocks of black or white in two rows, 32
// bits of milliseconds and the sum of their bytes. glass.mjs reads them.
const (
	width, height, rate = 1280, 720, 30
	block, columns      = 16, 20
	drift               = 4 // rows that the background moves with every picture
)

// painter makes grey pictures, 4:2:0, whose background moves, so that the
// encoder has something to do.
type painter struct {
	background []byte
	frame      []byte
	at         int
}

func newPainter() *painter {
	p := &painter{background: make([]byte, 3*width*height), frame: make([]byte, width*height*3/2)}
	r := rand.New(rand.NewPCG(1, 2))
	for y := 0; y < 3*height; y += 8 {
		for x := 0; x < width; x += 8 {
			grey := byte(60 + r.IntN(120))
			for i := range 64 {
				p.background[(y+i/8)*width+x+i%8] = grey
			}
		}
	}
	for i := width * height; i < len(p.frame); i++ {
		p.frame[i] = 128
	}
	return p
}

// paint returns a picture that says when it is; good until the next.
func (p *painter) paint(now time.Time) []byte {
	copy(p.frame[:width*height], p.background[p.at*width:])
	p.at = (p.at + drift) % (2 * height)
	var bits [5]byte
	binary.BigEndian.PutUint32(bits[:], uint32(now.UnixMilli()))
	bits[4] = bits[0] + bits[1] + bits[2] + bits[3]
	for i := range 40 {
		grey := byte(16)
		if bits[i/8]>>(7-i%8)&1 == 1 {
			grey = 235
		}
		for y := range block {
			row := p.frame[((i/columns)*block+y)*width+(i%columns)*block:]
			for x := range block {
				row[x] = grey
			}
		}
	}
	return p.frame
}

// broadcast paints for ffmpeg, which encodes as a streamer's machine without
// delay would (no B-frames, no look-ahead), with a tone, until the benchmark
// ends. The tone comes out of a filter: with a second input ffmpeg would sleep
// 10 ms wherever it found one of them empty.
func broadcast(b *testing.B, address string) {
	servertest.NeedTool(b, "ffmpeg")
	cmd := exec.Command("ffmpeg", "-v", "error", "-fflags", "nobuffer", "-probesize", "32",
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", width, height), "-framerate", fmt.Sprint(rate), "-i", "pipe:0",
		"-filter_complex", "sine=r=48000:b=2[sound]", "-map", "0:v", "-map", "[sound]",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", fmt.Sprint(rate), "-keyint_min", fmt.Sprint(rate),
		"-sc_threshold", "0", "-b:v", "3000k", "-maxrate", "3000k", "-bufsize", "1500k", "-c:a", "aac", "-b:a", "128k",
		"-flush_packets", "1", "-f", "flv", address)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	const pipeSize = 1 << 20 // F_SETPIPE_SZ: a picture in two writes, not in 21
	if f, ok := in.(interface{ Fd() uintptr }); ok {
		syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), 1031, pipeSize)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		paintUntil(stop, in)
	}()
	b.Cleanup(func() {
		close(stop)
		cmd.Process.Kill()
		cmd.Wait()
		<-stopped
	})
}

func paintUntil(stop chan struct{}, out io.WriteCloser) {
	defer out.Close()
	p, began := newPainter(), time.Now()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(n) * time.Second / rate)
		select {
		case <-stop:
			return
		case <-time.After(time.Until(due)):
		}
		if _, err := out.Write(p.paint(time.Now())); err != nil {
			return
		}
	}
}

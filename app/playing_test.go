//go:build linux && desktop && !bindings

package app_test

import (
	"fmt"
	"image"
	"os/exec"
	"strings"
	"testing"

	"echo.tv/app/windowtest"
	"echo.tv/server/servertest"
)

func TestWindowPlaysTheStream(t *testing.T) {
	windowtest.Require(t)
	bin, data := windowtest.Build(t, ".."), t.TempDir()
	key := ""
	for _, args := range [][]string{{"user", "add", "ann", "--role", "owner"}, {"key", "new", "ann"}} {
		out, err := exec.Command(bin, append(args, "--data", data)...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		key = strings.TrimSpace(string(out))
	}
	w := windowtest.Start(t, windowtest.NewScreen(t), bin, append(anyPorts, "--data", data)...)
	w.See(t, windowtest.APage)
	servertest.Publish(t, servertest.SmallClip, w.Await(t, `Stream to +(rtmp://\S+)`)+"/"+key)
	w.See(t, aTestPicture)

	// The largest live channel is what a newcomer clicks.
	click := exec.Command("xdotool", "mousemove", "560", "300", "click", "1")
	click.Env = append(click.Environ(), w.Env...)
	if out, err := click.CombinedOutput(); err != nil {
		t.Fatalf("xdotool: %v %s", err, out)
	}
	var last image.Image
	moving := 0
	w.See(t, func(img image.Image) string {
		if why := aTestPicture(img); why != "" {
			return why
		}
		if last != nil && changed(last, img) > 0.002 {
			moving++
		} else {
			moving = 0
		}
		last = img
		if moving < 5 {
			return fmt.Sprintf("the picture moved in %d looks running, not in 5", moving)
		}
		return ""
	})
	if code := w.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// aTestPicture asks for the bars of ffmpeg's testsrc2: nothing of our own is as
// red, green and blue at once.
func aTestPicture(img image.Image) string {
	var seen [3]int
	all := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 4 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 4 {
			r, g, b, _ := img.At(x, y).RGBA()
			for i, c := range [3][3]uint32{{r, g, b}, {g, r, b}, {b, r, g}} {
				if c[0] > 0xb000 && c[1] < 0x5000 && c[2] < 0x5000 {
					seen[i]++
				}
			}
			all++
		}
	}
	for _, n := range seen {
		if n*50 < all {
			return fmt.Sprintf("no test picture: red, green and blue on %v of %d places", seen, all)
		}
	}
	return ""
}

// changed returns the share of places where two pictures differ clearly.
func changed(a, b image.Image) float64 {
	differ, all := 0, 0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y += 4 {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x += 4 {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			if far(r1, r2) || far(g1, g2) || far(b1, b2) {
				differ++
			}
			all++
		}
	}
	return float64(differ) / float64(all)
}

func far(a, b uint32) bool { return max(a, b)-min(a, b) > 0x2000 }

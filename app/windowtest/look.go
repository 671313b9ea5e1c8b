package windowtest

import (
	"fmt"
	"image"
	"image/color"
)

// Colours counts the different colours of img, in steps of 16 per channel so
// that noise does not count. An empty window has one or two; a page with text
// has a dozen at least, from the edges of its letters alone.
func Colours(img image.Image) int {
	seen := map[color.RGBA]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 2 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 2 {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[color.RGBA{uint8(r >> 12), uint8(g >> 12), uint8(b >> 12), 0}] = true
		}
	}
	return len(seen)
}

// APage is a question for See: is there a page, and not an empty window?
func APage(img image.Image) string {
	if n := Colours(img); n < 8 {
		return fmt.Sprintf("the screen shows only %d colours, no page yet", n)
	}
	return ""
}

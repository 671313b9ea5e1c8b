// Command echotv is a live-streaming station for a local network: OBS comes in
// by RTMP, any browser on the network watches. Built with the tag desktop it
// opens a window; without, it is a server in pure Go.
package main

import (
	"embed"
	"io/fs"
	"os"

	"echo.tv/app"
)

// all: takes .gitkeep too, so that a clone builds before the UI was.
//
//go:embed all:frontend/dist
var dist embed.FS

// version is set by the linker.
var version = "dev"

func main() {
	ui, err := fs.Sub(dist, "frontend/dist")
	if err != nil {
		panic(err) // the name is spelt wrong above
	}
	os.Exit(app.Main(app.Build{Version: version, UI: ui}))
}

//go:build desktop || dev || bindings

package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"runtime"

	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/options/mac"
)

// windowOptions describes the window. Nothing is bound to JavaScript: the page
// uses the HTTP API, like every other client.
func windowOptions(log *slog.Logger, pages http.Handler, started func(context.Context)) *options.App {
	return &options.App{
		Title: "echo.tv",
		Width: 1280, Height: 840,
		MinWidth: 360, MinHeight: 480,
		BackgroundColour:         options.NewRGB(0x0e, 0x0f, 0x11), // until the page is there
		EnableDefaultContextMenu: true,                             // copy and paste in forms
		AssetServer:              &assetserver.Options{Handler: pages},
		OnStartup:                started,
		Logger:                   wailsLog{log},
		LogLevelProduction:       logger.WARNING,
		// The zero policy has changed its meaning between versions: name it.
		Linux: &linux.Options{ProgramName: "echotv", WebviewGpuPolicy: linux.WebviewGpuPolicyOnDemand},
		Mac:   &mac.Options{Preferences: &mac.Preferences{EnableAutoplayWithoutUserAction: mac.Enabled}},
	}
}

// prepareGraphics sets what WebKitGTK reads from the environment, unless the
// person did. Its DMABUF renderer leaves blank windows and protocol errors on
// NVIDIA and some Wayland sessions (WebKit bugs 262607, 261874, 280210).
func prepareGraphics(safe bool) {
	if runtime.GOOS != "linux" {
		return
	}
	setDefault("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
	if !safe {
		return
	}
	setDefault("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
	if os.Getenv("DISPLAY") != "" {
		setDefault("GDK_BACKEND", "x11")
	}
}

func setDefault(name, value string) {
	if _, set := os.LookupEnv(name); !set {
		os.Setenv(name, value) // fails only for a name with = in it
	}
}

// wailsLog writes what Wails has to say into our log.
type wailsLog struct{ log *slog.Logger }

func (l wailsLog) Print(m string)   { l.log.Info(m) }
func (l wailsLog) Trace(m string)   { l.log.Debug(m) }
func (l wailsLog) Debug(m string)   { l.log.Debug(m) }
func (l wailsLog) Info(m string)    { l.log.Info(m) }
func (l wailsLog) Warning(m string) { l.log.Warn(m) }
func (l wailsLog) Error(m string)   { l.log.Error(m) }
func (l wailsLog) Fatal(m string)   { l.log.Error(m) }

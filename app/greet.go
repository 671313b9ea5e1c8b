package app

import (
	"fmt"
	"io"
	"os"
	"strings"

	"echo.tv/server"
	"echo.tv/server/httpapi"
)

// greet tells the person in the terminal where to go: the addresses, and while
// nobody owns this host the page that makes an owner. The set-up code is
// written here and by the status command, never in the log.
func greet(w io.Writer, version string, srv *server.Server) {
	var b strings.Builder
	at := srv.Addresses()
	fmt.Fprintf(&b, "\n  echo.tv %s is on\n\n", version)
	list(&b, "Watch", labelled(at.Watch))
	list(&b, "Stream to", labelled(at.Publish))
	list(&b, "", []string{`(in OBS: Settings, Stream, Service "Custom..."; the stream key is in Studio)`})
	if code := srv.ClaimCode(); code != "" {
		fmt.Fprintf(&b, "\n  Nobody owns this host yet. Open one of these, the code works once, for a few minutes;\n"+
			"  \"echotv status\" shows a new one:\n\n")
		list(&b, "Set up", claimURLs(srv.Loopback(), at.Watch, code))
	}
	fmt.Fprintln(w, b.String())
}

// claimURLs lists the set-up page at this machine and, for a host without a
// browser, at its best address on the network.
func claimURLs(loopback string, watch []httpapi.Address, code string) []string {
	urls := []string{claimURL(loopback, code)}
	if len(watch) > 0 && watch[0].URL != loopback {
		urls = append(urls, claimURL(watch[0].URL, code))
	}
	return urls
}

// isTerminal reports whether a person reads w. /dev/null is a character
// device too, and is where launchers send the output of what they start.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	stat, err := f.Stat()
	if err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(stat, null)
}

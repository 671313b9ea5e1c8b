package httpapi

import (
	"fmt"
	"net/http"

	"echo.tv/server/guide"
	"echo.tv/server/tv"
)

// reach answers with a worker that tells the page whether the browser's own
// device reaches another host. A page may connect to this host only; a worker
// comes with a policy of its own, and this one's names the one address that it
// asks. So nothing is opened for the page, and hosts that were found after the
// page was loaded can be asked as well. A browser that gives the worker the
// page's policy finds nothing reachable, and its viewer watches through us.
//
// OPTIONS of the media, because media is what other origins may ask for: an
// answer that a page may read comes from an echo.tv and not from whatever else
// has that address on the device's network.
func (a *API) reach(w http.ResponseWriter, r *http.Request) {
	id, err := tv.ParseHostID(r.PathValue("id"))
	h, known := a.Guide.Host(id)
	at := guide.Pages(h.Addr)
	if err != nil || !known || at == "" {
		writeProblem(w, noChannel(id))
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; connect-src "+at)
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	fmt.Fprintf(w, "fetch(%q, { method: \"OPTIONS\", cache: \"no-store\", credentials: \"omit\" })"+
		".then((r) => postMessage(r.ok), () => postMessage(false));\n", at+mediaPath)
}

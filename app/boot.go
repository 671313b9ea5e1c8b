package app

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
)

// bootPage is the one page Wails serves: it sends the window to target, which
// is asked for at each load, because a web process that died comes back here
// and the set-up code may have changed since. The fragment is never sent over
// the network and in no log.
func bootPage(target func() string) http.Handler {
	return onlyPage(func() string {
		// Marshal escapes <, > and & too, so no URL can end the script.
		to, _ := json.Marshal(target()) // a string always marshals
		return "<script>location.replace(" + string(to) + ")</script>"
	})
}

// failPage says in the window why there is nothing to show, for people who
// started echo.tv from an icon and see no terminal.
func failPage(err error) http.Handler {
	return onlyPage(func() string {
		return "<h1>echo.tv could not start</h1><p>" + html.EscapeString(err.Error())
	})
}

// ground is the product's own page colour, so that nothing flashes on the way.
const ground = `<style>html{background:#f5f4f0;color:#17181a;font:18px/1.5 system-ui,sans-serif}` +
	`body{max-width:36em;margin:20vh auto;padding:0 2em}` +
	`@media(prefers-color-scheme:dark){html{background:#0e0f11;color:#f1efea}}</style>`

func onlyPage(body func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Method != http.MethodGet {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>echo.tv</title>`+
			ground+`</head><body>`+body()+`</body></html>`)
	})
}

// windowURL is the product at base, with what only the window may know: the
// token that opens links in the system's browser, and the set-up code while
// nobody owns the host.
func windowURL(base, token, claim string) string {
	know := url.Values{"t": {token}}
	if claim != "" {
		know.Set("claim", claim)
	}
	return base + "/#" + know.Encode()
}

// claimURL is the page where whoever holds the code becomes the owner.
func claimURL(base, claim string) string {
	return base + "/#" + url.Values{"claim": {claim}}.Encode()
}

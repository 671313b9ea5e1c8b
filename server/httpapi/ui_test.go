package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

func page(t *testing.T, p *pages, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = target
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestABrowserKeepsWhatDoesNotChange(t *testing.T) {
	p, err := newPages(testUI)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, kind, keep string }{
		{"/", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "text/html; charset=utf-8", "no-cache"},
		{"/assets/app-1a.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		w := page(t, p, "GET", c.path)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.kind || w.Header().Get("Cache-Control") != c.keep {
			t.Errorf("%s: %d %v", c.path, w.Code, w.Header())
		}
		again := page(t, p, "GET", c.path, "If-None-Match", w.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s again: %d, %d bytes", c.path, again.Code, again.Body.Len())
		}
		if head := page(t, p, "HEAD", c.path); head.Code != 200 || head.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d, %d bytes", c.path, head.Code, head.Body.Len())
		}
	}
}

func TestCodeComesSmallerForWhoTakesIt(t *testing.T) {
	p := built(t, fstest.MapFS{"index.html": {Data: []byte("whole page")}, "index.html.gz": {Data: []byte("packed")}, "a.css": {Data: []byte("short")}})
	tags := map[string]bool{}
	for offer, want := range map[string]string{
		"gzip": "packed", "gzip, deflate, br": "packed", "deflate, GZIP ;q=0.5": "packed", "gzip;q=1.0": "packed",
		"": "whole page", "br": "whole page", "gzip;q=0": "whole page", "gzip; q=0.000, br": "whole page", "gzip;q=x": "whole page", "xgzip": "whole page", "*": "whole page",
	} {
		w := page(t, p, "GET", "/", "Accept-Encoding", offer)
		h := w.Header()
		if w.Code != 200 || w.Body.String() != want || (h.Get("Content-Encoding") == "gzip") != (want == "packed") || h.Get("Vary") != "Accept-Encoding" ||
			h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%q: %d %q %v", offer, w.Code, w.Body, h)
		}
		tags[h.Get("ETag")] = true
		if again := page(t, p, "GET", "/", "Accept-Encoding", offer, "If-None-Match", h.Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%q again: %d", offer, again.Code)
		}
	}
	if len(tags) != 2 {
		t.Errorf("two representations have the tags %v", tags)
	}
	if w := page(t, p, "GET", "/a.css", "Accept-Encoding", "gzip"); w.Body.String() != "short" || w.Header().Get("Vary") != "" {
		t.Errorf("what is not packed: %q %v", w.Body, w.Header())
	}
}

func TestOnlyBuiltFilesAreServed(t *testing.T) {
	p, err := newPages(testUI)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/assets", "/assets/", "/../go.mod", "/assets/../../go.mod", "//index.html", "/./index.html", "/index.html/",
		`/..\go.mod`, `/assets\app-1a.js`, "/C:/windows/win.ini", "/index.html\x00.png", "/index.html ", "/INDEX.HTML", "/etc/passwd", "/api",
	} {
		if w := page(t, p, "GET", path); w.Code != 404 || w.Header().Get("ETag") != "" {
			t.Errorf("%q: %d %s", path, w.Code, w.Body)
		}
	}
	if w := page(t, p, "POST", "/"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

func TestAnInterfaceThatIsNotBuiltSaysSo(t *testing.T) {
	for name, files := range map[string]*pages{"none": {}, "only .gitkeep": built(t, fstest.MapFS{".gitkeep": {}})} {
		w := page(t, files, "GET", "/")
		if w.Code != 503 {
			t.Errorf("%s: %d", name, w.Code)
		}
		mustHave(t, w.Body.String(), "The interface is not built: run make run")
	}
}

func built(t *testing.T, files fstest.MapFS) *pages {
	p, err := newPages(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAChannelsShortAddressLeadsToItsPageAndNowhereElse(t *testing.T) {
	for path, want := range map[string]string{
		"/@ann":                  "/#/@ann",
		"/@Ann":                  "/#/@ann",
		"/@Ann@aaaaaaaaaaaaaaaa": "/#/@ann@aaaaaaaaaaaaaaaa",
		"/@ann@evil.example":     "/",
		"/@":                     "/",
		"/@/evil.example":        "/",
		"/@//evil.example":       "/",
		"/@ann\r\nX-Evil: 1":     "/",
		"/@<script>":             "/",
		"/@javascript:alert":     "/",
		"/@ann/../../x":          "/",
		"/@\\\\evil.example":     "/",
		"/@.evil.example/%2f":    "/",
	} {
		w := page(t, built(t, testUI), "GET", path)
		if w.Code != 302 || w.Header().Get("Location") != want {
			t.Errorf("%q: %d %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}

package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"echo.tv/server/tv"
)

// pages serves the built interface. Every file is hashed once, when the server
// starts, so that a browser keeps what has not changed; files under assets/
// carry their hash in the name and never change. Beside most stands the same
// with .gz behind its name (build/ui.sh), for who takes that: all code at a
// third of its size, which on a full Wi-Fi is what a newcomer waits for.
type pages struct {
	files fs.FS
	tags  map[string]string // file → ETag
}

func newPages(files fs.FS) (*pages, error) {
	p := &pages{files: files, tags: map[string]string{}}
	if files == nil {
		return p, nil
	}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err == nil {
			sum := sha256.Sum256(data)
			p.tags[name] = `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the interface: %w", err)
	}
	return p, nil
}

// ServeHTTP answers GET and HEAD.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblemStatus(w, http.StatusMethodNotAllowed, tv.Errorf(tv.Invalid, "pages can only be read"))
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if at, ok := strings.CutPrefix(name, "@"); ok {
		toChannel(w, r, at)
		return
	}
	if name == "" {
		name = "index.html"
	}
	if _, ok := p.tags[name]; ok {
		p.serve(w, r, name)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if name == "index.html" {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "The interface is not built: run make run\n")
		return
	}
	w.WriteHeader(http.StatusNotFound)
	io.WriteString(w, "There is no such page. The way in is /\n")
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	file := name
	if _, ok := p.tags[name+".gz"]; ok {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			file += ".gz"
		}
	}
	f, err := p.files.Open(file)
	if err != nil {
		writeProblem(w, err)
		return
	}
	defer f.Close()
	content, ok := f.(io.ReadSeeker) // embed's files are; so are the system's
	if !ok {
		writeProblem(w, tv.Errorf(tv.Internal, "%s cannot be sought", name))
		return
	}
	h.Set("ETag", p.tags[file])
	h.Set("Content-Type", contentType(name))
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, content)
}

// takesGzip reports whether the other end says so (RFC 9110 §12.5.3). "*", which
// no browser sends, is not worth reading.
func takesGzip(r *http.Request) bool {
	for _, offer := range strings.Split(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, weighed := strings.Cut(offer, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return !weighed || err == nil && q > 0
	}
	return false
}

// toChannel makes /@ann, which people write on walls, the page of the channel.
func toChannel(w http.ResponseWriter, r *http.Request, name string) {
	channel, err := tv.ParseAnyChannel(name)
	if err != nil {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	http.Redirect(w, r, "/#/@"+string(channel), http.StatusFound)
}

// contentType has the few types that the build makes. mime.TypeByExtension asks
// the system, and a Windows registry that says text/plain for .js ends, with
// nosniff, in a white page.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".webp":
		return "image/webp"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case ".json", ".map", ".webmanifest":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

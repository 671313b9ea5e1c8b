package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestFirstPageGoesToTheProduct(t *testing.T) {
	code := "first"
	h := bootPage(func() string { return windowURL("http://127.0.0.1:5175", "TOKEN", code) })
	if page := get(h, "GET", "/").Body.String(); !strings.Contains(page, `location.replace("http://127.0.0.1:5175/#claim=first\u0026t=TOKEN")`) {
		t.Errorf("first page: %s", page)
	}
	code = "second" // the web process died later
	if page := get(h, "GET", "/").Body.String(); !strings.Contains(page, "claim=second") {
		t.Errorf("the page is not made anew: %s", page)
	}
	code = ""
	if page := get(h, "GET", "/").Body.String(); strings.Contains(page, "claim") {
		t.Errorf("an owned host has no code to give: %s", page)
	}
}

func TestNoAddressEndsTheScript(t *testing.T) {
	for _, url := range []string{`"</script><script>alert(1)//`, "`${1}`", "\u2028", `\`, "</SCRIPT >", "<!--"} {
		page := get(bootPage(func() string { return url }), "GET", "/").Body.String()
		_, rest, _ := strings.Cut(page, `location.replace("`)
		literal, _, _ := strings.Cut(rest, `")</script></body>`)
		if strings.ContainsAny(literal, "<>\u2028") || strings.Contains(strings.ReplaceAll(strings.ReplaceAll(literal, `\\`, ""), `\"`, ""), `"`) {
			t.Errorf("%q came out as %q", url, literal)
		}
	}
}

func TestThereIsNothingButTheFirstPage(t *testing.T) {
	h := bootPage(func() string { return "http://127.0.0.1:5175/" })
	for _, r := range [][2]string{{"GET", "/index.html"}, {"GET", "/api/health"}, {"POST", "/"}, {"GET", "/wails/ipc.js"}} {
		if w := get(h, r[0], r[1]); w.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d", r[0], r[1], w.Code)
		}
	}
}

func TestReasonIsShownAsText(t *testing.T) {
	page := get(failPage(errors.New(`port 5175 is in use <img src=x onerror=alert(1)>`)), "GET", "/").Body.String()
	if !strings.Contains(page, "port 5175 is in use &lt;img") || strings.Contains(page, "<img") {
		t.Errorf("page: %s", page)
	}
}

package account

import (
	"os"
	"strings"
	"testing"

	"echo.tv/server/tv"
)

func TestAdminsNameTheirComputer(t *testing.T) {
	a, olga, ann := house(t)
	system, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	if got := a.HostName(); got != system {
		t.Errorf("before anybody chose: %q, want %q", got, system)
	}
	if err := a.SetHostName(t.Context(), olga, "  Kim's\u202e laptop\n"); err != nil || a.HostName() != "Kim's laptop" {
		t.Errorf("%q, %v", a.HostName(), err)
	}
	want(t, a.SetHostName(t.Context(), ann, "Ann's"), tv.Forbidden)
	want(t, a.SetHostName(t.Context(), olga, strings.Repeat("ü", 61)), tv.Invalid)
	if a.HostName() != "Kim's laptop" {
		t.Errorf("a refused name was taken: %q", a.HostName())
	}
	if err := a.SetHostName(t.Context(), olga, " "); err != nil || a.HostName() != system {
		t.Errorf("after it was taken back: %q, %v", a.HostName(), err)
	}
}

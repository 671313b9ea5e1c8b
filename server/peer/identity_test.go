package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"echo.tv/server/tv"
)

func TestAnInstallIsTheSameHostForEver(t *testing.T) {
	dir := t.TempDir()
	first, err := LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, identityName)
	os.Chmod(path, 0o644) // a careless copy
	again, err := LoadIdentity(dir)
	if err != nil || again.id != first.id || again.words != first.words {
		t.Errorf("%v is %v now: %v", first, again, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v %v", info.Mode(), err)
	}
	if _, err := tv.ParseHostID(string(first.ID())); err != nil {
		t.Error(err)
	}
	other, _ := LoadIdentity(t.TempDir())
	if other.id == first.id || other.words == first.words {
		t.Error("two installs are the same host")
	}
}

func TestTheKeyPrintsNowhere(t *testing.T) {
	dir := t.TempDir()
	i, err := LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(filepath.Join(dir, identityName))
	seed := strings.TrimSpace(string(raw))
	for _, text := range []string{fmt.Sprint(i), fmt.Sprintf("%+v %#v %x %d", i, i, i, i), i.LogValue().String()} {
		if strings.Contains(text, seed[:16]) || strings.Contains(text, fmt.Sprint(i.key[:4])) {
			t.Errorf("it is in %q", text)
		}
	}
}

func TestADamagedIdentityIsNotReplaced(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "short": "abcd", "no hex": strings.Repeat("x", 64)} {
		dir := t.TempDir()
		path := filepath.Join(dir, identityName)
		os.WriteFile(path, []byte(text), 0o600)
		_, err := LoadIdentity(dir)
		if tv.CodeOf(err) != tv.Storage || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("%s: it was overwritten", name)
		}
	}
}

// Words are read out over a bad line, and compared by people who do not spell.
func TestNoTwoWordsAreAlike(t *testing.T) {
	if len(words) != 256 || !slices.IsSorted(words) {
		t.Fatalf("%d words, sorted %v", len(words), slices.IsSorted(words))
	}
	for i, a := range words {
		if len(a) < 4 || len(a) > 7 || strings.ToLower(a) != a {
			t.Errorf("%q is no short plain word", a)
		}
		for _, b := range words[:i] {
			if a[:4] == b[:4] || edits(a, b) < 3 {
				t.Errorf("%q and %q are alike", a, b)
			}
		}
	}
}

// edits is the distance of Levenshtein.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, corner+1, row[j]+1)
		}
	}
	return row[len(b)]
}

package server_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "echo.tv"

// arrows says which packages of ours a package may import. What is not listed
// is forbidden, and the reason is the error.
var arrows = map[string]struct {
	may []string
	why string
}{
	"server/tv":         {nil, "tv is the vocabulary of everybody, so it can know nobody"},
	"server/store":      {[]string{"tv"}, "store keeps bytes; what they mean is their domain's business"},
	"server/account":    {[]string{"tv", "store"}, "who may do what must not depend on how they ask"},
	"server/live":       {[]string{"tv"}, "what is on air must not know how it came in or goes out"},
	"server/cmaf":       {[]string{"live"}, "a packager turns frames into bytes and needs nothing else"},
	"server/tcp":        {nil, "what the kernel knows of a connection is the same for everybody"},
	"server/rtmp":       {[]string{"tv", "live", "tcp"}, "a face sees the live core, never another face"},
	"server/hls":        {[]string{"tv", "live", "cmaf", "tcp"}, "a face sees the live core, never another face"},
	"server/push":       {[]string{"crowd", "tv", "live", "tcp"}, "a face sees the live core, never another face"},
	"server/rtsp":       {[]string{"tv", "live", "tcp"}, "a face sees the live core, never another face"},
	"server/crowd":      {nil, "counting needs to know nothing of who comes"},
	"server/lan":        {[]string{"tv"}, "what the network is like does not depend on who asks"},
	"server/peer":       {[]string{"crowd", "tv", "store", "lan"}, "other hosts are strangers: what they say is checked here before anybody sees it"},
	"server/relay":      {[]string{"tv", "live", "cmaf", "peer"}, "a relay is one more publisher of the live core"},
	"server/doctor":     {[]string{"tv", "lan"}, "what it checks comes in by small interfaces, so that every fault can be staged"},
	"server/testcard":   {[]string{"tv"}, "the test picture comes in like OBS, by the front door"},
	"server/stat":       {[]string{"tv", "live"}, "figures are read, never made, here"},
	"server/history":    {[]string{"tv", "live", "store"}, "what was on air is written down; what is on air is the live core's"},
	"server/coach":      {[]string{"tv", "live"}, "advice follows from the stream alone"},
	"server/logs":       {nil, "the log must work for everybody, so it can know nobody"},
	"server/guide":      {[]string{"tv", "live", "peer"}, "the guide lists what is on; accounts come in by an interface"},
	"server/httpapi":    {[]string{"crowd", "tv", "account", "live", "guide", "lan", "peer", "doctor", "history", "coach", "logs", "stat"}, "media and other faces come in as an http.Handler; figures are described like every other answer"},
	"server/servertest": {[]string{"", "tv", "guide", "httpapi"}, "tests start the same root as the program"},
	"server/bench":      {[]string{"", "tv", "live", "cmaf", "rtmp", "hls", "push", "servertest"}, "figures are made from parts; nothing is made from figures"},
}

// onlyIn says where a library may be known. Replacing it is then one package's work.
var onlyIn = map[string][]string{
	"github.com/wailsapp/wails":         {"app"},
	"go.etcd.io/bbolt":                  {"server/store"},
	"github.com/bluenviron/gortmplib":   {"server/rtmp"},
	"github.com/bluenviron/gohlslib":    {"server/hls", "server/bench"}, // there as the baseline
	"github.com/bluenviron/gortsplib":   {"server/rtsp"},
	"github.com/grandcat/zeroconf":      {"server/peer"},
	"github.com/miekg/dns":              {"server/peer"},
	"github.com/prometheus":             {"server/stat"},
	"github.com/danielgtaylor/huma":     {"server/httpapi"},
	"github.com/coder/websocket":        {"server/httpapi", "server/push", "server/relay"},
	"golang.org/x/crypto":               {"server/account"},
	"github.com/alecthomas/kong":        {"app"},
	"github.com/bluenviron/mediacommon": {"server/live", "server/cmaf", "server/rtmp", "server/hls", "server/rtsp", "server/relay", "server/coach", "server/stat", "server/bench"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// ours lists the packages of this module, with imports under every build tag.
func ours(t *testing.T) (all []goPackage) {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "-tags", "desktop,production,webkit2_41", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range ours(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		rule, limited := arrows[name]
		if !limited && strings.HasPrefix(name, "server/") {
			t.Errorf("%s stands in no row of the arrows: add it, with its reason", name)
		}
		for _, i := range p.Imports {
			to, mine := strings.CutPrefix(i, module+"/server")
			if to = strings.TrimPrefix(to, "/"); mine && limited && !slices.Contains(rule.may, to) {
				t.Errorf("%s imports %s: %s", name, i, rule.why)
			}
			if strings.HasPrefix(i, module+"/app") && name != "" && !strings.HasPrefix(name, "app") {
				t.Errorf("%s imports %s: the server runs without a window", name, i)
			}
			for lib, homes := range onlyIn {
				if strings.HasPrefix(i, lib) && !within(name, homes) {
					t.Errorf("%s imports %s, which only %v may know", name, i, homes)
				}
			}
		}
	}
}

func within(name string, homes []string) bool {
	return slices.ContainsFunc(homes, func(h string) bool { return name == h || strings.HasPrefix(name, h+"/") })
}

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	said := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2)) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		said[dir] = said[dir] || len(f.Doc.Text()) > 80
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment that says what it owns", dir)
		}
	}
}

// topLevel is the whole list: a newcomer sees the house at one glance.
var topLevel = []string{"main.go", "app", "server", "frontend", "build", "wails.json", "go.mod", "go.sum",
	"README.md", "Makefile", "LICENSE", "SECURITY.md"}

func TestTheTopLevelStaysShort(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// process is a server in a process of its own, ours or a baseline.
type process struct {
	cmd  *exec.Cmd
	http string // such as 127.0.0.1:40001
	rtmp string // such as rtmp://127.0.0.1:40002/live

	debug string // where it serves profiles
}

// spawn starts cmd, on the first core alone when pinned, until the benchmark
// ends.
func spawn(b *testing.B, pinned bool, cmd *exec.Cmd) *process {
	b.Helper()
	if pinned {
		path, err := exec.LookPath("taskset")
		if err != nil {
			b.Skip("taskset is not installed")
		}
		cmd.Args = append([]string{"taskset", "-c", "0", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = path
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &process{cmd: cmd}
}

// program is the headless program.
type program struct {
	*process
	exe, data string
	url       string
}

func startProgram(b *testing.B, pinned bool) *program {
	p := &program{exe: filepath.Join("..", "..", "build", "bin", "echotv-server"), data: b.TempDir()}
	if _, err := os.Stat(p.exe); err != nil {
		b.Skip("make server first")
	}
	args := []string{"--headless", "--data", p.data, "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--rtsp", "", "--no-discovery"}
	debug := freeAddress(b)
	p.process = spawn(b, pinned, exec.Command(p.exe, append(args, "--debug", debug)...))
	p.debug = debug
	servertest.Eventually(b, func() string {
		raw, err := os.ReadFile(filepath.Join(p.data, "control.json"))
		var at struct{ URL string }
		if err != nil || json.Unmarshal(raw, &at) != nil {
			return "the program did not come up"
		}
		p.url = at.URL
		return ""
	})
	var s struct {
		Addresses struct{ Publish []struct{ URL string } }
	}
	if err := servertest.NewClient(p.url).Do("GET", "/server", nil, &s); err != nil {
		b.Fatal(err)
	}
	p.http, p.rtmp = strings.TrimPrefix(p.url, "http://"), s.Addresses.Publish[0].URL
	return p
}

// own gives the host an owner: before that its pages show nothing else.
func (p *program) own(b *testing.B) {
	if out, err := exec.Command(p.exe, "--data", p.data, "user", "add", "owner", "--role", "owner").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

// key makes an account with a key, by command.
func (p *program) key(b *testing.B, name string) string {
	for _, args := range [][]string{{"user", "add", name}, {"key", "new", name}} {
		out, err := exec.Command(p.exe, append([]string{"--data", p.data}, args...)...).Output()
		if err != nil {
			b.Fatal(err)
		}
		if args[0] == "key" {
			return strings.TrimSpace(string(out))
		}
	}
	return ""
}

// startBaseline starts gohlslib's muxer as a server; its channel is at the root
// and takes any key.
func startBaseline(b *testing.B, pinned bool) *process {
	cmd := exec.Command(os.Args[0])
	debug := freeAddress(b)
	cmd.Env = append(os.Environ(), baselineEnv+"="+debug)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	p := spawn(b, pinned, cmd)
	p.debug = debug
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scan := fmt.Sscan(line, &p.http, &p.rtmp); err != nil || scan != nil {
		b.Fatalf("the baseline said %q: %v", line, err)
	}
	return p
}

// freeAddress returns one that nobody listens on, yet.
func freeAddress(b *testing.B) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// profile writes what the processor does from now on, if somebody wants to know.
func (p *process) profile(b *testing.B, name string, d time.Duration) (wait func()) {
	folder := os.Getenv("ECHOTV_BENCH_PROFILES")
	if folder == "" {
		return func() {}
	}
	done := make(chan error, 1)
	go func() {
		res, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.debug, int(d.Seconds())))
		if err != nil {
			done <- err
			return
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		done <- errors.Join(err, os.WriteFile(filepath.Join(folder, name+".pprof"), raw, 0o644))
	}()
	return func() {
		if err := <-done; err != nil {
			b.Log(err)
		}
	}
}

// cpu returns the processor time used so far.
func (p *process) cpu(b *testing.B) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// firstCore returns how long the first core has worked for programs, whosever,
// and for the network, which is not booked on any of them.
func firstCore(b *testing.B) (programs, network time.Duration) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Fatal(err)
	}
	_, line, _ := strings.Cut(string(raw), "\ncpu0 ")
	var ticks [8]time.Duration // user nice system idle iowait irq softirq steal
	for i, f := range strings.Fields(line)[:len(ticks)] {
		n, _ := strconv.Atoi(f)
		ticks[i] = time.Duration(n) * 10 * time.Millisecond
	}
	return ticks[0] + ticks[1] + ticks[2], ticks[5] + ticks[6]
}

// rss returns the resident memory in bytes.
func (p *process) rss(b *testing.B) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(raw))[1])
	return pages * os.Getpagesize()
}

// leaveFirstCore moves this process, and what it starts from now on, off the
// core that the server under test has for itself.
func leaveFirstCore(b *testing.B) {
	n := runtime.NumCPU()
	if n < 2 {
		b.Skip("one core for the server and another for its viewers are needed")
	}
	move := func(cores string) {
		if out, err := exec.Command("taskset", "-acp", cores, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
			b.Skipf("taskset: %v: %s", err, out)
		}
	}
	move(fmt.Sprintf("1-%d", n-1))
	b.Cleanup(func() { move(fmt.Sprintf("0-%d", n-1)) })
}

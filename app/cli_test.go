package app

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
)

// echotv runs the program in this process and returns what a shell would see.
func echotv(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	p := testProcess(&out, &log, args...)
	code = p.main(t.Context())
	return code, out.String(), log.String()
}

func testProcess(stdout, stderr *bytes.Buffer, args ...string) *process {
	ui := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>echo.tv</title>")}}
	return &process{Build: Build{Version: "1.2.3", UI: ui}, args: args,
		stdin: strings.NewReader(""), stdout: stdout, stderr: stderr}
}

func TestCommandLineSaysWhatIsWrongInOneLine(t *testing.T) {
	cases := []struct {
		name string
		args []string
		env  string
		code int
		says string // on stderr
	}{
		{"unknown flag", []string{"--bogus"}, "", 2, "unknown flag --bogus"},
		{"unknown command", []string{"dance"}, "", 2, "unexpected argument dance"},
		{"half a command", []string{"user"}, "", 2, "expected"},
		{"name missing", []string{"user", "add"}, "", 2, "<name>"},
		{"too many names", []string{"key", "new", "ann", "bob"}, "", 2, "bob"},
		{"log level", []string{"--log-level", "loud"}, "", 2, "--log-level"},
		{"log level by variable", nil, "ECHOTV_LOG_LEVEL=loud", 2, "loud"},
		{"no such role", []string{"user", "add", "ann", "--role", "queen"}, "", 2, "owner, admin, streamer or viewer"},
		{"no password", []string{"user", "add", "ann", "--password-stdin"}, "", 2, "no password on standard input"},
		{"http address", []string{"--http", "nowhere"}, "", 2, "nowhere"},
		{"profiles for everybody", []string{"--debug", "0.0.0.0:6060"}, "", 2, "0.0.0.0:6060"},
		{"no home", []string{"status"}, "ECHOTV_DATA=", 2, "--data"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("ECHOTV_DATA", t.TempDir())
			if c.name == "no home" {
				t.Setenv("HOME", "")
				t.Setenv("XDG_DATA_HOME", "")
			}
			if name, value, ok := strings.Cut(c.env, "="); ok {
				t.Setenv(name, value)
			}
			code, out, log := echotv(t, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.HasPrefix(log, "echotv: ") || strings.Count(log, "\n") != 1 || !strings.Contains(log, c.says) {
				t.Errorf("stderr %q, want one line about %q", log, c.says)
			}
			if out != "" {
				t.Errorf("stdout %q", out)
			}
		})
	}
}

func TestHelpExplainsEveryFlag(t *testing.T) {
	code, out, log := echotv(t, "--help")
	if code != exitOK || log != "" {
		t.Errorf("exit code %d, stderr %q", code, log)
	}
	for _, word := range []string{"--data", "--http", "--rtmp", "--rtsp", "--name", "--log-level", "--headless", "--debug",
		"--version", "user add", "key new", "status", "doctor", "ECHOTV_DATA", "ECHOTV_HTTP", "ECHOTV_HEADLESS"} {
		if !strings.Contains(out, word) {
			t.Errorf("--help does not speak of %s", word)
		}
	}
}

func TestVersionIsTheOneBuiltIn(t *testing.T) {
	code, out, _ := echotv(t, "--version")
	if code != exitOK || out != "echotv 1.2.3\n" {
		t.Errorf("exit code %d, stdout %q", code, out)
	}
}

func TestPasswordIsTheFirstLine(t *testing.T) {
	for in, want := range map[string]string{
		"correct horse\n":           "correct horse",
		"correct horse\r\nsecond\n": "correct horse",
		" kept as it is ":           " kept as it is ",
	} {
		if got, err := readPassword(strings.NewReader(in)); err != nil || got != want {
			t.Errorf("readPassword(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "\n", "\r\nhorse\n"} {
		if got, err := readPassword(strings.NewReader(in)); err == nil {
			t.Errorf("readPassword(%q) = %q, want an error", in, got)
		}
	}
	long, err := readPassword(strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil || len(long) > maxLine {
		t.Errorf("a megabyte of password: %d bytes, %v", len(long), err)
	}
}

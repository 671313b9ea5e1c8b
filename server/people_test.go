package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"echo.tv/server/httpapi"
	"echo.tv/server/servertest"
)

// The words of the stories. People are ann, bob and mallory; each has a browser
// of their own.
//
//	host start|stop|kill             the program; sets $HTTP, $RTMP, $RTSP and $CLAIM
//	host said PATTERN                its log, or what it printed
//	PERSON claim CODE                becomes the owner
//	PERSON signup [INVITE]           makes an account
//	PERSON signin [PASSWORD]         and signout, password OLD NEW
//	PERSON policy open|invite|closed as the owner
//	PERSON invite                    sets $INVITE
//	PERSON key new|rotate|revoke LABEL   sets $PERSON_KEY
//	PERSON title TEXT
//	PERSON testpicture on|off
//	PERSON sees CHANNEL live|offline|...
//	PERSON watches CHANNEL|URL       a real player decodes two seconds of it
//	PERSON opens PATH STATUS [PATTERN]
//	obs NAME publish ADDRESS         ffmpeg streams there
//	obs NAME alive|ends|stop|kill    ends waits up to two seconds
var words = map[string]func(*testscript.TestScript, bool, []string){
	"host":    host,
	"obs":     obs,
	"ann":     person("ann"),
	"bob":     person("bob"),
	"mallory": person("mallory"),
}

type stageKey struct{}

// stage is what one story plays on.
type stage struct {
	t      *testing.T
	env    *testscript.Env
	cmd    *exec.Cmd
	log    *servertest.Log
	people map[string]*servertest.Client
	keys   map[string]servertest.Key
	obs    map[string]*servertest.OBS
}

func newStage(t *testing.T, env *testscript.Env) *stage {
	return &stage{t: t, env: env, log: &servertest.Log{}, people: map[string]*servertest.Client{},
		keys: map[string]servertest.Key{}, obs: map[string]*servertest.OBS{}}
}

func on(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// clear ends whatever the story left running.
func (s *stage) clear() {
	for _, o := range s.obs {
		o.Kill()
	}
	s.end(syscall.SIGKILL)
}

func (s *stage) end(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(sig)
	s.cmd.Wait()
	s.cmd = nil
}

// check fails the story unless err is as the line wants it: nil, or with a !
// something.
func check(ts *testscript.TestScript, neg bool, err error) {
	switch {
	case err == nil && neg:
		ts.Fatalf("that worked")
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	case err != nil:
		fmt.Fprintln(ts.Stderr(), err)
		fmt.Fprintln(ts.Stdout())
	}
}

func usage(ts *testscript.TestScript, ok bool, words string) {
	if !ok {
		ts.Fatalf("usage: %s", words)
	}
}

func host(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) > 0, "host start|stop|kill|said")
	s := on(ts)
	switch args[0] {
	case "start":
		check(ts, neg, s.start(ts, args[1:]))
	case "stop":
		s.end(syscall.SIGTERM)
	case "kill":
		s.end(syscall.SIGKILL)
	case "said":
		check(ts, neg, s.said(args[1]))
	default:
		usage(ts, false, "host start|stop|kill|said")
	}
}

// said looks for a pattern in everything the host wrote.
func (s *stage) said(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if why := servertest.Within(time.Second, func() string {
		if re.MatchString(s.log.String()) {
			return ""
		}
		return "the host did not say that"
	}); why != "" {
		return errors.New(why)
	}
	return nil
}

func (s *stage) start(ts *testscript.TestScript, args []string) error {
	if s.cmd != nil {
		return errors.New("the host runs already")
	}
	data := ts.Getenv("DATA")
	os.Remove(filepath.Join(data, "control.json"))
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "echotv"))
	if err != nil {
		return err
	}
	s.cmd = exec.Command(program, append([]string{"--headless", "--data", data, "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--rtsp", "", "--log-level", "debug"}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	before := strings.Count(s.log.String(), "msg=ready ")
	if err := s.cmd.Start(); err != nil {
		return err
	}
	var at struct{ URL string }
	servertest.Eventually(s.t, func() string {
		b, err := os.ReadFile(filepath.Join(data, "control.json"))
		if err == nil {
			err = json.Unmarshal(b, &at)
		}
		if err != nil || strings.Count(s.log.String(), "msg=ready ") == before { // it answers a moment before it says so
			return "the host did not come up: " + s.log.String()
		}
		return ""
	})
	var server struct{ Addresses httpapi.Addresses }
	if err := servertest.NewClient(at.URL).Do("GET", "/server", nil, &server); err != nil {
		return err
	}
	ts.Setenv("HTTP", at.URL)
	ts.Setenv("RTMP", server.Addresses.Publish[0].URL)
	if all := regexp.MustCompile(`msg=ready .*rtsp=(\S+:\d+)`).FindAllStringSubmatch(s.log.String(), -1); all != nil {
		ts.Setenv("RTSP", all[len(all)-1][1])
	}
	for _, p := range s.people {
		p.URL = at.URL
	}
	servertest.Within(time.Second, func() string {
		if m := regexp.MustCompile(`#claim=(\S+)`).FindStringSubmatch(s.log.String()); m != nil {
			ts.Setenv("CLAIM", m[1])
			return ""
		}
		return "not yet"
	})
	return nil
}

func obs(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 2, "obs NAME publish ADDRESS | alive | ends | stop | kill")
	s, name := on(ts), args[0]
	if args[1] == "publish" {
		s.obs[name] = servertest.Publish(s.t, servertest.SmallClip, args[2])
		return
	}
	o := s.obs[name]
	usage(ts, o != nil, "obs "+name+" publish ADDRESS first")
	switch args[1] {
	case "alive":
		if o.Alive() == neg {
			ts.Fatalf("obs %s alive: %v", name, !neg)
		}
	case "ends":
		said, ended := o.Ended(2 * time.Second)
		if ended == neg {
			ts.Fatalf("obs %s ended: %v", name, ended)
		}
		fmt.Fprint(ts.Stderr(), said)
	case "stop":
		o.Stop()
	case "kill":
		o.Kill()
	}
}

func person(name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		usage(ts, len(args) > 0, name+" DOES SOMETHING")
		s := on(ts)
		if s.people[name] == nil {
			s.people[name] = servertest.NewClient(ts.Getenv("HTTP"))
		}
		err := s.does(ts, name, args[0], append(args[1:], "", "", ""))
		for i := 0; err != nil && !neg && args[0] == "opens" && i < 10; i++ { // a part may be 200 ms away
			time.Sleep(200 * time.Millisecond)
			err = s.does(ts, name, args[0], append(args[1:], "", "", ""))
		}
		check(ts, neg, err)
	}
}

// does lets a person do one thing; what they get to read is the error.
func (s *stage) does(ts *testscript.TestScript, name, what string, args []string) error {
	c := s.people[name]
	switch what {
	case "claim":
		return c.Claim(args[0], name)
	case "signup":
		return c.SignUp(name, args[0])
	case "signin":
		password := args[0]
		if password == "" {
			password = servertest.Password
		}
		return c.Do("POST", "/session", map[string]string{"name": name, "password": password}, nil)
	case "signout":
		return c.Do("DELETE", "/session", nil, nil)
	case "password":
		return c.Do("PUT", "/me/password", map[string]string{"old": args[0], "new": args[1]}, nil)
	case "policy":
		return c.Do("PUT", "/settings", map[string]string{"signUp": args[0]}, nil)
	case "invite":
		var out struct{ Code string }
		err := c.Do("POST", "/invites", struct{}{}, &out)
		ts.Setenv("INVITE", out.Code)
		return err
	case "title":
		return c.Do("PATCH", "/me/channel", map[string]string{"title": args[0]}, nil)
	case "testpicture":
		how := map[string]string{"on": "POST", "off": "DELETE"}[args[0]]
		return c.Do(how, "/me/test-stream", nil, nil)
	case "key":
		return s.key(ts, name, args[0], args[1])
	case "sees":
		if why := servertest.Within(5*time.Second, c.Is(args[0], args[1])); why != "" {
			return errors.New(why)
		}
		return nil
	case "watches":
		if strings.Contains(args[0], "://") {
			return watch(args[0])
		}
		return watch(c.URL + "/hls/" + args[0] + "/index.m3u8")
	case "opens":
		return opens(c, args[0], args[1], args[2])
	}
	return fmt.Errorf("%s does not know how to %q", name, what)
}

func (s *stage) key(ts *testscript.TestScript, name, deed, label string) (err error) {
	c, id := s.people[name], name+"/"+label
	k := s.keys[id]
	switch deed {
	case "new":
		k, err = c.NewKey(label)
	case "rotate":
		k, err = c.RotateKey(k.ID)
	case "revoke":
		return c.Do("DELETE", "/me/keys/"+k.ID, nil, nil)
	default:
		return fmt.Errorf("a key cannot be %q", deed)
	}
	if err == nil {
		s.keys[id] = k
		ts.Setenv(strings.ToUpper(name)+"_KEY", k.Secret)
	}
	return err
}

// watch decodes two seconds as ffplay would.
func watch(url string) error {
	var out []byte
	var err error
	for range 10 { // a player that comes before the first segment tries again
		out, err = exec.Command("ffmpeg", "-v", "error", "-i", url, "-t", "2", "-f", "null", "-").CombinedOutput()
		if err == nil && len(out) == 0 {
			return nil
		}
		time.Sleep(300 * time.Millisecond)
	}
	return fmt.Errorf("the player says: %v %s", err, out)
}

func opens(c *servertest.Client, path, status, pattern string) error {
	code, body, header, err := c.Get(path)
	if err != nil {
		return err
	}
	if fmt.Sprint(code) != status {
		return fmt.Errorf("%s answers %d: %.300s", path, code, body)
	}
	if all := fmt.Sprint(header) + body; pattern != "" && !regexp.MustCompile(pattern).MatchString(all) {
		return fmt.Errorf("%s answers without %q: %.600s", path, pattern, all)
	}
	return nil
}

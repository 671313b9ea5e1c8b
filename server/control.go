package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/httpapi"
	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// Control is how the commands of a machine manage the host of one data folder:
// through the echo.tv that has the folder open, or on the closed store when
// none has. It belongs to one goroutine.
type Control interface {
	// AddUser makes an account; the answer has a password when password is empty.
	AddUser(ctx context.Context, name, password string, role tv.Role) (httpapi.ControlUserMade, error)
	// NewKey makes a stream key for the account called name.
	NewKey(ctx context.Context, name, label string) (tv.StreamKey, error)
	// Status says whether the host runs and what is on air.
	Status(ctx context.Context) (Status, error)
	// TestStream shows the test picture on the channel called name, the owner's
	// when empty, until ctx ends; begun is told which. Errors: Unavailable when
	// nothing runs or the channel was taken over, Conflict when it is on air.
	TestStream(ctx context.Context, name string, begun func(tv.ChannelName)) error
	// Show brings the window to the front. Errors: Unavailable when nothing
	// runs, NotFound when it runs without a window.
	Show(ctx context.Context) error
	Close() error
}

// Status is the host as its machine may see it. While nothing runs, only SetUp
// has a meaning.
type Status struct {
	Running bool
	httpapi.ControlStatus
}

const (
	reachWithin = 2 * time.Second
	deedWithin  = 15 * time.Second // a password takes its turn among sign-ins
	maxAnswer   = 1 << 20          // bytes: a status of 100 publishers is 20 kB
)

// OpenControl returns the control of the host in dataDir. Errors: Conflict when
// another process has the folder open and does not answer, and what opening the
// store says.
func OpenControl(dataDir string) (Control, error) {
	if r := reach(dataDir); r != nil {
		return r, nil
	}
	c, err := openClosed(dataDir)
	if err == nil {
		return c, nil
	}
	if tv.CodeOf(err) == tv.Conflict { // it may have been just starting
		if r := reach(dataDir); r != nil {
			return r, nil
		}
	}
	return nil, err
}

// announcement is how a running server tells the commands where it is. Being
// able to read it proves access to the data folder.
type announcement struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

func announcementFile(dataDir string) string { return filepath.Join(dataDir, "control.json") }

// announce writes where this server takes commands. The file appears whole or
// not at all, and only its user can read it (os.CreateTemp makes 0600).
func announce(dataDir string, a announcement) error {
	f, err := os.CreateTemp(dataDir, "control-*")
	if err != nil {
		return fmt.Errorf("announce this server: %w", err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	err = errors.Join(json.NewEncoder(f).Encode(a), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), announcementFile(dataDir))
	}
	if err != nil {
		return fmt.Errorf("announce this server: %w", err)
	}
	return nil
}

// retract takes the announcement back. What a killed server leaves behind does
// no harm: nothing answers to its token any more.
func retract(dataDir string) { os.Remove(announcementFile(dataDir)) }

// running is a server that answers to its token.
type running struct {
	announcement
	http *http.Client
}

// reach returns the server that dataDir announces, or nil when it does not
// answer: it was killed, or another program has its port now.
func reach(dataDir string) *running {
	raw, err := os.ReadFile(announcementFile(dataDir))
	if err != nil {
		return nil
	}
	r := &running{http: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy from the environment
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if json.Unmarshal(raw, &r.announcement) != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reachWithin)
	defer cancel()
	if _, err := r.Status(ctx); err != nil {
		return nil
	}
	return r
}

func (r *running) AddUser(ctx context.Context, name, password string, role tv.Role) (made httpapi.ControlUserMade, err error) {
	err = r.do(ctx, "POST", "control/users", httpapi.ControlUser{Name: name, Password: password, Role: string(role)}, &made)
	return made, err
}

func (r *running) NewKey(ctx context.Context, name, label string) (tv.StreamKey, error) {
	var made httpapi.Secret
	if err := r.do(ctx, "POST", "control/keys", httpapi.ControlKey{Name: name, Label: label}, &made); err != nil {
		return tv.StreamKey{}, err
	}
	return tv.ParseStreamKey(made.Secret)
}

func (r *running) Status(ctx context.Context) (Status, error) {
	s := Status{Running: true}
	return s, r.do(ctx, "GET", "control/status", nil, &s.ControlStatus)
}

func (r *running) Show(ctx context.Context) error {
	return r.do(ctx, "POST", "control/show", struct{}{}, nil)
}

func (r *running) Close() error { return nil }

// do asks for one thing under /api and fills out with the answer, which
// a nil out leaves unread. A Problem comes back as the error that it was.
func (r *running) do(ctx context.Context, method, what string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, deedWithin)
	defer cancel()
	var sent bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&sent).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL+"/api/"+what, &sent)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(httpapi.ControlHeader, r.Token)
	resp, err := r.http.Do(req)
	if err != nil {
		return tv.Errorf(tv.Unavailable, "the running echo.tv does not answer: %w", err)
	}
	defer resp.Body.Close()
	answer := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode >= 300 {
		var p httpapi.Problem
		if answer.Decode(&p) != nil || p.Code == "" {
			return tv.Errorf(tv.Unavailable, "the running echo.tv answered %s", resp.Status)
		}
		return tv.Errorf(p.Code, "%s", p.Detail).Hint(p.Hint)
	}
	if out == nil {
		return nil
	}
	return answer.Decode(out)
}

// closed is the store of a host that does not run.
type closed struct {
	store    *store.Store
	accounts *account.Accounts
}

func openClosed(dataDir string) (*closed, error) {
	st, err := store.Open(dataDir)
	if err != nil {
		return nil, err
	}
	secret, err := account.LoadSecret(dataDir)
	if err == nil {
		var accounts *account.Accounts
		if accounts, err = account.Open(st, secret); err == nil {
			return &closed{st, accounts}, nil
		}
	}
	return nil, errors.Join(err, st.Close())
}

func (c *closed) AddUser(ctx context.Context, name, password string, role tv.Role) (httpapi.ControlUserMade, error) {
	return httpapi.MakeUser(ctx, c.accounts, httpapi.ControlUser{Name: name, Password: password, Role: string(role)})
}

func (c *closed) NewKey(ctx context.Context, name, label string) (tv.StreamKey, error) {
	return httpapi.MakeKey(ctx, c.accounts, httpapi.ControlKey{Name: name, Label: label})
}

func (c *closed) Status(context.Context) (Status, error) {
	return Status{ControlStatus: httpapi.ControlStatus{SetUp: c.accounts.Owned()}}, nil
}

func (c *closed) Show(context.Context) error {
	return tv.Errorf(tv.Unavailable, "echo.tv is not running here").Hint("start it")
}

func (c *closed) Close() error { return c.store.Close() }

package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"echo.tv/server/guide"
)

// Client is one person's browser, as far as the API can tell.
type Client struct {
	URL  string
	http *http.Client
}

// NewClient returns a client with its own cookies.
func NewClient(url string) *Client {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Client{URL: url, http: &http.Client{Jar: jar, Timeout: 15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Refusal is an answer that was no success.
type Refusal struct {
	Status int
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%d %s: %s (%s)", r.Status, r.Code, r.Detail, r.Hint)
}

// Do asks for path under /api with in as JSON, and fills out with the answer;
// either may be nil. The error of a refused request is a *Refusal.
func (c *Client) Do(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.URL+"/api"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		r := &Refusal{}
		json.NewDecoder(res.Body).Decode(r) // an answer that is no problem JSON leaves it empty
		r.Status = res.StatusCode
		return r
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// Get fetches a path of the host as a stranger would, and returns status, body
// and headers.
func (c *Client) Get(path string) (int, string, http.Header, error) {
	res, err := c.http.Get(c.URL + path)
	if err != nil {
		return 0, "", nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	return res.StatusCode, string(b), res.Header, err
}

// Password is what every account of a test is made with.
const Password = "correct horse battery"

// Claim makes name the owner.
func (c *Client) Claim(code, name string) error {
	return c.Do("POST", "/owner", map[string]string{"code": code, "name": name, "password": Password}, nil)
}

// SignUp makes an account and signs in.
func (c *Client) SignUp(name, invite string) error {
	in := map[string]string{"name": name, "password": Password}
	if invite != "" {
		in["invite"] = invite
	}
	return c.Do("POST", "/users", in, nil)
}

// Key is a stream key and its secret.
type Key struct {
	ID, Label, Secret string
}

// NewKey makes a stream key.
func (c *Client) NewKey(label string) (Key, error) {
	var out struct {
		Key    struct{ ID, Label string }
		Secret string
	}
	err := c.Do("POST", "/me/keys", map[string]string{"label": label}, &out)
	return Key{out.Key.ID, out.Key.Label, out.Secret}, err
}

// RotateKey replaces the secret of a key.
func (c *Client) RotateKey(id string) (Key, error) {
	var out struct {
		Key    struct{ ID, Label string }
		Secret string
	}
	err := c.Do("POST", "/me/keys/"+id+"/rotate", struct{}{}, &out)
	return Key{out.Key.ID, out.Key.Label, out.Secret}, err
}

// Channel returns what the guide says of a channel.
func (c *Client) Channel(name string) (guide.Entry, error) {
	var e guide.Entry
	err := c.Do("GET", "/channels/"+name, nil, &e)
	return e, err
}

// Is returns "" when the channel is in state, else what it is: for Eventually.
func (c *Client) Is(name, state string) func() string {
	return func() string {
		e, err := c.Channel(name)
		switch {
		case err != nil:
			return err.Error()
		case string(e.State) != state:
			return fmt.Sprintf("%s is %s, not %s yet", name, e.State, state)
		}
		return ""
	}
}

// Owner claims the host for name and returns its client.
func (h *Host) Owner(t testing.TB, name string) *Client {
	t.Helper()
	c := NewClient(h.URL)
	if err := c.Claim(h.ClaimCode(), name); err != nil {
		t.Fatal(err)
	}
	return c
}

// Streamer makes an account, by whatever the policy is, with one key.
func (h *Host) Streamer(t testing.TB, name string) (*Client, Key) {
	t.Helper()
	c := NewClient(h.URL)
	if err := c.SignUp(name, ""); err != nil {
		t.Fatal(err)
	}
	k, err := c.NewKey("test")
	if err != nil {
		t.Fatal(err)
	}
	return c, k
}

// Leaks returns the first of texts that holds secret, "" when none does.
func Leaks(secret string, texts ...string) string {
	for _, s := range texts {
		if strings.Contains(s, secret) {
			return s
		}
	}
	return ""
}

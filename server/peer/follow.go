package peer

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"echo.tv/server/tv"
)

const (
	startPatience = 3 * time.Second // for the connection, the answer and its first line together
	silence       = 5 * time.Second // then a connection is dead; a line takes less, however slowly it comes
	linesApart    = 50 * time.Millisecond
)

var (
	errSilent    = tv.Errorf(tv.Unavailable, "nothing answers there in time").Hint("check the address, and that echo.tv runs there")
	errNotSetUp  = tv.Errorf(tv.NotSetUp, "the echo.tv there has no owner yet").Hint("open it on its own machine and set it up first")
	errUnreached = tv.Errorf(tv.Unavailable, "no echo.tv can be reached there").Hint("check the address and the port, and that no firewall is between")
	errBrokeOff  = errors.New("the directory ended")
)

// follow holds one request to the directory at at and hands each proven line to
// heard, until the host says goodbye, breaks off, is silent or heard returns an
// error. It returns why, never nil. The first line has to come within patience.
func (p *Peers) follow(ctx context.Context, at netip.AddrPort, patience time.Duration, heard func(news) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(patience, func() { cancel(errSilent) })
	defer quiet.Stop()

	nonce := rand.Text()
	ask := url.URL{Scheme: "http", Host: at.String(), Path: directoryPath, RawQuery: "nonce=" + nonce}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ask.String(), nil)
	if err != nil {
		return err
	}
	res, err := p.client.Do(req)
	if err != nil {
		return reason(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refusal(res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxLine)
	r := reader{asked: ask.Host, nonce: nonce}
	for lines.Scan() {
		n, err := r.read(lines.Bytes(), time.Now())
		if err == nil {
			err = heard(n)
		}
		if err != nil {
			return err
		}
		quiet.Reset(silence)
		sleep(ctx, linesApart) // who talks faster waits in the network, and costs us nothing
	}
	return reason(ctx, errors.Join(errBrokeOff, lines.Err()))
}

// reason prefers why we gave up to what that looked like from inside.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if e, ok := errors.AsType[*tv.Error](err); ok { // the guard's
		return e
	}
	return errUnreached
}

// refusal reads the status of an answer that is no directory.
func refusal(status int) error {
	switch status {
	case http.StatusServiceUnavailable:
		return errNotSetUp
	case http.StatusTooManyRequests:
		return tv.Errorf(tv.TooMany, "too many follow the echo.tv there").Hint("try again later")
	case http.StatusMisdirectedRequest:
		return tv.Errorf(tv.Unavailable, "the echo.tv there does not know this address as its own").Hint("start it with --name and this address")
	}
	return errNotDirectory
}

package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"echo.tv/server/account"
	"echo.tv/server/tv"
)

// visitor is who sent a request, as far as the request itself says.
type visitor struct {
	addr  netip.Addr
	token string // of the session cookie, unchecked; empty without one
}

// onMachine reports whether the request comes from this computer.
func (v visitor) onMachine() bool { return v.addr.IsLoopback() }

type visitorKey struct{}

func visitorOf(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}

// identify notes the visitor for all handlers.
func (a *API) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v visitor
		if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			v.addr = at.Addr().Unmap().WithZone("")
		}
		if c, err := r.Cookie(a.cookie); err == nil {
			v.token = c.Value
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	})
}

// me returns who is signed in, or Unauthenticated.
func (a *API) me(ctx context.Context) (account.User, error) {
	token := visitorOf(ctx).token
	if token == "" {
		return account.User{}, tv.Errorf(tv.Unauthenticated, "nobody is signed in").Hint("sign in")
	}
	return a.Accounts.Session(ctx, token)
}

// admin is me for those who run the host.
func (a *API) admin(ctx context.Context) (account.User, error) {
	me, err := a.me(ctx)
	if err == nil && !me.Role.Includes(tv.Admin) {
		err = tv.Errorf(tv.Forbidden, "only the owner and admins may do this")
	}
	return me, err
}

// cookieName has the installation in it: cookies ignore ports, and two hosts on
// one machine would sign each other's people out.
func cookieName(install string) string {
	return "echotv_" + strings.ToLower(install[:min(8, len(install))])
}

// setCookie returns the header that keeps token in the browser, or forgets it
// when it is empty. There is no Secure: this host speaks plain HTTP.
func (a *API) setCookie(token string) string {
	c := http.Cookie{Name: a.cookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	c.MaxAge = int(account.SessionLife.Seconds()) // the server ends sessions; this is only the outer bound
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// welcome signs u in without asking for the password that was just set.
func (a *API) welcome(ctx context.Context, u account.User) (*signed[Me], error) {
	token, err := a.Accounts.StartSession(ctx, u)
	if err != nil {
		return nil, err
	}
	a.Guide.Touch() // a new name has a channel
	return &signed[Me]{Cookie: a.setCookie(token), Body: meOf(u)}, nil
}

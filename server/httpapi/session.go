package httpapi

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"echo.tv/server/tv"
)

// Session says who is signed in; nobody is an answer too, not an error.
type Session struct {
	User maybe[Me] `json:"user"`
}

// SignIn asks for a session.
type SignIn struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

func (a *API) session(ctx context.Context, _ *none) (*body[Session], error) {
	u, err := a.me(ctx)
	if tv.CodeOf(err) == tv.Unauthenticated {
		return &body[Session]{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &body[Session]{Session{some(meOf(u))}}, nil
}

func (a *API) signIn(ctx context.Context, in *body[SignIn]) (*signed[Session], error) {
	token, u, err := a.Accounts.SignIn(ctx, visitorOf(ctx).addr, in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &signed[Session]{Cookie: a.setCookie(token), Body: Session{some(meOf(u))}}, nil
}

type forgotten struct {
	Cookie string `header:"Set-Cookie"`
}

func (a *API) signOut(ctx context.Context, _ *none) (*forgotten, error) {
	out := &forgotten{Cookie: a.setCookie("")}
	if token := visitorOf(ctx).token; token != "" {
		return out, a.Accounts.SignOut(ctx, token)
	}
	return out, nil
}

// maybe is a T or null, and says so in the description.
type maybe[T any] struct{ value *T }

func some[T any](v T) maybe[T] { return maybe[T]{&v} }

// MarshalJSON writes the value or null.
func (m maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.value) }

// Schema is what huma writes into the description.
func (maybe[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

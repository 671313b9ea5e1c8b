package httpapi

import (
	"context"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/tv"
)

// Key is a stream key without its secret.
type Key struct {
	ID       string     `json:"id"`
	Label    string     `json:"label"`
	Redacted string     `json:"redacted" doc:"Enough to tell two keys apart"`
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"lastUsed" doc:"null when it never was"`
}

func keyOf(k account.Key) Key {
	out := Key{ID: k.ID, Label: k.Label, Redacted: k.Redacted, Created: k.Created}
	if !k.LastUsed.IsZero() {
		out.LastUsed = &k.LastUsed
	}
	return out
}

type (
	// Keys is all of them, oldest first.
	Keys struct {
		Keys []Key `json:"keys" nullable:"false"`
	}
	// NewKey asks for one.
	NewKey struct {
		Label string `json:"label" doc:"Where it is used, such as \"gaming PC\""`
	}
	// KeyAndSecret is the answer when a secret was made.
	KeyAndSecret struct {
		Key    Key    `json:"key"`
		Secret string `json:"secret" doc:"What goes into OBS"`
	}
	// Secret is the answer to those who may see it again.
	Secret struct {
		Secret string `json:"secret" doc:"What goes into OBS"`
	}
	keyPath struct {
		ID string `path:"id"`
	}
)

func (a *API) keys(ctx context.Context, _ *none) (*body[Keys], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := a.Accounts.Keys(ctx, me)
	out := Keys{Keys: make([]Key, len(keys))}
	for i, k := range keys {
		out.Keys[i] = keyOf(k)
	}
	return &body[Keys]{out}, err
}

func (a *API) newKey(ctx context.Context, in *body[NewKey]) (*body[KeyAndSecret], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	k, secret, err := a.Accounts.NewKey(ctx, me, in.Body.Label)
	return &body[KeyAndSecret]{KeyAndSecret{keyOf(k), secret.Reveal()}}, err
}

func (a *API) revealKey(ctx context.Context, in *keyPath) (*body[Secret], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := a.Accounts.RevealKey(ctx, me, in.ID)
	return &body[Secret]{Secret{secret.Reveal()}}, err
}

func (a *API) rotateKey(ctx context.Context, in *keyPath) (*body[KeyAndSecret], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	k, secret, err := a.Accounts.RotateKey(ctx, me, in.ID)
	if err != nil {
		return nil, err
	}
	a.Hub.EndKey(in.ID, tv.Errorf(tv.Forbidden, "key rotated").Hint("copy the new key from Studio"))
	return &body[KeyAndSecret]{KeyAndSecret{keyOf(k), secret.Reveal()}}, nil
}

func (a *API) revokeKey(ctx context.Context, in *keyPath) (*none, error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Accounts.RevokeKey(ctx, me, in.ID); err != nil {
		return nil, err
	}
	a.Hub.EndKey(in.ID, tv.Errorf(tv.Forbidden, "key revoked").Hint("make another one in Studio"))
	return &none{}, nil
}

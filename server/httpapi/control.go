package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/subtle"

	"echo.tv/server/account"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// ControlHeader carries the token that proves access to the data folder.
const ControlHeader = "X-Echotv-Control"

type (
	// ControlUser is an account to be made by the machine's own command.
	ControlUser struct {
		Name     string `json:"name"`
		Password string `json:"password,omitempty" doc:"Empty: one is made and told"`
		Role     string `json:"role" enum:"owner,admin,streamer,viewer"`
	}
	// ControlUserMade is the account that was made.
	ControlUserMade struct {
		Name     tv.ChannelName `json:"name"`
		Role     tv.Role        `json:"role"`
		Password string         `json:"password,omitempty" doc:"Only when it was made here"`
	}
	// ControlKey is a stream key to be made by the machine's own command.
	ControlKey struct {
		Name  string `json:"name"`
		Label string `json:"label"`
	}
	// ControlStatus is what the machine's own command shows of the host.
	ControlStatus struct {
		Version   string       `json:"version"`
		SetUp     bool         `json:"setUp"`
		ClaimCode string       `json:"claimCode,omitempty" doc:"While nobody owns the host"`
		Addresses Addresses    `json:"addresses"`
		OnAir     []ControlAir `json:"onAir" nullable:"false"`

		MetricsToken string `json:"metricsToken" doc:"Lets a Prometheus on another machine read /metrics"`
	}
	// ControlAir is one publisher.
	ControlAir struct {
		Channel tv.ChannelName `json:"channel"`
		State   live.State     `json:"state"`
		Viewers int            `json:"viewers"`
		Bitrate int            `json:"bitrate" doc:"bit/s"`
		Address string         `json:"address"`
		Encoder string         `json:"encoder"`
	}
)

type (
	control struct {
		Token string `header:"X-Echotv-Control"`
	}
	controlled[T any] struct {
		Token string `header:"X-Echotv-Control"`
		Body  T
	}
)

// onlyHere lets those through who are on the machine and know its secret. A
// host without that secret lets nobody through.
func onlyHere(ctx context.Context, got, want string) error {
	same := subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
	if want == "" || !same || !visitorOf(ctx).onMachine() {
		return tv.Errorf(tv.Forbidden, "only the machine itself may do this")
	}
	return nil
}

// MakeUser makes the account that want describes, with a password of its own
// making when want has none.
func MakeUser(ctx context.Context, accounts *account.Accounts, want ControlUser) (made ControlUserMade, err error) {
	role, err := tv.ParseRole(want.Role)
	if err != nil {
		return made, err
	}
	if want.Password == "" {
		made.Password = rand.Text()
		want.Password = made.Password
	}
	u, err := accounts.AddUser(ctx, want.Name, want.Password, role)
	if err != nil {
		return ControlUserMade{}, err
	}
	made.Name, made.Role = u.Name, u.Role
	return made, nil
}

// MakeKey makes a stream key for the account that want names.
func MakeKey(ctx context.Context, accounts *account.Accounts, want ControlKey) (tv.StreamKey, error) {
	name, err := tv.ParseChannelName(want.Name)
	if err != nil {
		return tv.StreamKey{}, err
	}
	u, err := accounts.UserByName(name)
	if err != nil {
		return tv.StreamKey{}, err
	}
	_, secret, err := accounts.NewKey(ctx, u, want.Label)
	return secret, err
}

func (a *API) controlAddUser(ctx context.Context, in *controlled[ControlUser]) (*body[ControlUserMade], error) {
	if err := onlyHere(ctx, in.Token, a.ControlToken); err != nil {
		return nil, err
	}
	made, err := MakeUser(ctx, a.Accounts, in.Body)
	a.Guide.Touch()
	return &body[ControlUserMade]{made}, err
}

func (a *API) controlNewKey(ctx context.Context, in *controlled[ControlKey]) (*body[Secret], error) {
	if err := onlyHere(ctx, in.Token, a.ControlToken); err != nil {
		return nil, err
	}
	secret, err := MakeKey(ctx, a.Accounts, in.Body)
	return &body[Secret]{Secret{secret.Reveal()}}, err
}

func (a *API) controlStatus(ctx context.Context, in *control) (*body[ControlStatus], error) {
	if err := onlyHere(ctx, in.Token, a.ControlToken); err != nil {
		return nil, err
	}
	out := ControlStatus{Version: a.Version, SetUp: a.Accounts.Owned(), ClaimCode: a.Accounts.ClaimCode(),
		Addresses: a.addresses(), OnAir: []ControlAir{}, MetricsToken: a.MetricsToken}
	for _, s := range a.Hub.On() {
		out.OnAir = append(out.OnAir, ControlAir{Channel: s.Channel, State: s.State, Viewers: s.Viewers,
			Bitrate: s.Bitrate, Address: s.Remote, Encoder: s.Encoder})
	}
	return &body[ControlStatus]{out}, nil
}

func (a *API) controlShow(ctx context.Context, in *control) (*none, error) {
	if err := onlyHere(ctx, in.Token, a.ControlToken); err != nil {
		return nil, err
	}
	if a.Desktop == nil {
		return nil, tv.Errorf(tv.NotFound, "this host runs without a window").Hint("open its address in a browser")
	}
	a.Desktop.Show()
	return &none{}, nil
}

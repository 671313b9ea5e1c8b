package account

import (
	"context"
	"os"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

const (
	hostNameSetting = "host name" // what people call this computer
	hostNameMax     = 60          // runes; what other hosts show of it
)

// HostName returns what people call this computer: as an admin chose, else as the
// system does, else nothing.
func (a *Accounts) HostName() string {
	var name string
	err := a.st.View(func(tx *store.Tx) (err error) {
		name, _, err = settings.Get(tx, hostNameSetting)
		return err
	})
	if err == nil && name != "" {
		return name
	}
	name, _ = os.Hostname() // a machine without a name is shown without one
	name, _ = clean("name", name, hostNameMax)
	return name
}

// SetHostName decides what people call this computer from now on; an empty name
// gives it the system's again. The error is Forbidden below admin and Invalid
// beyond 60 characters.
func (a *Accounts) SetHostName(_ context.Context, u User, name string) error {
	name, err := clean("name of this computer", name, hostNameMax)
	if err != nil {
		return err
	}
	return a.st.Update(func(tx *store.Tx) error {
		if err := mustBe(tx, u, tv.Admin); err != nil {
			return err
		}
		return settings.Put(tx, hostNameSetting, name)
	})
}

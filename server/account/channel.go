package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// Channel is the public profile of an account.
type Channel struct {
	Name     tv.ChannelName
	Title    string
	Category string
}

const (
	titleMax    = 100 // runes; two lines of a card at 390 px
	categoryMax = 40
)

var channels = store.NewBucket[Channel]("channels") // by name

// Channel returns the profile of the account called name, or NotFound. A new
// account has an empty one.
func (a *Accounts) Channel(name tv.ChannelName) (c Channel, err error) {
	err = a.st.View(func(tx *store.Tx) error {
		if _, _, err := userNamed(tx, name); err != nil {
			return err
		}
		c, err = profile(tx, name)
		return err
	})
	return c, err
}

// Channels returns the first most profiles in the order of their names.
func (a *Accounts) Channels(most int) (list []Channel, err error) {
	enough := errors.New("enough")
	err = a.st.View(func(tx *store.Tx) error {
		return names.Each(tx, "", func(name string, _ tv.UserID) error {
			if len(list) >= most {
				return enough
			}
			c, err := profile(tx, tv.ChannelName(name))
			list = append(list, c)
			return err
		})
	})
	if err != nil && err != enough {
		return nil, err
	}
	return list, nil
}

func profile(tx *store.Tx, name tv.ChannelName) (Channel, error) {
	c, _, err := channels.Get(tx, string(name))
	c.Name = name
	return c, err
}

// SetChannel keeps what u's channel is called and about. Control characters and
// those that turn the direction of text are dropped; the error is Invalid when
// what is left is longer than 100 and 40 characters.
func (a *Accounts) SetChannel(_ context.Context, u User, title, category string) (Channel, error) {
	c := Channel{Name: u.Name}
	var err error
	if c.Title, err = clean("title", title, titleMax); err != nil {
		return Channel{}, err
	}
	if c.Category, err = clean("category", category, categoryMax); err != nil {
		return Channel{}, err
	}
	err = a.st.Update(func(tx *store.Tx) error {
		if _, _, err := userNamed(tx, u.Name); err != nil {
			return err
		}
		return channels.Put(tx, string(u.Name), c)
	})
	if err != nil {
		return Channel{}, err
	}
	return c, nil
}

// clean makes a line of text out of what a stranger typed.
func clean(what, s string, most int) (string, error) {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r),
			unicode.In(r, unicode.Zl, unicode.Zp): // they break lines
			return -1
		}
		return r
	}, s))
	if n := utf8.RuneCountInString(s); n > most {
		return "", tv.Errorf(tv.Invalid, "the %s has %d characters", what, n).
			Hint(fmt.Sprintf("%d are the most", most))
	}
	return s, nil
}

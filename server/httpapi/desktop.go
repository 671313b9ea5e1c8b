package httpapi

import (
	"context"
	"net/url"

	"echo.tv/server/tv"
)

// Link is what the window wants to see outside itself.
type Link struct {
	URL string `json:"url" doc:"http or https"`
}

type desktopLink struct {
	Token string `header:"X-Echotv-Desktop"`
	Body  Link
}

// desktopOpen hands a link to the system. Only web links: a file or an
// application's scheme would start programs.
func (a *API) desktopOpen(ctx context.Context, in *desktopLink) (*none, error) {
	if err := onlyHere(ctx, in.Token, a.DesktopToken); err != nil {
		return nil, err
	}
	if a.Desktop == nil {
		return nil, tv.Errorf(tv.NotFound, "this host runs without a window")
	}
	u, err := url.Parse(in.Body.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return nil, tv.Errorf(tv.Invalid, "that is not a web address").Hint("it must begin with http:// or https://")
	}
	return &none{}, a.Desktop.OpenURL(u.String())
}

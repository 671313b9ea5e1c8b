package server

import (
	"context"
	"net/netip"

	"echo.tv/server/account"
	"echo.tv/server/rtmp"
	"echo.tv/server/rtsp"
	"echo.tv/server/tv"
)

// publishKeys answers rtmp from the accounts.
type publishKeys struct{ *account.Accounts }

func (k publishKeys) Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (rtmp.Grant, error) {
	g, err := k.Accounts.Publisher(ctx, remote, key)
	return rtmp.Grant{Channel: g.Channel, KeyID: g.KeyID, KeyLabel: g.Label}, err
}

// cameraKeys answers rtsp from the accounts.
type cameraKeys struct{ *account.Accounts }

func (k cameraKeys) Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (rtsp.Grant, error) {
	g, err := k.Accounts.Publisher(ctx, remote, key)
	return rtsp.Grant{Channel: g.Channel, KeyID: g.KeyID, KeyLabel: g.Label}, err
}

// watchKeys answers hls from the accounts.
type watchKeys struct{ *account.Accounts }

func (k watchKeys) Channel(ctx context.Context, remote netip.Addr, key tv.StreamKey) (tv.ChannelName, error) {
	g, err := k.Accounts.Publisher(ctx, remote, key)
	return g.Channel, err
}

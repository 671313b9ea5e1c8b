package httpapi

import (
	"context"

	"echo.tv/server/doctor"
	"echo.tv/server/tv"
)

// examine is for admins, and for the machine's own command.
func (a *API) examine(ctx context.Context, in *control) (*body[doctor.Report], error) {
	if in.Token == "" || onlyHere(ctx, in.Token, a.ControlToken) != nil {
		if _, err := a.admin(ctx); err != nil {
			return nil, err
		}
	}
	return &body[doctor.Report]{a.Doctor.Examine(ctx)}, nil
}

func (a *API) beginCheck(ctx context.Context, _ *none) (*body[doctor.Visit], error) {
	if _, err := a.admin(ctx); err != nil {
		return nil, err
	}
	if a.Doctor.Visits == nil {
		return nil, tv.Errorf(tv.Unavailable, "no phone can come to this host")
	}
	return &body[doctor.Visit]{a.Doctor.Visits.Begin()}, nil
}

type checkCode struct {
	Code string `path:"code" maxLength:"16"`
}

func (a *API) lookAtCheck(ctx context.Context, in *checkCode) (*body[doctor.Visit], error) {
	if _, err := a.admin(ctx); err != nil {
		return nil, err
	}
	v, err := a.Doctor.Visits.Look(ctx, in.Code)
	return &body[doctor.Visit]{v}, err
}

type checkStep struct {
	Code string `path:"code" maxLength:"16"`
	Body doctor.Told
}

// tellCheck is the one thing here that strangers may call: a phone without an
// account. The code is the proof, and Visits bounds what comes.
func (a *API) tellCheck(ctx context.Context, in *checkStep) (*body[doctor.Visit], error) {
	v, err := a.Doctor.Visits.Tell(in.Code, visitorOf(ctx).addr, in.Body)
	return &body[doctor.Visit]{v}, err
}

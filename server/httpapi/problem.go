package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"echo.tv/server/tv"
)

// Problem is the one shape of every error answer (RFC 9457). Clients switch on
// Code; Detail and Hint are for a person and may change.
type Problem struct {
	Status int     `json:"status"`
	Title  string  `json:"title" doc:"The HTTP status in words"`
	Detail string  `json:"detail" doc:"What went wrong, for a person"`
	Code   tv.Code `json:"code" enum:"invalid,unauthenticated,forbidden,not_found,conflict,too_many,not_set_up,unavailable,storage,internal"`
	Hint   string  `json:"hint,omitempty" doc:"What the person can do about it"`

	wait time.Duration // → Retry-After
}

var problemType = reflect.TypeFor[Problem]()

// statusOf is the one table from what went wrong to what HTTP says.
var statusOf = map[tv.Code]int{
	tv.Invalid:         http.StatusBadRequest,
	tv.Unauthenticated: http.StatusUnauthorized,
	tv.Forbidden:       http.StatusForbidden,
	tv.NotFound:        http.StatusNotFound,
	tv.Conflict:        http.StatusConflict,
	tv.TooMany:         http.StatusTooManyRequests,
	tv.NotSetUp:        http.StatusServiceUnavailable,
	tv.Unavailable:     http.StatusServiceUnavailable,
	tv.Storage:         http.StatusInsufficientStorage,
	tv.Internal:        http.StatusInternalServerError,
}

// problemOf translates err. An error that was not made for a person says
// nothing but "Internal error"; whoever calls logs it.
func problemOf(err error) *Problem {
	e, ok := errors.AsType[*tv.Error](err)
	if !ok || e.Code == tv.Internal || statusOf[e.Code] == 0 {
		return problem(http.StatusInternalServerError, tv.Internal, "Internal error", "try again; the log of echo.tv says more")
	}
	p := problem(statusOf[e.Code], e.Code, e.Text, e.Advice)
	p.wait = e.RetryAfter
	return p
}

func problem(status int, code tv.Code, detail, hint string) *Problem {
	return &Problem{Status: status, Title: http.StatusText(status), Detail: detail, Code: code, Hint: hint}
}

// Error makes a Problem an error for huma, which then asks for its status.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status; huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders says when to try again; huma asks for it.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.wait.Seconds()))))
	}
	return h
}

// ContentType marks the answer as a problem; huma asks for it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// writeProblem answers err from a plain http.Handler.
func writeProblem(w http.ResponseWriter, err error) { writeProblemStatus(w, 0, err) }

// writeProblemStatus is for the few statuses that no code has; 0 takes the table's.
func writeProblemStatus(w http.ResponseWriter, status int, err error) {
	p := problemOf(err)
	if status != 0 {
		p.Status, p.Title = status, http.StatusText(status)
	}
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // the client may be gone; nothing to do about it
}

// ourProblems turns what huma found wrong with the input into a Problem. huma
// repeats the rejected value to the client; that may be a password, so only
// place and message are kept.
func ourProblems(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var said []string
	for _, e := range m.Errors {
		place := strings.TrimPrefix(strings.TrimPrefix(e.Location, "body"), ".")
		said = append(said, strings.TrimPrefix(fmt.Sprintf("%.40s: %.120s", place, e.Message), ": "))
	}
	if said = said[:min(len(said), 3)]; len(said) == 0 {
		said = []string{m.Detail}
	}
	return problem(badInput(m.Status), tv.Invalid, strings.Join(said, "; "), "check what was sent"), nil
}

// badInput folds huma's 422 into the 400 of the table: no client of ours tells
// a broken body from a wrong field.
func badInput(status int) int {
	if status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return status
}

type humaContext huma.Context // embedding huma.Context itself would hide its Context method

// inputContext lets the status line agree with ourProblems.
type inputContext struct{ humaContext }

func (c inputContext) SetStatus(status int) { c.humaContext.SetStatus(badInput(status)) }

func foldStatus(c huma.Context, next func(huma.Context)) { next(inputContext{c}) }

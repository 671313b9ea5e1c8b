package httpapi

import (
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"echo.tv/server/tv"
)

const (
	mediaPath = "/hls/"
	pushPath  = "/push"
)

// openapi is the description that clients are generated from; TestContract
// keeps it true.
//
//go:embed openapi.json
var openapi []byte

// routes is the table of contents of the API.
func (a *API) routes(pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	api := humago.New(mux, settings())
	api.UseMiddleware(foldStatus)
	a.spec = api.OpenAPI()
	on := table{a, api}

	// Anybody, also before the host is set up.
	route(on, "GET /api/health", 200, "health", "Whether the server answers", a.health)
	route(on, "GET /api/server", 200, "server", "What this host is and where it is reached", a.server)
	route(on, "POST /api/owner", 201, "claim", "Become the owner, with the one-time code", a.claim)

	// Accounts and sessions.
	route(on, "POST /api/users", 201, "signUp", "Make an account and sign in", a.signUp)
	route(on, "GET /api/session", 200, "session", "Who is signed in", a.session)
	route(on, "POST /api/session", 200, "signIn", "Sign in", a.signIn)
	route(on, "DELETE /api/session", 204, "signOut", "Sign out", a.signOut)
	route(on, "PUT /api/me/password", 204, "changePassword", "Change the password and end all other sessions", a.changePassword)

	// What a streamer owns.
	route(on, "GET /api/me/channel", 200, "myChannel", "The own channel as its owner may see it", a.myChannel)
	route(on, "PATCH /api/me/channel", 200, "editChannel", "Change title or category", a.editChannel)
	route(on, "GET /api/me/coach", 200, "coach", "What could be better about the own stream, and how many viewers the link carries", a.myCoach)
	route(on, "GET /api/me/broadcasts", 200, "broadcasts", "The own past broadcasts, the newest first", a.myBroadcasts)
	route(on, "GET /api/me/keys", 200, "keys", "The own stream keys, without their secrets", a.keys)
	route(on, "POST /api/me/keys", 201, "newKey", "Make a stream key", a.newKey)
	route(on, "POST /api/me/keys/{id}/reveal", 200, "revealKey", "Show a stream key again", a.revealKey)
	route(on, "POST /api/me/keys/{id}/rotate", 200, "rotateKey", "Replace a stream key and cut who streams with it", a.rotateKey)
	route(on, "DELETE /api/me/keys/{id}", 204, "revokeKey", "End a stream key and cut who streams with it", a.revokeKey)

	route(on, "POST /api/me/test-stream", 204, "startTest", "Put the test picture on the own channel, for ten minutes at most", a.startTest)
	route(on, "DELETE /api/me/test-stream", 204, "stopTest", "Take the test picture off the air", a.stopTest)

	// What everybody watches.
	route(on, "GET /api/channels", 200, "channels", "Channels, on air first", a.channels)
	route(on, "GET /api/channels/{name}", 200, "channel", "One channel, on air or not", a.channel)
	route(on, "GET /api/channels/{name}/series", 200, "series", "The last ten minutes of one channel, second by second", a.series)
	route(on, "GET /api/channels/{name}/broadcast", 200, "lastBroadcast", "The newest broadcast of one channel", a.lastBroadcast)
	mux.HandleFunc("GET /api/events", a.events)
	describeEvents(a.spec)
	mux.HandleFunc("GET /api/hosts/{id}/reach.js", a.reach)

	// The other hosts of the network.
	route(on, "GET /api/hosts", 200, "hosts", "This host and the others of the network", a.hosts)
	route(on, "POST /api/hosts", 201, "addHost", "Find a host by its address, and remember it (admin)", a.addHost)
	route(on, "DELETE /api/hosts/{id}", 204, "forgetHost", "Forget all that is remembered of a host (admin)", a.forgetHost)
	mux.HandleFunc("GET /api/public/test.mp4", a.testClip)
	mux.Handle("GET /api/public/directory", a.Peers.Directory()) // for them, not for pages

	// What goes through the host, for tools and for people.
	route(on, "GET /stat.json", 200, "stat", "Figures of the host and of each stream", a.statJSON)
	mux.HandleFunc("GET /stat", a.stat(pages))
	mux.HandleFunc("GET /stat.xml", a.statXML)
	mux.HandleFunc("GET /metrics", a.metrics)

	// Who runs the host.
	route(on, "GET /api/settings", 200, "settings", "The host's settings (admin)", a.settings)
	route(on, "PUT /api/settings", 200, "changeSettings", "Change the host's settings (admin)", a.changeSettings)
	route(on, "GET /api/logs", 200, "logs", "The newest thousand records of the log (admin)", a.logs)
	route(on, "POST /api/invites", 201, "newInvite", "Make an invite code (admin)", a.newInvite)

	// Can others reach this host?
	route(on, "GET /api/doctor", 200, "examine", "What keeps others out (admin, or the machine itself)", a.examine)
	route(on, "POST /api/doctor/checks", 201, "beginCheck", "Begin a check with a phone (admin)", a.beginCheck)
	route(on, "GET /api/doctor/checks/{code}", 200, "lookAtCheck", "How the check stands (admin)", a.lookAtCheck)
	route(on, "POST /api/doctor/checks/{code}/steps", 200, "tellCheck", "What the phone found, which needs the code and no account", a.tellCheck)

	// The machine itself: commands and the window.
	route(on, "POST /api/control/users", 201, "controlAddUser", "echotv user add", a.controlAddUser)
	route(on, "POST /api/control/keys", 201, "controlNewKey", "echotv key new", a.controlNewKey)
	route(on, "POST /api/control/test-key", 200, "controlTestKey", "echotv test-stream", a.controlTestKey)
	route(on, "GET /api/control/status", 200, "controlStatus", "echotv status", a.controlStatus)
	route(on, "POST /api/control/show", 204, "controlShow", "Bring the window to the front", a.controlShow)
	route(on, "POST /api/desktop/open", 204, "desktopOpen", "Open a link in the system's browser", a.desktopOpen)

	for _, name := range []string{"ErrorModel", "ErrorDetail"} { // huma's own error shape; ourProblems never lets it out
		delete(a.spec.Components.Schemas.Map(), name)
	}

	mux.Handle(mediaPath, a.Media)
	if a.Push != nil {
		mux.Handle("GET "+pushPath, a.Push)
	}
	mux.HandleFunc("GET /openapi.json", serveOpenAPI)
	mux.HandleFunc("/api/", noEndpoint(mux))
	mux.Handle("/", pages)
	return mux
}

// settings of huma: JSON only, errors as Problems, no documentation pages.
func settings() huma.Config {
	jsonOnly := huma.Format{Unmarshal: json.Unmarshal, Marshal: func(w io.Writer, v any) error {
		b, err := json.Marshal(v)
		if err == nil {
			w.Write(b) // a client that left is no error; huma would panic for it
		}
		return err
	}}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "echo.tv", Version: "1",
				Description: "Live streaming on a local network. Errors are Problems; switch on their code."},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		},
		Formats:       map[string]huma.Format{"application/json": jsonOnly, "json": jsonOnly}, // the latter: problem+json
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{ourProblems},
	}
}

// Shapes of input and output. A handler takes and returns the T; huma finds it
// under Body.
type (
	none          struct{}
	body[T any]   struct{ Body T }
	signed[T any] struct {
		Cookie string `header:"Set-Cookie"`
		Body   T
	}
)

type table struct {
	*API
	huma huma.API
}

// route registers do under "METHOD /path". Errors of do become Problems here,
// and those that are nobody's business are logged here.
func route[I, O any](on table, where string, status int, id, summary string, do func(context.Context, *I) (*O, error)) {
	method, path, _ := strings.Cut(where, " ")
	problem := on.spec.Components.Schemas.Schema(problemType, true, "")
	op := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, DefaultStatus: status, MaxBodyBytes: maxBody,
		Responses: map[string]*huma.Response{"default": {Description: "What went wrong",
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}}},
	}
	huma.Register(on.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err == nil {
			return out, nil
		}
		p := problemOf(err)
		left := ctx.Err() != nil // whoever asked; strangers could fill the log with it
		if !left && (p.Code == tv.Internal || p.Code == tv.Storage) {
			on.Log.Error("request failed", "operation", id, "err", err)
		}
		return nil, p
	})
}

// noEndpoint answers for paths and methods that the table does not have.
func noEndpoint(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			probe := r.Clone(r.Context())
			probe.Method = m
			if _, pattern := mux.Handler(probe); pattern != "/api/" {
				allow = append(allow, m)
			}
		}
		if len(allow) == 0 {
			writeProblem(w, tv.Errorf(tv.NotFound, "the API has no such address"))
			return
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		writeProblemStatus(w, http.StatusMethodNotAllowed, tv.Errorf(tv.Invalid, "this address takes %s", strings.Join(allow, ", ")))
	}
}

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(openapi)
}

package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"echo.tv/server/doctor"
	"echo.tv/server/lan"
)

// testDoctor is one of a machine on no network, which runs no commands.
func testDoctor() *doctor.Doctor {
	return doctor.New(doctor.Config{OS: "plan9", Version: "1.2.3", Files: fstest.MapFS{}, Network: func() lan.Network { return lan.Network{} },
		Listeners: func() []doctor.Listener { return nil }, Address: func() string { return "http://192.168.1.20:5175" }})
}

func TestOnlyAdminsAndTheMachineSeeTheDoctor(t *testing.T) {
	h := joined(t)
	h.play([]call{
		{"nobody", "GET", "/api/doctor", nil, 401, nil, []string{"verdicts"}},
		{"ann", "GET", "/api/doctor", nil, 403, nil, []string{"verdicts"}},
		{"olga", "GET", "/api/doctor", nil, 200, []string{`"id":"network"`, `"state":"fail"`, "This computer is on no network."}, []string{controlToken}},
		{"nobody", "POST", "/api/doctor/checks", nil, 401, nil, []string{"code="}},
		{"ann", "POST", "/api/doctor/checks", nil, 403, nil, []string{"code="}},
	})
	mustHave(t, h.must(200, "", "GET", "/api/doctor", nil, ControlHeader, controlToken).text, "verdicts")
	h.must(401, "", "GET", "/api/doctor", nil, ControlHeader, "wrong")

	v := decode[doctor.Visit](t, h.must(201, "olga", "POST", "/api/doctor/checks", nil).text)
	for who, status := range map[string]int{"nobody": 401, "ann": 403, "olga": 200} {
		h.must(status, who, "GET", "/api/doctor/checks/"+v.Code, nil)
	}
	h.must(404, "olga", "GET", "/api/doctor/checks/AAAAAAAA", nil)
	mustNotHave(t, h.log.String(), v.Code)
}

func TestAPhoneWithoutAnAccountTellsItsSteps(t *testing.T) {
	h := owned(t)
	v := decode[doctor.Visit](t, h.must(201, "olga", "POST", "/api/doctor/checks", nil).text)
	if v.URL != "http://192.168.1.20:5175/#/check?code="+v.Code {
		t.Errorf("the QR code says %q", v.URL)
	}
	steps := "/api/doctor/checks/" + v.Code + "/steps"
	for _, step := range []string{"page", "socket", "plays"} {
		h.must(200, "phone", "POST", steps, doctor.Told{Step: step, OK: true, MS: 12})
	}
	// In this test the phone is the host itself, and the host says so.
	seen := get[doctor.Visit](h, "olga", "/api/doctor/checks/"+v.Code)
	if seen.State != doctor.Warn || !strings.Contains(seen.Says, "itself") || seen.Steps[2].State != "ok" {
		t.Errorf("the host sees %+v", seen)
	}
	report := h.must(200, "olga", "GET", "/api/doctor", nil).text
	mustHave(t, report, `"id":"phone"`)
	mustNotHave(t, report, v.Code)
}

// Whoever is on the network may send anything to a check, with or without a code.
func TestWhatStrangersSendToACheckIsBounded(t *testing.T) {
	h := owned(t)
	v := decode[doctor.Visit](t, h.must(201, "olga", "POST", "/api/doctor/checks", nil).text)
	steps := "/api/doctor/checks/" + v.Code + "/steps"
	evil := `<img src=x onerror=alert(1)>`
	h.play([]call{
		{"x", "POST", steps, `{"step":"` + evil + `","ok":true}`, 400, nil, []string{evil}},
		{"x", "POST", steps, `{"step":"plays","ok":false,"why":"` + evil + `"}`, 400, nil, []string{evil}},
		{"x", "POST", steps, `{"step":"page","ok":false,"why":"slow"}`, 400, nil, nil},
		{"x", "POST", steps, `{"step":"plays","ok":false}`, 400, nil, nil},
		{"x", "POST", steps, `{"step":"plays","ok":true,"ms":-1}`, 400, nil, nil},
		{"x", "POST", steps, `{"step":"plays","ok":true,"ms":1e300}`, 400, nil, nil},
		{"x", "POST", steps, `{"step":"plays","ok":true,"admin":true}`, 400, nil, nil},
		{"x", "POST", steps, `{"step":"plays"`, 400, nil, nil},
		{"x", "POST", steps, strings.Repeat("[", 60000), 400, nil, nil},
		{"x", "POST", steps, strings.Repeat(" ", maxBody), 413, nil, nil},
		{"x", "POST", "/api/doctor/checks/" + strings.Repeat("A", 17) + "/steps", `{"step":"page","ok":true}`, 400, nil, nil},
		{"x", "POST", "/api/doctor/checks/..%2f..%2fsettings/steps", `{"step":"page","ok":true}`, 404, nil, nil},
		{"x", "GET", steps, nil, 405, nil, nil},
	})
	if seen := get[doctor.Visit](h, "olga", "/api/doctor/checks/"+v.Code); seen.Device != "" {
		t.Errorf("nonsense counts as a phone: %+v", seen)
	}
	tell := func(from, code string) int {
		r := httptest.NewRequest("POST", "/api/doctor/checks/"+code+"/steps", strings.NewReader(`{"step":"page","ok":true}`))
		r.Host, r.RemoteAddr = "localhost", from
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		return w.Code
	}
	guesses := map[int]int{}
	for range 100 {
		guesses[tell("192.168.1.66:4000", "GUESSING")]++
	}
	if guesses[404] != 30 || guesses[429] != 70 {
		t.Errorf("a hundred guesses: %v", guesses)
	}
	if got := tell("192.168.1.33:4000", v.Code); got != 200 {
		t.Errorf("somebody else's guesses keep the phone out: %d", got)
	}
	if got := tell("192.168.1.66:4000", v.Code); got != 429 {
		t.Errorf("the guesser may go on: %d", got)
	}
	if got := tell("192.168.1.34:4000", v.Code); got != 409 {
		t.Errorf("a second device has the check, too: %d", got)
	}
	told := map[int]int{}
	for range 100 {
		told[tell("192.168.1.33:4000", v.Code)]++
	}
	if told[200] != 31 || told[429] != 69 {
		t.Errorf("a hundred reports: %v", told)
	}
}

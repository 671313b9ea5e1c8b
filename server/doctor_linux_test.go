package server_test

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"echo.tv/server/doctor"
	"echo.tv/server/servertest"
)

// asks runs "echotv doctor" on the machine and returns its exit code.
func asks(t *testing.T, m *servertest.Machine, program string, args ...string) (code int, said string) {
	t.Helper()
	c := m.Command(program, append([]string{"doctor"}, args...)...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, nil
	if err := c.Run(); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatal(err)
		}
		code = exit.ExitCode()
	}
	return code, out.String()
}

func TestTheDoctorFindsAFirewallAndTheLineThatOpensIt(t *testing.T) {
	servertest.NeedTool(t, "nft")
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	program := build(t)
	ann.Start(program)
	ann.Own("ann")
	doctorOf := []string{"--data", ann.Data()}

	if code, said := asks(t, ann, program, doctorOf...); code != 0 || !strings.Contains(said, "Open at 10.77.0.1:5175.") {
		t.Fatalf("without a firewall: exit code %d\n%s", code, said)
	}
	ann.Run("nft", `table inet filter { chain input { type filter hook input priority 0; policy drop; iif "lo" accept; ct state established,related accept; }; }`)
	code, said := asks(t, ann, program, doctorOf...)
	if code != 1 || !strings.Contains(said, "nftables keeps others out of 5175/tcp, 1935/tcp and 5353/udp.") {
		t.Fatalf("behind a firewall: exit code %d\n%s", code, said)
	}
	if !strings.Contains(said, "Multicast does not work on Ethernet eth0") {
		t.Errorf("a firewall that drops multicast is not heard:\n%s", said)
	}
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "nft ") {
			ann.Run("sh", "-c", line)
		}
	}
	if _, _, _, err := bob.Browser(ann).Get("/api/health"); err != nil {
		t.Errorf("bob does not get in after the line was typed: %v", err)
	}
	if code, said := asks(t, ann, program, doctorOf...); code != 0 {
		t.Errorf("after the line was typed: exit code %d\n%s", code, said)
	}
}

func TestAHostThatAnnouncesItselfBehindAFirewallIsNamed(t *testing.T) {
	servertest.NeedTool(t, "nft")
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	program := build(t)
	bob.Run("nft", `table inet filter { chain input { type filter hook input priority 0; policy accept; iifname "eth0" tcp dport 5175 drop; }; }`)
	for _, m := range []*servertest.Machine{ann, bob} {
		m.Start(program)
		m.Own("x" + m.Name[:3])
	}
	servertest.Eventually(t, func() string {
		if _, said := asks(t, ann, program, "--data", ann.Data()); !strings.Contains(said, "A host at 10.77.0.2 was found, but port 5175 is closed there.") {
			return said
		}
		return ""
	})
}

func TestAPhoneOnTheNetworkIsSeenAndReachedBack(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, phone := n.Machine("ann-pc"), n.Machine("phone")
	ann.Start(build(t))
	claim := ann.Echo("user", "add", "ann", "--role", "owner")
	password := claim[strings.LastIndex(claim, " ")+1:]
	me, it := ann.Browser(ann), phone.Browser(ann)
	if err := me.Do("POST", "/session", map[string]string{"name": "ann", "password": password}, nil); err != nil {
		t.Fatal(err)
	}
	var v doctor.Visit
	if err := me.Do("POST", "/doctor/checks", struct{}{}, &v); err != nil || v.URL != "http://10.77.0.1:5175/#/check?code="+v.Code {
		t.Fatalf("%+v, %v", v, err)
	}
	for _, step := range []string{doctor.StepPage, doctor.StepSocket, doctor.StepPlays} {
		if err := it.Do("POST", "/doctor/checks/"+v.Code+"/steps", doctor.Told{Step: step, OK: true}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := me.Do("GET", "/doctor/checks/"+v.Code, nil, &v); err != nil || v.State != doctor.OK || v.Device != "10.77.0.2" {
		t.Errorf("%+v, %v", v, err)
	}
	if v.Back.State != "ok" || !strings.Contains(v.Back.Says, "reaches the phone") {
		t.Errorf("the way back: %+v", v.Back)
	}
	if why := servertest.Leaks(v.Code, ann.Log.String()); why != "" {
		t.Error("the code is in the log")
	}
}

// Two real browsers on two machines: what one reports, the other shows.
func TestAPhoneInChromiumProvesIt(t *testing.T) {
	builtUI(t)
	n := servertest.NewNetwork(t)
	ann, phone := n.Machine("ann-pc"), n.Machine("phone")
	ann.Start(build(t))
	made := ann.Echo("user", "add", "ann", "--role", "owner")
	screen := startWith(t, ann.Command, "doctor.mjs", "http://127.0.0.1:5175", "ann", made[strings.LastIndex(made, " ")+1:])
	url, _ := screen.reaches("code")["url"].(string)
	if !strings.HasPrefix(url, "http://10.77.0.1:5175/#/check?code=") {
		t.Fatalf("the code leads to %q", url)
	}
	it := startWith(t, phone.Command, "phone.mjs", url)
	screen.reaches("reached")
	done, proved := it.reaches("done"), screen.reaches("proved")
	if shown, _ := done["shown"].(float64); shown < 2.5 {
		t.Errorf("the phone showed %v s of the test stream", done["shown"])
	}
	for who, facts := range map[string]map[string]any{"phone": done, "screen": proved} {
		if errs, _ := facts["errors"].([]any); len(errs) > 0 {
			t.Errorf("the %s's page complained: %v", who, errs)
		}
	}
}

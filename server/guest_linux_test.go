package server_test

import (
	"strings"
	"testing"

	"echo.tv/server/servertest"
)

// A guest opens the page of one host and picks what another one has. Where the
// guest's device reaches that other host, its own page opens; where the network
// keeps devices apart, as guest Wi-Fi does, the first host brings the picture.
func TestAGuestInChromiumWatchesWhatAnotherHostHas(t *testing.T) {
	builtUI(t) // which the program below has embedded
	n := servertest.NewNetwork(t)
	ann, kim, phone := n.Machine("ann-pc"), n.Machine("kim-pc"), n.Machine("phone")
	program := build(t)
	ann.Start(program)
	kim.Start(program)
	ann.Own("ann")
	key := kim.Own("kim")
	servertest.SmallClip.File(t)
	obs := kim.Publish(servertest.SmallClip, key)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of ann-pc:\n%s\nlog of kim-pc:\n%s", ann.Log, kim.Log)
		}
	})
	servertest.Eventually(t, presence(ann, kim, "here"))

	j := startWith(t, phone.Command, "hosts.mjs", "http://"+ann.Addr.String()+":5175", "kim", "kim-pc")
	direct := j.reaches("direct")
	t.Logf("the other host's page %.2f s after the click, its picture %.1f s later", direct["led"], direct["seconds"])
	if at, _ := direct["url"].(string); !strings.HasPrefix(at, "http://"+kim.Addr.String()+":5175/#/@kim") {
		t.Errorf("the phone reaches kim-pc and went to %s", at)
	}
	j.reaches("home")
	instead, _ := j.reaches("instead")["url"].(string)
	if !strings.HasPrefix(instead, "http://"+ann.Addr.String()+":5175/#/@kim@") {
		t.Errorf("the way back from kim-pc led to %s", instead)
	}

	// Nobody answers to this address: what is sent there is lost without a word.
	phone.Run("ip", "neigh", "replace", kim.Addr.String(), "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent")
	j.goOn()
	through := j.reaches("through")
	t.Logf("through this host: the player %.2f s after the click, its picture %.1f s later", through["led"], through["seconds"])
	if at, _ := through["url"].(string); !strings.HasPrefix(at, "http://"+ann.Addr.String()+":5175/#/@kim@") {
		t.Errorf("the phone does not reach kim-pc and went to %s", at)
	}
	if card, _ := through["card"].(string); !strings.Contains(card, "kim-pc") || !strings.Contains(card, kim.Addr.String()) {
		t.Errorf("the card of the host says %q", card)
	}

	kim.Kill()
	obs.Kill()
	j.goOn()
	j.reaches("gone")
	kim.Start(program)
	kim.Publish(servertest.SmallClip, key)
	j.goOn()
	back := j.reaches("back")
	t.Logf("the picture is back, %.1f s after the words went", back["seconds"])
	if errs, _ := back["errors"].([]any); len(errs) > 0 {
		t.Errorf("the page complained: %v", errs)
	}
}

package tv

import "testing"

func TestChannelsOfOtherHostsHaveNamesNobodyCanSignUpWith(t *testing.T) {
	const id = HostID("abcdefgh234567ab")
	far := ChannelName("ann").At(id)
	if own, h := far.Split(); own != "ann" || h != id {
		t.Errorf("%s splits into %s and %s", far, own, h)
	}
	if own, h := ChannelName("ann").Split(); own != "ann" || h != "" {
		t.Errorf("ann splits into %s and %s", own, h)
	}
	if _, err := ParseChannelName(string(far)); CodeOf(err) != Invalid {
		t.Errorf("an account may be called %s: %v", far, err)
	}
	for text, want := range map[string]ChannelName{
		"ann": "ann", "Ann": "ann", string(far): far, "ann@": "", "ann@ABCDEFGH234567AB": "", "@" + string(id): "",
		"ann@abcdefgh234567ab@abcdefgh234567ab": "", "ann@../../etc/passwd": "", "ann@abcdefgh234567a1": "",
	} {
		if got, err := ParseAnyChannel(text); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseAnyChannel(%q) = %q, %v", text, got, err)
		}
	}
}

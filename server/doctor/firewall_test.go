package doctor

import (
	"strings"
	"testing"
	"testing/fstest"
)

const onlyRoot = "fails: Operation not permitted (you must be root)"

// The outputs of Linux in testdata were recorded on Debian 12 (ufw 0.36.2,
// firewalld 1.3.3, nftables 1.0.6, iptables 1.8.9) in a network namespace.
func TestLinuxFirewallsAreToldApartAndOpenedByTheirOwnCommand(t *testing.T) {
	enabled := fstest.MapFS{"etc/ufw/ufw.conf": {Data: []byte("# comment\nENABLED=yes\nLOGLEVEL=low\n")}}
	disabled := fstest.MapFS{"etc/ufw/ufw.conf": {Data: []byte("ENABLED=no\n")}}
	none := recorded{"nft": "file: empty.nft.json", "iptables": "file: empty.iptables.txt", "ufw": "file: ufw-inactive.txt", "firewall-cmd": "fails: not running"}
	with := func(change recorded) recorded {
		all := recorded{}
		for k, v := range none {
			all[k] = v
		}
		for k, v := range change {
			all[k] = v
		}
		return all
	}
	cases := []struct {
		name     string
		commands recorded
		files    fstest.MapFS
		state    State
		says     string
		line     string // what the line to type holds
	}{
		{"none", none, nil, OK, "No firewall here keeps others out of 5175/tcp, 1935/tcp and 5353/udp", ""},
		{"ufw shut", with(recorded{"ufw": "file: ufw-active.txt", "nft": "file: ufw-active.nft.json", "iptables": "file: ufw-active.iptables.txt"}), nil,
			Fail, "ufw keeps others out of 5175/tcp and 1935/tcp.", "ufw allow 5175,1935/tcp"},
		{"ufw opened", with(recorded{"ufw": "file: ufw-allowed.txt", "iptables": "file: ufw-allowed.iptables.txt"}), nil,
			OK, "ufw lets 5175/tcp, 1935/tcp and 5353/udp in", ""},
		{"ufw, not as root", recorded{"ufw": "fails: ERROR: You need to be root to run this script", "nft": onlyRoot, "iptables": onlyRoot}, enabled,
			Unknown, "ufw is on, and only root", "ufw allow 5175,1935/tcp && sudo ufw allow 5353/udp"},
		{"nobody, not as root", recorded{"ufw": "fails: ERROR: You need to be root", "nft": onlyRoot, "iptables": onlyRoot}, disabled,
			Unknown, "Only root sees", "sudo /usr/bin/echotv doctor --data /home/kim/.local/share/echotv"},
		{"firewalld shut", with(recorded{"firewall-cmd --state": "running\n", "firewall-cmd --get-default-zone": "public\n",
			"firewall-cmd --zone=public --list-all": "file: firewalld-public.txt", "nft": "file: firewalld-public.nft.json"}), nil,
			Fail, "firewalld (zone public) keeps others out of 5175/tcp, 1935/tcp and 5353/udp.", "firewall-cmd --permanent --zone=public --add-port=5175/tcp --add-port=1935/tcp --add-port=5353/udp &&"},
		{"firewalld shut, not as root", with(recorded{"nft": onlyRoot, "firewall-cmd --state": "running\n", "firewall-cmd --get-zone-of-interface=eth0": "drop\n",
			"firewall-cmd --zone=drop --list-all": "file: firewalld-drop.txt"}), nil,
			Fail, "firewalld (zone drop) keeps", "--zone=drop --add-port=5175/tcp"},
		{"firewalld opened, not as root", with(recorded{"nft": onlyRoot, "firewall-cmd --state": "running\n", "firewall-cmd --get-default-zone": "public\n",
			"firewall-cmd --zone=public --list-all": "file: firewalld-allowed.txt"}), nil, OK, "firewalld (zone public) lets", ""},
		{"firewalld trusts, not as root", with(recorded{"nft": onlyRoot, "firewall-cmd --state": "running\n", "firewall-cmd --get-default-zone": "trusted\n",
			"firewall-cmd --zone=trusted --list-all": "file: firewalld-trusted.txt"}), nil, OK, "lets", ""},
		{"own nftables", with(recorded{"nft": "file: workstation.nft.json"}), nil,
			Fail, "nftables keeps others out of 5175/tcp.", "nft 'insert rule inet filter input tcp dport { 5175 } accept'"},
		{"own iptables", with(recorded{"nft": "file: iptables.nft.json", "iptables": "file: iptables.iptables.txt"}), nil,
			Warn, "5353/udp is shut", "iptables -I INPUT -p udp -m multiport --dports 5353 -j ACCEPT"},
		{"legacy iptables beside empty nftables", with(recorded{"iptables-legacy": "file: legacy.iptables.txt"}), nil,
			Fail, "iptables keeps others out of 5175/tcp.", "--dports 5175 -j ACCEPT"},
		{"broken nft", with(recorded{"nft": "{"}), nil, Unknown, "cannot judge", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := staged(t, "linux", c.commands, c.files).firewall(t.Context())
			if v.State != c.state || !strings.Contains(v.Says, c.says) {
				t.Errorf("%s: %s; want %s: …%s…", v.State, v.Says, c.state, c.says)
			}
			if !strings.Contains(strings.ReplaceAll(v.Line, "sudo ", ""), strings.ReplaceAll(c.line, "sudo ", "")) {
				t.Errorf("type %q; want …%s…", v.Line, c.line)
			}
			if v.State != OK && v.Do == "" {
				t.Error("it leaves one without a thing to do")
			}
		})
	}
}

// The answers of Windows are written after its documentation, not recorded: no
// Windows was at hand.
func TestWindowsProfilesAndRules(t *testing.T) {
	on := `"profiles":[{"name":"Domain","enabled":"True","inbound":"NotConfigured"},{"name":"Private","enabled":"True","inbound":"NotConfigured"},{"name":"Public","enabled":"True","inbound":"NotConfigured"}]`
	network := func(category string) string {
		return `"networks":[{"adapter":"vEthernet (WSL)","category":"Public"},{"adapter":"eth0","category":"` + category + `"}]`
	}
	rule := func(action, profile string) string {
		return `"rules":[{"name":"echo.tv","action":"` + action + `","profile":"` + profile + `"}]`
	}
	cases := []struct {
		name, out string
		state     State
		says      string
		line      string
	}{
		{"off", `{` + network("Private") + `,"profiles":[{"name":"Private","enabled":"False","inbound":"Block"}],"rules":[]}`, OK, "lets everybody in on private", ""},
		{"allowed", `{` + network("Private") + `,` + on + `,` + rule("Allow", "Private") + `}`, OK, "lets echo.tv in on private", ""},
		{"allowed on another profile", `{` + network("Private") + `,` + on + `,` + rule("Allow", "Domain") + `}`, Fail, "keeps others out of 5175/tcp", "-Profile Private -Protocol TCP -LocalPort 5175,1935; New"},
		{"allowed on both", `{` + network("Public") + `,` + on + `,` + rule("Allow", "Private, Public") + `}`, OK, "on public", ""},
		{"public", `{` + network("Public") + `,` + on + `,` + rule("Allow", "Private") + `}`, Fail, "for a public network", "Set-NetConnectionProfile -InterfaceAlias 'eth0' -NetworkCategory Private"},
		{"no rule", `{` + network("Private") + `,` + on + `,"rules":[]}`, Fail, "no rule lets echo.tv in", "-LocalPort 5353"},
		{"answered no", `{` + network("Private") + `,` + on + `,` + rule("Block", "Any") + `}`, Fail, "answered with no", "Set-NetFirewallRule -Action Allow"},
		{"at work", `{` + network("DomainAuthenticated") + `,` + on + `,` + rule("Allow", "Domain") + `}`, OK, "lets echo.tv in", ""},
		{"adapter not listed", `{"networks":[],` + on + `,"rules":[]}`, Fail, "public", ""},
		{"silent", "fails: powershell did not answer", Unknown, "did not tell", "-Profile Private"},
		{"half an answer", `{"networks":[`, Unknown, "did not tell", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := staged(t, "windows", recorded{"powershell": c.out}, nil).firewall(t.Context())
			if v.State != c.state || !strings.Contains(v.Says, c.says) || !strings.Contains(v.Line, c.line) {
				t.Errorf("%+v; want %s, …%s…, …%s…", v, c.state, c.says, c.line)
			}
		})
	}
}

func TestAProgramsPathIsOneWordForPowerShell(t *testing.T) {
	if got := quotePowerShell(`C:\Kim's; Remove-Item *`); got != `'C:\Kim''s; Remove-Item *'` {
		t.Error(got)
	}
	if got := quoteShell(`/Users/kim's; rm *`); got != `'/Users/kim'\''s; rm *'` {
		t.Error(got)
	}
}

// The answers of macOS are written after socketfilterfw's known outputs, not
// recorded: no Mac was at hand.
func TestTheFirewallOfMacOS(t *testing.T) {
	const on = "Firewall is enabled. (State = 1)"
	cases := []struct {
		name, global, all, app string
		state                  State
		line                   string
	}{
		{"off", "Firewall is disabled. (State = 0)", "", "", OK, ""},
		{"permitted", on, "Block all DISABLED!", "Incoming connection to the application is permitted", OK, ""},
		{"permitted, newer words", on, "Firewall has block all state set to disabled.", "Incoming connection to the application is permitted", OK, ""},
		{"blocked", on, "Block all DISABLED!", "Incoming connection to the application is blocked", Fail, "--unblockapp /usr/bin/echotv"},
		{"never asked", on, "Block all DISABLED!", "The application is not part of the firewall", Fail, "--add /usr/bin/echotv"},
		{"everything blocked", "Firewall is enabled. (State = 2)", "", "Incoming connection to the application is permitted", Fail, "--setblockall off"},
		{"everything blocked, newer words", on, "Firewall has block all state set to enabled.", "Incoming connection to the application is permitted", Fail, "--setblockall off"},
		{"no answer", "fails: no such file", "", "", Unknown, ""},
		{"strange answer", on, "", "What?", Unknown, "--add"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := staged(t, "darwin", recorded{socketfilterfw + " --getglobalstate": c.global, socketfilterfw + " --getblockall": c.all,
				socketfilterfw + " --getappblocked /usr/bin/echotv": c.app}, nil).firewall(t.Context())
			if v.State != c.state || !strings.Contains(v.Line, c.line) {
				t.Errorf("%+v; want %s and …%s…", v, c.state, c.line)
			}
		})
	}
}

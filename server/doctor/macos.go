package doctor

import (
	"context"
	"regexp"
	"strings"
)

const socketfilterfw = "/usr/libexec/ApplicationFirewall/socketfilterfw"

// macFirewall asks Apple's firewall, which knows programs and not ports. Its
// words changed between releases; each question is answered by one word of them.
func (d *Doctor) macFirewall(ctx context.Context) Verdict {
	v := Verdict{ID: firewallID, Title: "Firewall"}
	global, err := d.Commands.Run(ctx, socketfilterfw, "--getglobalstate")
	if err != nil {
		return couldNotLook("macOS did not tell about its firewall.", "", "")
	}
	if strings.Contains(global, "State = 0") {
		v.State, v.Says = OK, "The firewall of macOS is off."
		return v
	}
	all, _ := d.Commands.Run(ctx, socketfilterfw, "--getblockall")
	blocked, _ := d.Commands.Run(ctx, socketfilterfw, "--getappblocked", d.Program)
	blocked = strings.ToLower(blocked)
	fix := sudo() + socketfilterfw + " --add " + quoteShell(d.Program) + " && " + sudo() + socketfilterfw + " --unblockapp " + quoteShell(d.Program)
	switch {
	case strings.Contains(global, "State = 2"), blocksAll(all):
		v.State, v.Says = Fail, "The firewall of macOS blocks all incoming connections."
		v.Do, v.Line = "Let programs in that are allowed:", sudo()+socketfilterfw+" --setblockall off"
	case strings.Contains(blocked, "permitted"):
		v.State, v.Says = OK, "The firewall of macOS lets echo.tv in."
	case strings.Contains(blocked, "blocked") || strings.Contains(blocked, "not part of the firewall"):
		v.State, v.Says = Fail, "The firewall of macOS does not let echo.tv in."
		v.Do, v.Line = "Allow it:", fix
	default:
		return couldNotLook("The firewall of macOS is on and did not say whether echo.tv may be reached.", "Allow it, to be sure:", fix)
	}
	return v
}

// blocksAll reads "Block all ENABLED!" and "Firewall has block all state set to
// enabled.".
func blocksAll(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "block all") && strings.Contains(s, "enabled")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./+-]+$`)

// quoteShell makes s one word for sh.
func quoteShell(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

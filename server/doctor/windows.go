package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// windowsLook asks for what decides: which profiles are on, in which one the
// network is, and the rules for this program. Words and not the numbers of the
// enums, because these differ between classes; not netsh, because its words are
// in the language of the system.
const windowsLook = `$ErrorActionPreference='SilentlyContinue'
[Console]::OutputEncoding=[Text.Encoding]::UTF8
@{networks=@(Get-NetConnectionProfile|%{@{adapter="$($_.InterfaceAlias)";category="$($_.NetworkCategory)"}})
profiles=@(Get-NetFirewallProfile|%{@{name="$($_.Name)";enabled="$($_.Enabled)";inbound="$($_.DefaultInboundAction)"}})
rules=@(@(Get-NetFirewallApplicationFilter -Program $env:ECHOTV_PROGRAM|Get-NetFirewallRule)+@(Get-NetFirewallRule -DisplayName 'echo.tv')|?{"$($_.Direction)" -eq 'Inbound' -and "$($_.Enabled)" -eq 'True'}|%{@{name=$_.DisplayName;action="$($_.Action)";profile="$($_.Profile)"}})
}|ConvertTo-Json -Depth 4 -Compress`

type windowsState struct {
	Networks []struct{ Adapter, Category string }
	Profiles []struct{ Name, Enabled, Inbound string }
	Rules    []struct{ Name, Action, Profile string }
}

func (d *Doctor) windowsFirewall(ctx context.Context) Verdict {
	script := strings.Replace(windowsLook, "$env:ECHOTV_PROGRAM", quotePowerShell(d.Program), 1)
	out, err := d.Commands.Run(ctx, "powershell", "-NoProfile", "-NonInteractive", "-Command", script)
	var w windowsState
	if err == nil {
		err = json.Unmarshal([]byte(out), &w)
	}
	if err != nil || len(w.Profiles) == 0 {
		return couldNotLook("Windows did not tell about its firewall.", "Try with a phone, or open the ports to be sure, in a PowerShell as administrator:", windowsCommand(d.needed(), "Private"))
	}
	a, _ := best(d.Network())
	return w.verdict(a.Adapter, d.needed())
}

// quotePowerShell makes s one word: inside single quotes only the quote itself
// has a meaning.
func quotePowerShell(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (w windowsState) verdict(adapter string, needed []opened) Verdict {
	category := w.category(adapter)
	v := Verdict{ID: firewallID, Title: "Firewall"}
	profile := category
	if profile == "DomainAuthenticated" {
		profile = "Domain"
	}
	switch {
	case !w.guards(profile):
		v.State, v.Says = OK, fmt.Sprintf("Windows Firewall lets everybody in on %s networks.", strings.ToLower(category))
	case w.has("Block", profile):
		v.State, v.Says = Fail, fmt.Sprintf("Windows Firewall blocks echo.tv on %s networks: its question was answered with no.", strings.ToLower(category))
		v.Do, v.Line = "Allow it, in a PowerShell as administrator:", "Get-NetFirewallRule -DisplayName "+quotePowerShell(w.blocking(profile))+" | Set-NetFirewallRule -Action Allow"
	case w.has("Allow", profile):
		v.State, v.Says = OK, fmt.Sprintf("Windows Firewall lets echo.tv in on %s networks.", strings.ToLower(category))
	case profile == "Public":
		v.State, v.Says = Fail, fmt.Sprintf("Windows takes %q for a public network and keeps others out.", adapter)
		v.Do = "If it is your own network, say so in a PowerShell as administrator:"
		v.Line = "Set-NetConnectionProfile -InterfaceAlias " + quotePowerShell(adapter) + " -NetworkCategory Private; " + windowsCommand(needed, "Private")
	default:
		v.State, v.Says = Fail, fmt.Sprintf("Windows Firewall keeps others out of %s: no rule lets echo.tv in.", list(needed))
		v.Do, v.Line = "Open the ports, in a PowerShell as administrator:", windowsCommand(needed, profile)
	}
	return v
}

// category is that of the adapter's network; an unlisted one is public, as
// Windows itself has it.
func (w windowsState) category(adapter string) string {
	for _, n := range w.Networks {
		if n.Adapter == adapter {
			return n.Category
		}
	}
	return "Public"
}

// guards reports whether the profile refuses what no rule allows.
func (w windowsState) guards(profile string) bool {
	for _, p := range w.Profiles {
		if p.Name == profile {
			return p.Enabled == "True" && p.Inbound != "Allow"
		}
	}
	return true
}

func (w windowsState) has(action, profile string) bool {
	return slices.ContainsFunc(w.Rules, func(r struct{ Name, Action, Profile string }) bool {
		return r.Action == action && (r.Profile == "Any" || strings.Contains(r.Profile, profile))
	})
}

func (w windowsState) blocking(profile string) string {
	for _, r := range w.Rules {
		if r.Action == "Block" && (r.Profile == "Any" || strings.Contains(r.Profile, profile)) {
			return r.Name
		}
	}
	return ""
}

func windowsCommand(all []opened, profile string) string {
	var parts []string
	for _, proto := range []string{"TCP", "UDP"} {
		if p := ports(all, strings.ToLower(proto)); p != "" {
			parts = append(parts, fmt.Sprintf("New-NetFirewallRule -DisplayName 'echo.tv' -Direction Inbound -Action Allow -Profile %s -Protocol %s -LocalPort %s", profile, proto, p))
		}
	}
	return strings.Join(parts, "; ")
}

package app

import (
	"fmt"
	"io"
	"text/tabwriter"

	"echo.tv/server"
	"echo.tv/server/httpapi"
)

// printStatus tells the person in the terminal what the running host does, and
// once more how to become its owner while nobody is.
func printStatus(w io.Writer, s server.Status) {
	fmt.Fprintf(w, "echo.tv %s is running\n\n", s.Version)
	list(w, "Watch", labelled(s.Addresses.Watch))
	list(w, "Stream to", labelled(s.Addresses.Publish))
	if s.MetricsToken != "" {
		list(w, "Metrics", []string{"/metrics, from other machines with Authorization: Bearer " + s.MetricsToken})
	}
	if s.ClaimCode != "" {
		var pages []string
		for _, base := range s.Addresses.Watch {
			pages = append(pages, claimURL(base.URL, s.ClaimCode))
		}
		fmt.Fprintf(w, "\n  Nobody owns this host yet. Open one of these, the code works once:\n\n")
		list(w, "Set up", pages)
	}
	fmt.Fprintln(w)
	if len(s.OnAir) == 0 {
		fmt.Fprintln(w, "  Nobody is on air.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "  CHANNEL\tSTATE\tVIEWERS\tMBIT/S\tFROM\tENCODER")
	for _, a := range s.OnAir {
		fmt.Fprintf(t, "  %s\t%s\t%d\t%.1f\t%s\t%q\n", a.Channel, a.State, a.Viewers, float64(a.Bitrate)/1e6, a.Address, a.Encoder)
	}
}

// labelled says what leads to each address, since people have to choose.
func labelled(all []httpapi.Address) (lines []string) {
	words := map[httpapi.AddressKind]string{"wifi": "Wi-Fi", "ethernet": "Ethernet", "vpn": "VPN", "unknown": "other adapter",
		httpapi.ByName: "by name", httpapi.Here: "this computer only"}
	for _, a := range all {
		label := words[a.Kind]
		if a.Adapter != "" && a.Adapter != label {
			label += " " + a.Adapter
		}
		lines = append(lines, fmt.Sprintf("%-34s %s", a.URL, label))
	}
	return lines
}

// list writes values under one another, the name before the first.
func list(w io.Writer, name string, values []string) {
	for _, v := range values {
		fmt.Fprintf(w, "  %-10s %s\n", name, v)
		name = ""
	}
}

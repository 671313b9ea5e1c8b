package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"echo.tv/server"
	"echo.tv/server/doctor"
	"echo.tv/server/tv"
)

type doctorCommand struct {
	JSON bool `name:"json" help:"Print the report as JSON."`
}

// Run prints what keeps others out. A script sees by the exit code whether
// something does.
func (d *doctorCommand) Run(ctx context.Context, p *process, c *cli) error {
	cfg, err := p.config(c)
	if err != nil {
		return err
	}
	report, err := server.Examine(ctx, cfg)
	if err != nil {
		return err
	}
	if d.JSON {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		printReport(p.stdout, report)
	}
	if err == nil && report.Bad() {
		err = &told{tv.Errorf(tv.Unavailable, "something keeps others out")}
	}
	return err
}

var signs = map[doctor.State]string{doctor.OK: "ok     ", doctor.Warn: "warning", doctor.Fail: "FAILED ", doctor.Unknown: "unknown"}

func printReport(w io.Writer, r doctor.Report) {
	fmt.Fprintf(w, "\n  %s\n\n", r.Says)
	for _, v := range r.Verdicts {
		fmt.Fprintf(w, "  %s  %s: %s\n", signs[v.State], v.Title, v.Says)
		for _, line := range []string{v.Do, v.Line} {
			if line != "" {
				fmt.Fprintf(w, "           %s\n", line)
			}
		}
	}
	fmt.Fprintln(w)
}

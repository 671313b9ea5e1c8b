package doctor

import (
	"cmp"
	"context"
	"fmt"
	"sync"
)

const maxHosts = 16 // others that are tried

// others says which hosts were found, and tries the way in of each: one that is
// announced and does not answer has a firewall of its own.
func (d *Doctor) others(ctx context.Context) Verdict {
	v := Verdict{ID: "others", Title: "Other hosts", State: OK}
	all := d.Others()
	if len(all) == 0 {
		v.Says = "No other echo.tv was found on this network."
		return v
	}
	shut := d.unreachable(ctx, all[:min(len(all), maxHosts)])
	v.Says = "Found " + otherHosts(all) + ", and all of them answer."
	if len(shut) > 0 {
		o := shut[0]
		v.State = Warn
		v.Says = fmt.Sprintf("%s at %s was found, but port %d is closed there.", cmp.Or(clean(o.Name), "A host"), o.Addr.Addr(), o.Addr.Port())
		v.Do = "Run the doctor on that computer."
	}
	return v
}

func otherHosts(all []Other) string {
	if len(all) == 1 {
		return "1 other host"
	}
	return fmt.Sprintf("%d other hosts", len(all))
}

// unreachable tries all at once and returns those that did not answer, in order.
func (d *Doctor) unreachable(ctx context.Context, all []Other) (out []Other) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	failed := make([]bool, len(all))
	var wg sync.WaitGroup
	for i, o := range all {
		wg.Go(func() {
			c, err := d.Dial(ctx, "tcp", o.Addr.String())
			if failed[i] = err != nil; !failed[i] {
				c.Close()
			}
		})
	}
	wg.Wait()
	for i, o := range all {
		if failed[i] {
			out = append(out, o)
		}
	}
	return out
}

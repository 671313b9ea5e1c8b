package coach

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// seconds writes a duration as people do: 8.3 s, 1 s.
func seconds(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
}

// rate writes bit/s: 6.1 Mb/s, 640 kb/s.
func rate(bits int) string {
	if bits >= 1e6 {
		return fmt.Sprintf("%.1f Mb/s", float64(bits)/1e6)
	}
	return fmt.Sprintf("%d kb/s", bits/1000)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func mean(run []Sample, of func(Sample) float64) float64 {
	sum := 0.0
	for _, s := range run {
		sum += of(s)
	}
	return sum / float64(len(run))
}

func loopback(remote string) bool {
	if at, err := netip.ParseAddrPort(remote); err == nil {
		return at.Addr().Unmap().IsLoopback()
	}
	a, err := netip.ParseAddr(remote)
	return err == nil && a.Unmap().IsLoopback()
}

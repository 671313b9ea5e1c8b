package lan_test

import (
	"log/slog"
	"slices"
	"testing"

	"echo.tv/server/lan"
	"echo.tv/server/servertest"
)

// Adapters of containers lead nowhere for others; whoever names one knows better.
func TestAVirtualAdapterCountsWhenItIsNamed(t *testing.T) {
	m := servertest.NewNetwork(t).Machine("ann-pc")
	m.Run("ip", "link", "add", "docker-echo", "type", "veth", "peer", "name", "far")
	m.Run("ip", "addr", "add", "10.78.0.1/24", "dev", "docker-echo")
	m.Run("ip", "link", "set", "far", "up")
	m.Run("ip", "link", "set", "docker-echo", "up")
	seen := func(also ...string) (adapters []string) {
		if err := m.Do(func() error {
			for _, a := range lan.New(slog.New(slog.DiscardHandler), also...).Now().Addresses {
				adapters = append(adapters, a.Adapter+" "+string(a.Kind))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return adapters
	}
	if got := seen(); !slices.Equal(got, []string{"eth0 ethernet"}) {
		t.Errorf("unnamed, the machine has %v", got)
	}
	if got := seen("docker-echo"); !slices.Equal(got, []string{"eth0 ethernet", "docker-echo unknown"}) {
		t.Errorf("named, the machine has %v", got)
	}
}

package server_test

import (
	"net"
	"strings"
	"testing"

	"echo.tv/server"
	"echo.tv/server/servertest"
)

func TestABusyRTSPPortIsAWarning(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	h := servertest.Start(t, func(c *server.Config) { c.RTSP = other.Addr().String() })
	code, health, _, err := servertest.NewClient(h.URL).Get("/api/health")
	if err != nil || code != 200 || !strings.Contains(health, `"degraded"`) || !strings.Contains(health, "RTSP is off") {
		t.Errorf("browsers get %d %s, %v", code, health, err)
	}
	servertest.Eventually(t, func() string {
		if log := h.Log.String(); !strings.Contains(log, "no RTSP") || !strings.Contains(log, "--rtsp") || !strings.Contains(log, "rtsp=off") {
			return "the log does not say so: " + log
		}
		return ""
	})
}

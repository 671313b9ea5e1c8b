package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const rtmpModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// nginx is the classic set-up of every guide, with fragments of a second
// instead of five, which is the least its module can do.
const nginx = `daemon off;
master_process off;
pid %[1]s/pid;
error_log %[1]s/error.log;
load_module %[2]s;
events {}
rtmp { server { listen %[3]s; application live { live on; hls on; hls_path %[1]s/hls; hls_fragment 1s; hls_playlist_length 10s; } } }
http { access_log off; server { listen %[4]s; root %[1]s/hls; add_header Access-Control-Allow-Origin *; add_header Cache-Control no-cache;
	types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; } } }
`

func startNginx(b *testing.B) *process {
	exe, err := exec.LookPath("nginx")
	if _, missing := os.Stat(rtmpModule); err != nil || missing != nil {
		b.Skip("nginx and libnginx-mod-rtmp are not installed; build/setup.sh bench installs them")
	}
	dir := b.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "hls"), 0o755); err != nil {
		b.Fatal(err)
	}
	rtmp, web := freeAddress(b), freeAddress(b)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginx, dir, rtmpModule, rtmp, web), 0o644); err != nil {
		b.Fatal(err)
	}
	p := spawn(b, false, exec.Command(exe, "-c", file, "-p", dir, "-e", filepath.Join(dir, "error.log")))
	p.http, p.rtmp = "http://"+web, "rtmp://"+rtmp+"/live"
	return p
}

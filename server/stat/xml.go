package stat

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/template"

	"echo.tv/server/live"
)

// WriteXML writes f as nginx-rtmp would.
func (f Figures) WriteXML(w io.Writer) error {
	page := struct {
		Figures
		PID, Clients int
		Built        string
	}{Figures: f, PID: os.Getpid(), Built: built()}
	for _, s := range f.Streams {
		page.Clients += clients(s)
	}
	return nginx.Execute(w, page)
}

// clients counts as nginx does, the publisher among them.
func clients(s StreamFigures) int {
	if s.Publishing {
		return s.Viewers + 1
	}
	return s.Viewers
}

// nginx is the page of ngx_rtmp_stat_module.c. Whatever is text passes through x.
var nginx = template.Must(template.New("stat").Funcs(template.FuncMap{
	"x": escaped, "codec": nginxCodec, "clients": clients, "compiler": runtime.Version,
	"ms":     func(seconds float64) int64 { return int64(seconds * 1000) },
	"compat": func(s StreamFigures) int { return s.compat },
	"active": func(s StreamFigures) bool { return s.State == live.Live },
}).Parse(`<?xml version="1.0" encoding="utf-8" ?>
<rtmp>
<nginx_version>echo.tv {{x .Host.Version}}</nginx_version>
<nginx_rtmp_version>1.1.4</nginx_rtmp_version>
<compiler>{{x compiler}}</compiler>
<built>{{x .Built}}</built>
<pid>{{.PID}}</pid>
<uptime>{{printf "%.0f" .Host.Uptime}}</uptime>
<naccepted>{{.Host.Accepted}}</naccepted>
<bw_in>{{.Host.BitsIn}}</bw_in>
<bytes_in>{{.Host.BytesIn}}</bytes_in>
<bw_out>{{.Host.BitsOut}}</bw_out>
<bytes_out>{{.Host.BytesOut}}</bytes_out>
<server>
<application>
<name>live</name>
<live>
{{- range .Streams}}
<stream>
<name>{{x .Channel}}</name>
<time>{{ms .Seconds}}</time>
<bw_in>{{.BitsIn}}</bw_in>
<bytes_in>{{.BytesIn}}</bytes_in>
<bw_out>{{.BitsOut}}</bw_out>
<bytes_out>{{.BytesOut}}</bytes_out>
<bw_audio>{{.BitsAudio}}</bw_audio>
<bw_video>{{.BitsVideo}}</bw_video>
{{- if .Publishing}}
<client><id>1</id><address>{{x .Address}}</address><time>{{ms .Seconds}}</time><flashver>{{x .Encoder}}</flashver>
{{- ""}}<dropped>{{.Dropped}}</dropped><avsync>0</avsync><timestamp>{{ms .Seconds}}</timestamp><publishing/>
{{- if active .}}<active/>{{end}}</client>
{{- end}}
{{- if or .Picture.Codec .Sound.Codec}}
<meta><video><width>{{.Picture.Width}}</width><height>{{.Picture.Height}}</height><frame_rate>{{.Picture.FPS}}</frame_rate>
{{- with codec .Picture.Codec}}<codec>{{x .}}</codec>{{end}}{{with .Picture.Profile}}<profile>{{x .}}</profile>{{end -}}
<compat>{{compat .}}</compat><level>{{printf "%.1f" .Picture.Level}}</level></video><audio>
{{- with codec .Sound.Codec}}<codec>{{x .}}</codec>{{end}}{{with .Sound.Profile}}<profile>{{x .}}</profile>{{end -}}
<channels>{{.Sound.Channels}}</channels><sample_rate>{{.Sound.SampleRate}}</sample_rate></audio></meta>
{{- end}}
<nclients>{{clients .}}</nclients>
{{- if .Publishing}}
<publishing/>
{{- end}}
{{- if active .}}
<active/>
{{- end}}
</stream>
{{- end}}
<nclients>{{.Clients}}</nclients>
</live>
</application>
</server>
</rtmp>
`))

func escaped(v any) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(fmt.Sprint(v))) // a Builder takes everything
	return b.String()
}

// nginxCodec is the module's word for a codec, and in its manner for those that
// it does not know.
func nginxCodec(name string) string {
	switch name {
	case "H.264":
		return "H264"
	case "HEVC":
		return "H265"
	}
	return name
}

// built returns when the commit was made from which this program was built, "" if
// that is not known.
func built() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			return s.Value
		}
	}
	return ""
}

package stat

import (
	"bytes"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"testing"
)

func xmlFor(t *testing.T, r Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := onStage().Figures(r).WriteXML(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What github.com/mauricioabreu/nginx_rtmp_prometheus finds: it looks these
// elements up by path and dies on the first that is missing.
type exported struct {
	BytesIn     *float64 `xml:"bytes_in"`
	BytesOut    *float64 `xml:"bytes_out"`
	BandwidthIn *float64 `xml:"bw_in"`
	BwOut       *float64 `xml:"bw_out"`
	Uptime      *float64 `xml:"uptime"`
	Streams     []struct {
		Name     *string  `xml:"name"`
		BytesIn  *float64 `xml:"bytes_in"`
		BytesOut *float64 `xml:"bytes_out"`
		BwIn     *float64 `xml:"bw_in"`
		BwOut    *float64 `xml:"bw_out"`
		Time     *float64 `xml:"time"`
	} `xml:"server>application>live>stream"`
}

func TestThePrometheusExporterOfNginxReadsIt(t *testing.T) {
	var e exported
	if err := xml.Unmarshal(xmlFor(t, Reader{}), &e); err != nil {
		t.Fatal(err)
	}
	if e.BytesIn == nil || e.BytesOut == nil || e.BandwidthIn == nil || e.BwOut == nil || e.Uptime == nil || len(e.Streams) != 4 {
		t.Fatalf("%+v", e)
	}
	for _, s := range e.Streams {
		if s.Name == nil || s.BytesIn == nil || s.BytesOut == nil || s.BwIn == nil || s.BwOut == nil || s.Time == nil {
			t.Errorf("%+v", s)
		}
	}
	if ann := e.Streams[0]; *ann.Name != "ann" || *ann.BwIn != 6_160_000 || *ann.BwOut != 30_000_000 || *ann.Time < 3_600_000 || *e.BytesIn != 2_772_000_000 {
		t.Errorf("ann: %v %v %v %v", *ann.Name, *ann.BwIn, *ann.BwOut, *ann.Time)
	}
}

// What NOALBS deserialises (stream_servers/nginx.rs): whatever has no pointer
// must be there, numbers must be whole, and meta has both halves or is missing.
type noalbs struct {
	Server struct {
		Applications []struct {
			Name *string `xml:"name"`
			Live struct {
				Streams []noalbsStream `xml:"stream"`
			} `xml:"live"`
		} `xml:"application"`
	} `xml:"server"`
}

type noalbsStream struct {
	Name    *string   `xml:"name"`
	BwVideo *string   `xml:"bw_video"`
	Active  *struct{} `xml:"active"`
	Meta    *struct {
		Video *struct {
			Width     *string `xml:"width"`
			Height    *string `xml:"height"`
			Compat    *string `xml:"compat"`
			FrameRate *string `xml:"frame_rate"`
			Level     *string `xml:"level"`
		} `xml:"video"`
		Audio *struct {
			Channels   *string `xml:"channels"`
			SampleRate *string `xml:"sample_rate"`
		} `xml:"audio"`
	} `xml:"meta"`
}

func TestNOALBSReadsLiveLostAndOff(t *testing.T) {
	var n noalbs
	raw := xmlFor(t, Reader{})
	if err := xml.Unmarshal(raw, &n); err != nil || len(n.Server.Applications) != 1 || *n.Server.Applications[0].Name != "live" {
		t.Fatalf("%v in %s", err, raw)
	}
	found := map[string]noalbsStream{}
	for _, s := range n.Server.Applications[0].Live.Streams {
		if _, err := strconv.ParseUint(*s.BwVideo, 10, 32); err != nil {
			t.Errorf("%s: bw_video %q is no u32", *s.Name, *s.BwVideo)
		}
		if s.Meta != nil && (s.Meta.Video == nil || s.Meta.Audio == nil) {
			t.Errorf("%s: half a meta", *s.Name)
		}
		if s.Meta != nil {
			for _, v := range []*string{s.Meta.Video.FrameRate, s.Meta.Video.Level} {
				if _, err := strconv.ParseFloat(*v, 64); err != nil {
					t.Errorf("%s: %q is no number", *s.Name, *v)
				}
			}
			v, a := s.Meta.Video, s.Meta.Audio
			for _, v := range []*string{v.Width, v.Height, v.Compat, a.Channels, a.SampleRate} {
				if _, err := strconv.Atoi(*v); err != nil {
					t.Errorf("%s: %q is no whole number", *s.Name, *v)
				}
			}
		}
		found[*s.Name] = s
	}
	if s := found["ann"]; s.Active == nil || *s.BwVideo != "6000000" || s.Meta == nil {
		t.Errorf("live: %+v", s)
	}
	if s, there := found["bob"]; !there || s.Active != nil {
		t.Errorf("lost: %+v", s)
	}
	if s, there := found["cy"]; !there || s.Active != nil || s.Meta != nil {
		t.Errorf("starting: %+v", s)
	}
	if _, there := found["zoe"]; there {
		t.Error("who is off the air is there")
	}
}

func TestTheXMLIsTheModulesElementForElement(t *testing.T) {
	text := string(xmlFor(t, Reader{Admin: true}))
	at := 0
	for _, want := range []string{
		"<rtmp>", "<nginx_version>", "<nginx_rtmp_version>", "<compiler>", "<built>", "<pid>", "<uptime>", "<naccepted>9</naccepted>",
		"<bw_in>", "<bytes_in>", "<bw_out>", "<bytes_out>", "<server>", "<application>", "<name>live</name>", "<live>",
		"<stream>", "<name>ann</name>", "<time>", "<bw_in>6160000</bw_in>", "<bytes_in>2772000000</bytes_in>", "<bw_out>", "<bytes_out>1099511627776</bytes_out>",
		"<bw_audio>160000</bw_audio>", "<bw_video>6000000</bw_video>",
		"<client><id>1</id><address>192.0.2.7:4000</address><time>", "<flashver>", "<dropped>7</dropped><avsync>0</avsync><timestamp>", "<publishing/><active/></client>",
		"<meta><video><width>1920</width><height>1080</height><frame_rate>59.94</frame_rate><codec>H264</codec><profile>High</profile><compat>0</compat><level>4.2</level></video>",
		"<audio><codec>AAC</codec><profile>LC</profile><channels>2</channels><sample_rate>48000</sample_rate></audio></meta>",
		"<nclients>6</nclients>", "<publishing/>", "<active/>", "</stream>",
		"<name>bob</name>", "<nclients>0</nclients>\n</stream>", "<name>cy</name>", "<nclients>1</nclients>\n<publishing/>\n</stream>",
		"<codec>H265</codec>", "</stream>\n<nclients>8</nclients>", "</live>", "</application>", "</server>", "</rtmp>",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%s does not follow in\n%s", want, text[at:])
		}
		at += i
	}
}

// The encoder's name is a stranger's text, here one that tries to close its
// element.
func TestAStrangersNameCannotLeaveItsElement(t *testing.T) {
	raw := xmlFor(t, Reader{Admin: true})
	for d := xml.NewDecoder(bytes.NewReader(raw)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
			t.Fatal("it did")
		}
	}
	for _, secret := range []string{"192.0.2.7", "OBS", "KEYID", "KEYLABEL"} {
		if bytes.Contains(xmlFor(t, Reader{}), []byte(secret)) {
			t.Errorf("a stranger sees %s", secret)
		}
	}
	if bytes.Contains(raw, []byte("KEYID")) {
		t.Error("the key's id is in it")
	}
}

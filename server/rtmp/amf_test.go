package rtmp

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

func TestWhatHonestPublishersSendIsParsed(t *testing.T) {
	for name, want := range map[string]amf0.Data{
		"a command":      {"connect", 1.0, amf0.Object{{Key: "app", Value: "live"}, {Key: "q", Value: false}}},
		"metadata":       {"@setDataFrame", "onMetaData", amf0.ECMAArray{{Key: "width", Value: 1920.0}, {Key: "", Value: nil}}[:1]},
		"nulls":          {"createStream", 4.0, nil},
		"nested":         {amf0.Object{{Key: "list", Value: amf0.StrictArray{"av01", amf0.Object{}, amf0.StrictArray{}, 1.0}}, {Key: "x", Value: true}}},
		"a long string":  {strings.Repeat("x", 60000)},
		"sixteen levels": {nest(16)},
	} {
		b, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseAMF(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := got.Marshal(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: became %v", name, got)
		}
	}
}

// nest returns n objects, each in the next.
func nest(n int) any {
	var v any = amf0.Object{}
	for range n - 1 {
		v = amf0.Object{{Key: "a", Value: v}}
	}
	return v
}

func TestAMFThatCouldHurtIsRefusedBeforeItIsParsed(t *testing.T) {
	deep, _ := amf0.Data{nest(17)}.Marshal()
	for name, b := range map[string][]byte{
		"seventeen levels":          deep,
		"too long":                  repeat(maxAMFBody+1, amfNull),
		"too many values":           repeat(maxAMFValues+1, amfNull),
		"too many ends":             bytes.Repeat([]byte{amfObject, 0, 0, amfObjectEnd}, maxAMFValues),
		"an object without end":     {amfObject, 0, 1, 'a', amfNull},
		"a key without value":       {amfObject, 0, 1, 'a'},
		"an end without an object":  {0, 0, amfObjectEnd},
		"an array that is short":    {amfArray, 0, 0, 0, 2, amfNull},
		"an array of four billion":  {amfArray, 0xff, 0xff, 0xff, 0xff, amfNull},
		"a number cut short":        {amfNumber, 1, 2},
		"a marker nobody sends":     {0x10},
		"a reference":               {7, 0, 0},
		"a string longer than that": {amfString, 0, 5, 'a'},
	} {
		if _, err := parseAMF(b); !errors.Is(err, errProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

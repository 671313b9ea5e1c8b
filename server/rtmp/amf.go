package rtmp

import (
	"encoding/binary"
	"fmt"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

// What an honest connect or onMetaData stays far below: OBS sends 25 values at
// depth 2.
const (
	maxAMFDepth  = 16
	maxAMFValues = 1024
	maxAMFKey    = 256
	maxAMFBody   = 64 << 10
)

// AMF0 markers, as in Adobe's amf0-file-format-specification §2.1.
const (
	amfNumber    = 0
	amfBoolean   = 1
	amfString    = 2
	amfObject    = 3
	amfNull      = 5
	amfUndefined = 6
	amfECMAArray = 8
	amfObjectEnd = 9
	amfArray     = 10
)

// parseAMF decodes body after checking its shape. amf0.Unmarshal recurses as
// deep as the sender likes, and a Go stack overflow cannot be recovered: one
// stranger could end the whole process.
func parseAMF(body []byte) (amf0.Data, error) {
	if err := checkAMF(body); err != nil {
		return nil, err
	}
	d, err := amf0.Unmarshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: AMF0 that does not parse", errProtocol)
	}
	return d, nil
}

// checkAMF walks body with a stack of its own and counts.
func checkAMF(b []byte) error {
	if len(b) > maxAMFBody {
		return fmt.Errorf("%w: AMF0 of %d bytes", errProtocol, len(b))
	}
	w := amfWalk{rest: b}
	for values := 0; len(w.rest) > 0 || len(w.open) > 0; values++ {
		if values >= maxAMFValues {
			return fmt.Errorf("%w: more than %d AMF0 values", errProtocol, maxAMFValues)
		}
		if err := w.value(); err != nil {
			return err
		}
	}
	return nil
}

// amfWalk is a position in AMF0 data. open holds, per container, how many
// values a strict array still has, or keyed for an object.
type amfWalk struct {
	rest []byte
	open []int64
}

const keyed = -1

func (w *amfWalk) take(n int) ([]byte, error) {
	if n > len(w.rest) {
		return nil, fmt.Errorf("%w: AMF0 ends early", errProtocol)
	}
	b := w.rest[:n]
	w.rest = w.rest[n:]
	return b, nil
}

// value steps over one value, or over the end of a container.
func (w *amfWalk) value() error {
	if done, err := w.closeOrKey(); done || err != nil {
		return err
	}
	m, err := w.take(1)
	if err != nil {
		return err
	}
	switch m[0] {
	case amfNumber:
		_, err = w.take(8)
	case amfBoolean:
		_, err = w.take(1)
	case amfString:
		err = w.text(maxAMFBody)
	case amfNull, amfUndefined:
	case amfObject:
		err = w.push(keyed)
	case amfECMAArray:
		if _, err = w.take(4); err == nil {
			err = w.push(keyed)
		}
	case amfArray:
		var n []byte
		if n, err = w.take(4); err == nil {
			err = w.push(int64(binary.BigEndian.Uint32(n)))
		}
	default:
		err = fmt.Errorf("%w: AMF0 marker %d", errProtocol, m[0])
	}
	return err
}

// closeOrKey handles what stands before a value inside a container: the end of
// it (done), or a key.
func (w *amfWalk) closeOrKey() (done bool, err error) {
	if len(w.open) == 0 {
		return false, nil
	}
	top := &w.open[len(w.open)-1]
	if *top == 0 {
		w.pop()
		return true, nil
	}
	if *top > 0 {
		*top--
		return false, nil
	}
	if len(w.rest) >= 3 && w.rest[0] == 0 && w.rest[1] == 0 && w.rest[2] == amfObjectEnd {
		w.rest = w.rest[3:]
		w.pop()
		return true, nil
	}
	return false, w.text(maxAMFKey)
}

func (w *amfWalk) push(kind int64) error {
	if len(w.open) >= maxAMFDepth {
		return fmt.Errorf("%w: AMF0 deeper than %d", errProtocol, maxAMFDepth)
	}
	w.open = append(w.open, kind)
	return nil
}

func (w *amfWalk) pop() { w.open = w.open[:len(w.open)-1] }

func (w *amfWalk) text(limit int) error {
	n, err := w.take(2)
	if err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint16(n))
	if size > limit {
		return fmt.Errorf("%w: AMF0 key of %d bytes", errProtocol, size)
	}
	_, err = w.take(size)
	return err
}

// object returns d[i] as an object or array of named values, nil otherwise.
func object(d amf0.Data, i int) amf0.Object {
	if i >= len(d) {
		return nil
	}
	switch o := d[i].(type) {
	case amf0.Object:
		return o
	case amf0.ECMAArray:
		return amf0.Object(o)
	}
	return nil
}

func text(d amf0.Data, i int) string {
	if i >= len(d) {
		return ""
	}
	s, _ := d[i].(string)
	return s
}

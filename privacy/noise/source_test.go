package noise

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// seeded is a source with a seed. Only test files can make one.
func seeded(seed uint64) *Source {
	var key [16]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	return source(func(buf []byte) {
		clear(buf)
		stream.XORKeyStream(buf, buf)
	})
}

func source(fill func([]byte)) *Source {
	r := &Source{fill: fill, buf: make([]byte, sourceSize), at: sourceSize}
	r.self = r
	return r
}

// script is a source that gives words first, and then goes on as seeded does.
func script(seed uint64, words ...uint64) *Source {
	rest := seeded(seed)
	return source(func(buf []byte) {
		for i := 0; i < len(buf); i += 8 {
			w := uint64(0)
			if len(words) > 0 {
				w, words = words[0], words[1:]
			} else {
				w = rest.word()
			}
			binary.LittleEndian.PutUint64(buf[i:], w)
		}
	})
}

func TestSourceIsFresh(t *testing.T) {
	a, b := NewSource(), NewSource()
	a.word()
	b.word()
	if bytes.Equal(a.buf, b.buf) {
		t.Error("two sources give the same words")
	}
	before := bytes.Clone(a.buf)
	for range sourceSize / 8 {
		a.word()
	}
	if bytes.Equal(a.buf, before) {
		t.Error("two fills give the same words")
	}
}

func TestSourceRefusals(t *testing.T) {
	g := Gaussian{100, 1}
	closed := NewSource()
	closed.word()
	closed.Close()
	copied := *NewSource()
	for name, r := range map[string]*Source{"nil": nil, "zero": {}, "closed": closed, "copied": &copied} {
		x := []int64{5, 6}
		if g.Add(x, r) == nil {
			t.Errorf("%s: drawn from", name)
		}
		if x[0] != 5 || x[1] != 6 {
			t.Errorf("%s: x changed", name)
		}
	}
	if !bytes.Equal(closed.buf, make([]byte, sourceSize)) {
		t.Error("Close leaves randomness behind")
	}
}

// The buffer is all ones, so that any leak of it shows as 255, ff or /////.
func TestSourceIsWithheld(t *testing.T) {
	r := source(func(buf []byte) {
		for i := range buf {
			buf[i] = 255
		}
	})
	r.word()
	var log bytes.Buffer
	timeless := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	slog.New(slog.NewTextHandler(&log, timeless)).Info("x", "pointer", r, "value", *r)
	slog.New(slog.NewJSONHandler(&log, timeless)).Info("x", "pointer", r, "value", *r)
	js, err := json.Marshal(r) //nolint:staticcheck // that nothing is in it is the point
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(js)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		out += fmt.Sprintf(verb, r) + fmt.Sprintf(verb, *r) + fmt.Sprintf(verb, struct{ R *Source }{r})
	}
	if n := strings.Count(out, withheld); n != 4+3*7 {
		t.Errorf("said to be withheld %d times", n)
	}
	for _, leak := range []string{"255", "ff", "FF", "//", "8008"} { // 8008: where it stands
		if strings.Contains(out, leak) {
			t.Errorf("%q in %.300q", leak, out)
		}
	}
}

// below gives each value equally often; the rejected words are those that would
// make it uneven. Enumerated by the words at the edges of each value's share.
func TestBelow(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 7, 1 << 20, 1<<33 - 1, 1<<63 - 1} {
		for _, k := range []uint64{0, 1, n / 2, n - 1} {
			if k >= n {
				continue
			}
			// The least word of value k with an unsurplus low word.
			r := script(9, edge(k, n))
			if got := r.below(n); got != k || r.at != 8 {
				t.Errorf("n=%d: the first word of %d gives %d after %d bytes", n, k, got, r.at)
			}
			if e := edge(k, n); n > 1 && n&(n-1) != 0 && e > 0 {
				if r := script(9, e-1); r.below(n) == k && r.at == 8 {
					t.Errorf("n=%d: the word before the first of %d gives it too", n, k)
				}
			}
		}
	}
}

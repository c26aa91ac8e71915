package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
)

// A Source is the randomness of one release: a buffer that is filled with the
// key stream of AES-256 in counter mode, under a fresh key of crypto/rand each
// time. No key is kept between two fills, and what was drawn before the last
// one cannot be had from the Source.
//
// There is no seed. The zero Source and a copy of a Source are refused, since
// two draws with the same randomness would cancel out. A Source is for one
// goroutine; take one each.
type Source struct {
	fill func([]byte) // nil: closed, or never opened
	buf  []byte
	at   int
	self *Source
}

// sourceSize is a multiple of 8. A fill costs a system call and a key schedule;
// at this size that is a tenth of its time.
const sourceSize = 1 << 15

var errSource = errors.New("noise: the source of randomness is closed, copied or was not made by NewSource")

// NewSource returns randomness for one release. Close it after the last draw.
// It cannot fail: crypto/rand ends the process when the system has none.
func NewSource() *Source {
	r := &Source{fill: keystream, buf: make([]byte, sourceSize), at: sourceSize}
	r.self = r
	return r
}

// keystream overwrites buf. The key schedule itself is left to the garbage
// collector: the standard library has no way to clear it.
func keystream(buf []byte) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // documented never to fail
	block, err := aes.NewCipher(key[:])
	clear(key[:])
	if err != nil {
		panic("noise: AES refuses a key of 32 bytes")
	}
	clear(buf)
	// A key is used once, so that the counter may start at 0.
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(buf, buf)
}

// Close overwrites what is left. Draws from r fail from then on.
func (r *Source) Close() {
	clear(r.buf)
	r.fill, r.at = nil, len(r.buf)
}

func (r *Source) usable() bool { return r != nil && r.self == r && r.fill != nil }

// Format withholds the contents, whatever the verb.
func (Source) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, withheld) }

// LogValue implements [slog.LogValuer]; it withholds the contents.
func (Source) LogValue() slog.Value { return slog.StringValue(withheld) }

const withheld = "noise.Source(withheld)"

// word returns 64 fresh bits.
func (r *Source) word() uint64 {
	if r.at >= len(r.buf) {
		r.fill(r.buf)
		r.at = 0
	}
	w := binary.LittleEndian.Uint64(r.buf[r.at:])
	r.at += 8
	return w
}

// below returns a uniform integer in [0, n), 1 <= n < 2^63.
//
// The high word of w·n takes each value for ⌊2⁶⁴/n⌋ or one more words w; those
// whose low word is under 2⁶⁴ mod n are the surplus, and are drawn again.
func (r *Source) below(n uint64) uint64 {
	hi, lo := bits.Mul64(r.word(), n)
	if lo < n {
		for surplus := -n % n; lo < surplus; {
			hi, lo = bits.Mul64(r.word(), n)
		}
	}
	return hi
}

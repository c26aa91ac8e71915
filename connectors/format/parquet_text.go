package format

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// appendText writes a value of the leaf, given by its bytes in the order of
// the file, as text.
func (l leaf) appendText(to, v []byte) []byte {
	switch l.physical {
	case pqBoolean:
		return strconv.AppendBool(to, v[0] != 0)
	case pqInt32:
		return l.appendInt(to, int64(int32(binary.LittleEndian.Uint32(v))), 32)
	case pqInt64:
		return l.appendInt(to, int64(binary.LittleEndian.Uint64(v)), 64)
	case pqInt96: // a point in time, of older programs: nanoseconds, and days since noon of 4714 BC
		return appendTime(to, (int64(binary.LittleEndian.Uint32(v[8:]))-2440588)*86400, int64(binary.LittleEndian.Uint64(v)), false)
	case pqFloat:
		return appendFloat(to, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))), 32)
	case pqDouble:
		return appendFloat(to, math.Float64frombits(binary.LittleEndian.Uint64(v)), 64)
	}
	switch l.logical.kind {
	case aDecimal:
		return appendDecimal(to, bigEndian(v), l.logical.scale)
	case aUUID:
		h := hex.EncodeToString(v)
		return append(to, h[:8]+"-"+h[8:12]+"-"+h[12:16]+"-"+h[16:20]+"-"+h[20:]...)
	case aHalf:
		return appendFloat(to, half(binary.LittleEndian.Uint16(v)), 32)
	}
	return append(to, v...)
}

func (l leaf) appendInt(to []byte, v int64, bits int) []byte {
	switch unit := l.logical.unit; l.logical.kind {
	case unsigned:
		if bits == 32 {
			return strconv.AppendUint(to, uint64(uint32(v)), 10)
		}
		return strconv.AppendUint(to, uint64(v), 10)
	case aDecimal:
		return appendDecimal(to, big.NewInt(v), l.logical.scale)
	case aDate:
		if v < -1<<23 || v > 1<<23 { // beyond the years that are written with four digits
			break
		}
		return time.Unix(v*86400, 0).UTC().AppendFormat(to, "2006-01-02")
	case aTime:
		t := time.Unix(v/unit, v%unit*(1e9/unit)).UTC()
		return t.AppendFormat(to, "15:04:05.999999999")
	case aTimestamp:
		return appendTime(to, v/unit, v%unit*(1e9/unit), l.logical.utc)
	}
	return strconv.AppendInt(to, v, 10)
}

func appendTime(to []byte, seconds, nanos int64, utc bool) []byte {
	to = time.Unix(seconds, nanos).UTC().AppendFormat(to, "2006-01-02T15:04:05.999999999")
	if utc {
		to = append(to, 'Z')
	}
	return to
}

// appendFloat writes NaN, which programs write where they have no number, as nothing.
func appendFloat(to []byte, f float64, bits int) []byte {
	size := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return to
	case bits == 64:
		return appendNumber(to, f)
	case f != 0 && (size < 1e-6 || size >= 1e21):
		return strconv.AppendFloat(to, f, 'e', -1, bits)
	default:
		return strconv.AppendFloat(to, f+0, 'f', -1, bits)
	}
}

func bigEndian(v []byte) *big.Int {
	n := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	return n
}

// appendDecimal writes n / 10^scale with all its digits.
func appendDecimal(to []byte, n *big.Int, scale int64) []byte {
	digits := new(big.Int).Abs(n).String()
	if n.Sign() < 0 {
		to = append(to, '-')
	}
	if scale == 0 {
		return append(to, digits...)
	}
	if pad := int(scale) + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	point := len(digits) - int(scale)
	return append(append(append(to, digits[:point]...), '.'), digits[point:]...)
}

// half widens a number of 16 bits.
func half(v uint16) float64 {
	sign, exp, frac := 1.0, int(v>>10&31), float64(v&1023)
	if v&0x8000 != 0 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac == 0 {
			return math.Inf(int(sign))
		}
		return math.NaN()
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

package normalize

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRowKeys: keys are the same only where period and codes are, whether they
// fit into 64 bits, into 128, or not.
func TestRowKeys(t *testing.T) {
	for name, leaves := range map[string][]int{
		"none": {}, "narrow": {3, 200}, "wide": {40_000, 40_000, 40_000, 3, 1 << 20}, "full": {1<<30 - 1, 1<<30 - 1, 1<<30 - 1, 1<<20 - 1, 1}, "too wide": {1 << 30, 1 << 30, 1 << 30, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeys(duplicatesError, nil, leaves)
			if (k.widths == nil) != (name == "too wide" || name == "none") {
				t.Fatalf("widths %v", k.widths)
			}
			rapid.Check(t, func(t *rapid.T) {
				draw := func(label string) (uint32, []uint32) {
					codes := make([]uint32, len(leaves))
					for d, n := range leaves {
						codes[d] = uint32(rapid.IntRange(0, n-1).Draw(t, label))
					}
					return uint32(rapid.IntRange(0, 1<<periodBits-1).Draw(t, label)), codes
				}
				p, a := draw("a")
				q, b := draw("b")
				if len(leaves) > 0 && rapid.Bool().Draw(t, "near") { // one code apart, or none
					q, b = p, append([]uint32{}, a...)
					b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= uint32(rapid.IntRange(0, 1).Draw(t, "bit"))
				}
				same := p == q
				for d := range a {
					same = same && a[d] == b[d]
				}
				if (k.key(0, p, a) == k.key(0, q, b)) != same {
					t.Fatalf("%d %v and %d %v", p, a, q, b)
				}
			})
		})
	}
}

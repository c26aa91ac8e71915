package noise

import (
	"fmt"
	"math"
	"testing"

	peer "github.com/google/differential-privacy/go/v3/noise"
)

// One op is one draw. The peers are those of the Laplace mechanism and of its
// sibling, at the same standard deviation.
func BenchmarkDraw(b *testing.B) {
	for _, s := range []uint64{100, 1_000_000, 50_000_000} {
		b.Run(fmt.Sprintf("discrete/s=%d", s), func(b *testing.B) {
			bench(b, Gaussian{s, 1}, width64)
		})
	}
	for _, s := range []uint64{100, 1_000_000, 50_000_000} {
		b.Run(fmt.Sprintf("google-gaussian/s=%d", s), func(b *testing.B) {
			g := peer.Gaussian()
			// σ(ε) at δ = 10⁻⁹ and sensitivity 1 is about 6/ε
			eps := 6 / math.Sqrt(float64(s))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.AddNoiseInt64(0, 1, 1, eps, 1e-9); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b)
		})
		b.Run(fmt.Sprintf("google-laplace/s=%d", s), func(b *testing.B) {
			l := peer.Laplace()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.AddNoiseInt64(0, 1, 1, 1.4142/math.Sqrt(float64(s)), 0); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b)
		})
	}
	b.Run("discrete/s=0.3", func(b *testing.B) { bench(b, Gaussian{300, 1024}, width64) })
	b.Run("discrete-128/s=1000000", func(b *testing.B) { bench(b, Gaussian{1_000_000, 1}, width128) })
	b.Run("discrete-128/s=2^40", func(b *testing.B) { bench(b, Gaussian{1 << 40, 1}, width128) })
	b.Run("discrete-big/s=1000000", func(b *testing.B) { bench(b, Gaussian{1_000_000, 1}, widthBig) })
	b.Run("discrete-big/s=2^60", func(b *testing.B) { bench(b, Gaussian{1 << 60, 1}, widthBig) })
}

func bench(b *testing.B, g Gaussian, w width) {
	r := NewSource()
	defer r.Close()
	s := forced(g, r, w)
	var x int64
	b.ReportAllocs()
	for b.Loop() {
		x = s.plus(x>>1, s.draw())
	}
	perSecond(b)
}

func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

// A release adds to blocks, most of them small.
func BenchmarkAddBlockOf4(b *testing.B) {
	r := NewSource()
	defer r.Close()
	x := make([]int64, 4)
	b.ReportAllocs()
	for b.Loop() {
		clear(x)
		if err := (Gaussian{1_000_000, 1}).Add(x, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuantileOfDifference(b *testing.B) {
	d := Sum{Gaussian{10_000_000_000, 1}, Gaussian{9_000_000_000, 1}}
	for b.Loop() {
		Quantile(d, 0.001)
	}
}

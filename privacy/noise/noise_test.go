package noise

import (
	"math"
	"testing"
)

// The variance formula against the value that the reference prints for b = 3
// and against a sum over the pmf.
func TestLaplaceVariance(t *testing.T) {
	if v := (Laplace{3}).Variance(); math.Abs(v-18.08) > 0.005 {
		t.Errorf("b=3: variance %v, want 18.08", v)
	}
	for _, b := range []float64{0.3, 1, 8, 100} {
		sum := 0.0
		for k := 1.0; k < 60*b+60; k++ {
			sum += 2 * k * k * math.Exp(-k/b) * math.Sinh(0.5/b)
		}
		if v := (Laplace{b}).Variance(); math.Abs(v/sum-1) > 1e-9 {
			t.Errorf("b=%v: variance %v, sum %v", b, v, sum)
		}
	}
}

func TestTailOfOne(t *testing.T) {
	for _, b := range []float64{0.5, 1, 8, 120.5} {
		l := Laplace{b}
		for _, k := range []int64{-1, 0, 1, 2, 7, 60, 400} {
			if got, want := Tail(l, k), l.Tail(k); math.Abs(got-want) > 1e-12 {
				t.Errorf("b=%v k=%d: tail %v, want %v", b, k, got, want)
			}
		}
		for _, a := range []float64{0.5, 0.05, 0.001} {
			if got, want := Quantile(l, a), l.Quantile(a); got != want {
				t.Errorf("b=%v: quantile(%v) %d, want %d", b, a, got, want)
			}
		}
	}
	if q := (Laplace{8}).Quantile(0.05); q != 24 {
		t.Errorf("half width at b=8 is %d, want 24", q)
	}
}

// The tail of a sum against a plain convolution.
func TestTailOfSum(t *testing.T) {
	pmf := func(b float64) []float64 { // index 0 is -400
		p := make([]float64, 801)
		for i := range p {
			k := math.Abs(float64(i - 400))
			p[i] = math.Exp(-k/b) * math.Sinh(0.5/b)
		}
		p[400] = -math.Expm1(-0.5 / b)
		return p
	}
	a, b := pmf(2), pmf(5)
	both := make([]float64, 1601)
	for i, x := range a {
		for j, y := range b {
			both[i+j] += x * y
		}
	}
	for _, k := range []int{1, 5, 20, 60} {
		want := 0.0
		for i, p := range both {
			if d := i - 800; d >= k || d <= -k {
				want += p
			}
		}
		if got := Tail(Sum{Laplace{2}, Laplace{5}}, int64(k)); math.Abs(got-want) > 1e-11 {
			t.Errorf("P(|X|>=%d) = %v, want %v", k, got, want)
		}
	}
}

// What the library draws is the rounded Laplace that the formulas speak of: a
// χ² of 50,000 draws over 31 classes. A false alarm happens once in 100,000
// runs (critical value 77.4 at 30 degrees). At a scale 10 % off the expected
// χ² is about 250, so the second half of the test is certain.
func TestDrawsAreRoundedLaplace(t *testing.T) {
	const n = 50_000
	d := LaplaceDraw{Tables: 3, PerTable: 1, NanoEpsilon: 1_000_000_000}
	l, err := d.Scale()
	if err != nil {
		t.Fatal(err)
	}
	x := make([]int64, n)
	for i := range x {
		x[i] = 100
	}
	if err := d.Add(x); err != nil {
		t.Fatal(err)
	}
	chi := func(l Laplace) (sum float64) {
		var seen [31]float64
		for _, v := range x {
			seen[max(0, min(30, v-100+15))]++
		}
		for i := range seen {
			k := int64(i - 15)
			if k < 0 {
				k = -k
			}
			p := (l.Tail(k) - l.Tail(k+1)) / 2
			switch {
			case k == 0:
				p = 1 - l.Tail(1)
			case k == 15:
				p = l.Tail(15) / 2
			}
			e := p * n
			sum += (seen[i] - e) * (seen[i] - e) / e
		}
		return sum
	}
	if c := chi(l); c > 77.4 {
		t.Errorf("χ² %.1f with 30 degrees of freedom", c)
	}
	if c := chi(Laplace{l.B * 1.1}); c < 77.4 {
		t.Errorf("the test has no power: χ² %.1f at a scale 10 %% off", c)
	}
}

func TestScaleRefuses(t *testing.T) {
	for _, d := range []LaplaceDraw{{}, {1, 1, 1}, {1 << 40, 1 << 20, 5}, {0, 1, 1e9}, {1, 0, 1e9}} {
		if _, err := d.Scale(); err == nil {
			t.Errorf("%+v accepted", d)
		}
		if d.Add(make([]int64, 1)) == nil {
			t.Errorf("%+v drawn", d)
		}
	}
}

// Wide noise goes through the shrunken form; it stays within 10^-3 of the closed form.
func TestTailOfWide(t *testing.T) {
	l := Laplace{1e6}
	for _, k := range []int64{1, 500_000, 3_000_000, 12_000_000} {
		if got, want := Tail(l, k), l.Tail(k); math.Abs(got-want) > 1e-3 {
			t.Errorf("k=%d: %v, want %v", k, got, want)
		}
	}
}

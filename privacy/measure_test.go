package privacy

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"
)

// testLedger keeps charges in memory and can fail at one step.
type testLedger struct {
	charges map[Key]Charge
	files   map[Key][]byte
	failure error // of Seal
	log     []string
}

func newTestLedger() *testLedger {
	return &testLedger{charges: map[Key]Charge{}, files: map[Key][]byte{}}
}

func (l *testLedger) Reserve(_ context.Context, c Charge) error {
	l.log = append(l.log, "reserve")
	if old, ok := l.charges[c.Key]; ok && !old.Same(c) {
		return ErrPinned
	}
	l.charges[c.Key] = c
	return nil
}

func (l *testLedger) Seal(_ context.Context, k Key, b []byte) error {
	if l.failure != nil {
		return l.failure
	}
	l.log = append(l.log, "seal")
	if _, ok := l.charges[k]; !ok || l.files[k] != nil {
		return errors.New("not reserved, or sealed before")
	}
	l.files[k] = b
	return nil
}

func (l *testLedger) Sealed(_ context.Context, k Key) ([]byte, error) {
	if b := l.files[k]; b != nil {
		return b, nil
	}
	return nil, ErrNotReleased
}

func filled(t testing.TB, s Spec, p Period, codes [][]uint32, n []int64) Cube {
	t.Helper()
	c, err := NewCube(s, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(codes, n); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMeasureOnce(t *testing.T) {
	s, l := tree(), newTestLedger()
	k := Key{"t", 1, year(t, 2026), 1}
	c := filled(t, s, k.Period, [][]uint32{{1, 7}, {0, 2}}, []int64{50, 9})
	r, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, l)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.charges[k]; got.Cost != 1e9 || got.SpecDigest != s.Digest() || got.InputDigest != "in" || got.Terms.Cap() != 1e9 {
		t.Errorf("charge %+v", got)
	}
	again, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, l)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.File(), again.File()) || len(l.log) != 2 {
		t.Errorf("measured twice: %v", l.log)
	}
	for _, tb := range s.Tables {
		cells, err := r.Cells(tb.Name)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := r.Model()
		if len(cells.Value) != m.Cells(tb) {
			t.Errorf("%s: %d cells", tb.Name, len(cells.Value))
		}
		for i, v := range cells.Value {
			if v < 0 || cells.Low[i] < 0 || cells.Low[i] > v || cells.High[i] < v {
				t.Errorf("%s: value %d outside [%d, %d]", tb.Name, v, cells.Low[i], cells.High[i])
			}
		}
	}
}

// Nothing is charged for what cannot be released, and what was charged can be
// finished without a new charge.
func TestMeasureFailsBeforeTheCharge(t *testing.T) {
	s := tree()
	k := Key{"t", 1, year(t, 2026), 1}
	ok := func() Cube { return filled(t, s, k.Period, [][]uint32{{0}, {0}}, []int64{3}) }
	other := tree()
	other.Tables = other.Tables[:2]
	for name, tc := range map[string]struct {
		c Cube
		k Key
	}{
		"zero cube":      {Cube{}, k},
		"other period":   {ok(), Key{"t", 1, year(t, 2025), 1}},
		"other dataset":  {ok(), Key{"u", 1, k.Period, 1}},
		"other series":   {ok(), Key{"t", 2, k.Period, 1}},
		"other edition":  {ok(), Key{"t", 1, k.Period, 2}},
		"edition zero":   {ok(), Key{"t", 1, k.Period, 0}},
		"other spec":     {filled(t, other, k.Period, nil2(), nil), k},
		"too many":       {filled(t, s, k.Period, [][]uint32{{0, 1}, {0, 0}}, []int64{1 << 40, 1}), k},
		"too many below": {filled(t, s, k.Period, [][]uint32{{0, 1}, {0, 0}}, []int64{-1 << 40, 1}), k},
	} {
		l := newTestLedger()
		if _, err := Measure(t.Context(), s, tc.c, tc.k, Input{Digest: "in"}, l); err == nil || len(l.charges) > 0 {
			t.Errorf("%s: error %v, %d charges", name, err, len(l.charges))
		}
	}
	l := newTestLedger()
	l.failure = errors.New("disk full")
	c := ok()
	if _, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, l); !errors.Is(err, l.failure) {
		t.Fatal(err)
	}
	l.failure = nil
	if _, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, l); err != nil || len(l.charges) != 1 || len(l.log) != 3 {
		t.Errorf("after a crash before the seal: %v, %v", err, l.log)
	}
	if _, err := Measure(t.Context(), s, c, Key{"t", 1, k.Period, 1}, Input{Digest: "other"}, &testLedger{charges: l.charges, files: map[Key][]byte{}}); !errors.Is(err, ErrPinned) {
		t.Errorf("another input under the same charge: %v", err)
	}
}

func nil2() [][]uint32 { return [][]uint32{{}, {}} }

// The scale of the noise and the interval, over 12,000 cells with known counts.
// (estimate - truth)/sd has an rms of 1 ± 0.0097 (sd; kurtosis 6), so the range
// 0.95–1.05 is 5 sd: a false alarm in 2 million runs. Coverage of the 95 %
// interval is at least 0.95 ± 0.002, so 0.94 is 5 sd below. With M forgotten (2
// here) the rms is 0.5, with a table forgotten 0.5.
func TestNoiseIsWhatIsClaimed(t *testing.T) {
	s := flat(2, 77, at("cells", 1, 1), at("a", 1, 0))
	s.Sources[0].PerPeriod = 2
	var codes [2][]uint32
	var n []int64
	for a := range uint32(77) {
		for b := range uint32(77) {
			codes[0], codes[1], n = append(codes[0], a), append(codes[1], b), append(n, int64(a*b))
		}
	}
	var sq, cover, cells float64
	for _, y := range []int{2024, 2025} {
		k := Key{"t", 1, year(t, y), 1}
		r, err := Measure(t.Context(), s, filled(t, s, k.Period, codes[:], n), k, Input{Digest: "in"}, newTestLedger())
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Cells("cells")
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			z := (c.Estimate[i] - float64(n[i])) / c.SD[i]
			sq, cells = sq+z*z, cells+1
			if c.Low[i] <= n[i] && n[i] <= c.High[i] {
				cover++
			}
		}
		if want := math.Sqrt(2) * 4; math.Abs(c.SD[0]-want) > 0.05 {
			t.Errorf("sd %v, want about %v: b = 2 tables · M 2 / ε 1", c.SD[0], want)
		}
	}
	if rms := math.Sqrt(sq / cells); rms < 0.95 || rms > 1.05 {
		t.Errorf("rms of (estimate - truth)/sd over %.0f cells: %.4f", cells, rms)
	}
	if c := cover / cells; c < 0.94 {
		t.Errorf("coverage %.4f", c)
	}
}

// A sealed file that is not what it says is an error, never a panic.
func FuzzOpenRelease(f *testing.F) {
	s, l := tree(), newTestLedger()
	k := Key{"t", 1, year(f, 2026), 1}
	if _, err := Measure(f.Context(), s, filled(f, s, k.Period, [][]uint32{{1}, {0}}, []int64{5}), k, Input{Digest: "in"}, l); err != nil {
		f.Fatal(err)
	}
	f.Add(l.files[k])
	f.Add([]byte(`{"format":"halftone-sealed/1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := OpenRelease(t.Context(), k, &testLedger{files: map[Key][]byte{k: b}})
		if err != nil {
			return
		}
		m, err := r.Model()
		if err != nil {
			t.Fatal(err)
		}
		for _, tb := range m.Tables {
			if c, err := r.Cells(tb.Name); err != nil || len(c.Value) != m.Cells(tb) {
				t.Fatal("cells of an accepted file", err)
			}
		}
	})
}

func TestZeroRelease(t *testing.T) {
	var r Release
	if _, err := r.Key(); !errors.Is(err, ErrNotReleased) {
		t.Error("key")
	}
	if _, err := r.Model(); !errors.Is(err, ErrNotReleased) {
		t.Error("model")
	}
	if _, err := r.Cells("x"); !errors.Is(err, ErrNotReleased) {
		t.Error("cells")
	}
	if _, err := r.Noise("x", 0); !errors.Is(err, ErrNotReleased) || r.File() != nil {
		t.Error("noise, file")
	}
}

// Between draw and seal nothing fails because of a value: the largest and
// smallest counts that pass the check before the charge are drawn on, sealed and
// opened, and one more is refused with nothing charged.
func TestInvariant6NoFailureAfterTheCharge(t *testing.T) {
	laplace := tree()
	planner := planned(tree(), 20_000_000)
	for name, s := range map[string]Spec{"laplace": laplace, "planner": planner} {
		for _, n := range []int64{0, 1, -1, maxSum, -maxSum} {
			l := newTestLedger()
			k := Key{"t", 1, year(t, 2026), 1}
			r, err := Measure(t.Context(), s, filled(t, s, k.Period, [][]uint32{{1}, {2}}, []int64{n}), k, Input{Digest: "in"}, l)
			if err != nil || len(l.log) != 2 {
				t.Errorf("%s, extreme count: %v after %v", name, err, l.log)
				continue
			}
			for _, tb := range s.Tables {
				if _, err := r.Cells(tb.Name); err != nil {
					t.Errorf("%s, extreme count, table %s: %v", name, tb.Name, err)
				}
			}
		}
		l := newTestLedger()
		k := Key{"t", 1, year(t, 2026), 1}
		if _, err := Measure(t.Context(), s, filled(t, s, k.Period, [][]uint32{{1}, {2}}, []int64{maxSum + 1}), k, Input{Digest: "in"}, l); err == nil || len(l.log) > 0 {
			t.Errorf("%s: one more is accepted: %v, %v", name, err, l.log)
		}
	}
}

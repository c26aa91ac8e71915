package normalize

// Sensitivity gives L of what m sends to the cube: the most by which all leaf
// cells of one period together move, in L1, when one unit of a person's
// contribution comes or goes. rowL below is that of a single figure:
// [Value.Sensitivity].
//
// Without `rest` every row is counted for itself and L is rowL: drop and check
// leave totals out. With `rest` over a chain of G grains it is G·rowL, or 1
// where every figure is exact.
//
// Proof. A unit lies in at most one cell c_j of each grain j = 1 … G of the
// chain, finest first, and c_j lies in c_{j+1}. Let D_j be the change of V_j, the
// value of c_j: its total if it has rows, else the sum of its parts; D_0 = 0.
// What enters the cube at grain j is V_1 for j = 1 and V_j minus the sum of V_{j-1}
// over the parts of c_j for j > 1; no other cell has a part or a total that
// changes. So the L1 change is at most |D_1| + Σ_{j>1} |D_j − D_{j−1}|, which is
// Σ_j |D_j − D_{j−1}|.
//
// A figure that does not fall when its count rises, by at most rowL for one, has
// every D_j in [0, rowL]: either the figure's own step, or D_{j−1}. Then each of
// the G terms is at most rowL. (A rounding at random is a mixture of such
// figures: draw one uniform number a figure and use it in both worlds.)
//
// If all figures are exact, D_j is 0 or 1, and a unit that is counted in a part
// is counted in its totals, so that D_1 ≤ D_2 ≤ … ≤ D_G ≤ 1: the sum telescopes
// to D_G ≤ 1. That needs steps of exactly 1. A figure that stands still while
// others move undoes it, which is what clipping, the larger of two duplicates and
// a correction by hand do: with these it is G also where rowL is 1.
//
// The bound is met for any G by figures of which one grain's moves by rowL and the
// next one's not at all, by turns, as rounding to a base does; for `<t` read as v
// it is less: 5 of 6 for `<5` as 2 and two grains, 7 of 9 for three.
//
// The caller guarantees what `contribution` states: per_period units a person, of
// which each is in at most one part of a total; parts that overlap are what
// max_below finds. And that no figure falls when its count rises: so it is where a
// publisher writes a figure by one of the declared statuses, whichever; were one
// to fall by up to rowL, every D_j would lie in [−rowL, rowL] and 2G−1 take the
// place of G.
func (m Mapping) Sensitivity() int64 { return m.withRest(m.Value.Sensitivity()) }

// withRest gives what L becomes by rests of totals.
func (m Mapping) withRest(rowL int64) int64 {
	g := int64(len(m.Grains))
	if g < 2 || m.Totals.Use != totalsRest || rowL == 1 && !m.stands() {
		return rowL
	}
	return g * rowL
}

// stands reports whether a figure may stand still when its count moves by one,
// for another reason than how the source writes it.
func (m Mapping) stands() bool {
	return m.Bounds.Clip || m.Duplicates == duplicatesMax || m.ByHand()
}

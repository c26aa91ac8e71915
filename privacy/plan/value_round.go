package plan

import (
	"math"
	"math/bits"
)

// round returns whole numbers near the fit x that add up to the total: each cell
// is x rounded down, or one more.
//
// It is error diffusion, as in a halftone. Cells are taken in order. Each has its
// fraction taken away from the sum of every table, and gets the unit if that
// lowers Σ_B w_B (error of the table cell)², the total being a table too, of the
// largest weight, and errors being those up to here. Cells in need of units pass
// them on to the next of the same table cell. One pass of O(cells · tables) thus
// keeps all sums close at the same time. To give units one at a time to the best
// cell costs about the same error in a thousand cells and several times as much
// in 65,536, where it also needs a thousand looks at a cell for each unit.
//
// Exactly the missing units are given: no cell gets one when none is left, and
// every cell does when there are no more cells with a fraction than units.
func (p *problem) round() []int64 {
	out, open, missing := p.down()
	f, rest := p.f, 0.0
	for k := range out {
		rest += p.x[k]
	}
	off := p.next // errors so far, by node
	clear(off)
	code, at := make([]int, len(f.shape)), make([]int, len(f.nodes))
	for k := range out {
		if missing == 0 {
			break
		}
		frac := p.x[k]
		if frac == 0 {
			continue
		}
		rest -= frac
		f.codes(code, k)
		rise := float64(2*(rest-float64(missing))) + 1
		for i := range f.nodes {
			if w := p.weight[i]; w > 0 {
				n := &f.nodes[i]
				at[i] = n.at + n.cell(code)
				off[at[i]] -= frac
				rise += float64(w * (1 + float64(2*off[at[i]])))
			}
		}
		if rise <= 0 || missing >= open {
			out[k]++
			missing--
			for i, w := range p.weight {
				if w > 0 {
					off[at[i]]++
				}
			}
		}
		open--
	}
	return out
}

// down rounds x down, leaves the fractions in x, and returns how many are not 0
// and how many units are missing, which are never more, nor less than 0.
func (p *problem) down() (out []int64, open, missing int64) {
	out = make([]int64, len(p.step))
	sum, total := int64(0), int64(p.total)
	for k := range out {
		whole := math.Floor(p.x[k])
		out[k], p.x[k] = int64(whole), p.x[k]-whole
		sum += out[k]
		if p.x[k] > 0 {
			open++
		}
	}
	if missing = total - sum; missing >= 0 && missing <= open {
		return out, open, missing
	}
	// The fit itself does not add up: among very large numbers rounding is more
	// than a unit. It is scaled, then. The remainders r_k < sum of
	// out_k·total = q_k·sum + r_k add up to missing·sum: more of them than units
	// are missing are not 0, or none.
	if sum == 0 {
		for k, d := range p.step {
			if d > 0 {
				out[k] = 1
				sum++
			}
		}
	}
	open, missing = 0, total
	for k, n := range out {
		hi, lo := bits.Mul64(uint64(n), uint64(total))
		q, r := bits.Div64(hi, lo, uint64(sum))
		out[k], p.x[k] = int64(q), float64(r)/float64(sum)
		missing -= out[k]
		if r > 0 {
			open++
		}
	}
	return out, open, missing
}

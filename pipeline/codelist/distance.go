package codelist

// longest is above any text that is compared letter by letter, in letters.
const longest = 64

// Distance counts insertions, deletions, substitutions and swaps of neighbours
// that turn a into b (optimal string alignment), in letters. Of texts of more
// than 64 letters it is 64: nobody means them by mistake.
func Distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > longest || len(t) > longest {
		return longest
	}
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}

// Nearest returns the known name that a reader most likely meant, or "". Ties
// go to the first. At most a third of a name may be wrong.
func Nearest(name string, known []string) string {
	best, at := "", max(1, len([]rune(name))/3)+1
	for _, k := range known {
		if d := Distance(name, k); d < at {
			best, at = k, d
		}
	}
	return best
}

//go:build race

package interval_test

// The race detector makes a simulation ten times slower.
const usualRuns, usualQuestions = 60, 6

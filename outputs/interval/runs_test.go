//go:build !race

package interval_test

const usualRuns, usualQuestions = 500, 16

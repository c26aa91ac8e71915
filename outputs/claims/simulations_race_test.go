//go:build race

package claims

// The race detector makes a simulation ten times slower.
const simulations = 200

//go:build !race

package claims

const simulations = 1000

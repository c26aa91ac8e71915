package main

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"

	"halftone/outputs"
	"halftone/pipeline"
	"halftone/privacy"
)

// target is a table and a half width, as in halftone.yaml.
var target = regexp.MustCompile(`^\s*"?([a-z0-9][a-z0-9_-]*)"?\s*[:=]\s*"?(?:±|\+-|\+/-)? ?([0-9]{1,9}(?:\.[0-9]{1,3})?)"?\s*$`)

// readTargets returns ± by table, nil where none is given.
func readTargets(texts []string) (map[string]float64, error) {
	var out map[string]float64
	for _, text := range texts {
		m := target.FindStringSubmatch(text)
		if m == nil {
			return nil, usage("--target %q: want a table and the half width of its 95 %% interval, as in \"by-region: ±20\"", text)
		}
		half, err := strconv.ParseFloat(m[2], 64)
		if err != nil || half == 0 {
			return nil, usage("--target %q: the half width must be above 0", text)
		}
		if out == nil {
			out = map[string]float64{}
		}
		if _, twice := out[m[1]]; twice {
			return nil, usage("--target: %s stands twice", m[1])
		}
		out[m[1]] = half
	}
	return out, nil
}

// planTargets is what is asked of a plan with --target.
type planTargets struct {
	Gap     float64 `json:"gap"`               // the cost is at most this part above the least possible
	Most    uint64  `json:"most_nano"`         // what a release may cost
	Fits    bool    `json:"fits"`              // a run with these targets would not refuse
	Refused string  `json:"refused,omitempty"` // why it would
}

func (a *app) price(ctx context.Context, l pipeline.Line, targets map[string]float64) error {
	p, err := l.Price(ctx, targets)
	if err != nil {
		return err
	}
	delta := p.Spec.Budget.Delta
	if delta == 0 {
		delta = privacy.ShownDelta
	}
	cost := privacy.Cost{NanoRho: p.Plan.NanoRho}
	if a.json {
		o := planObject{Mechanism: p.Plan.Mechanism, Cost: cost, Epsilon: math.Ceil(1e6*cost.Epsilon(delta)-1e-3) / 1e6, Delta: delta,
			Targets: &planTargets{Gap: math.Ceil(1e7*max(0, p.Gap)) / 1e7, Most: p.Most, Fits: p.Refused == "", Refused: p.Refused}}
		for _, t := range p.Tables {
			o.Tables = append(o.Tables, planTable{t.Name, t.Cells, math.Round(t.SD*1e6) / 1e6, t.Detectable, t.Target, t.Alone, t.Without})
		}
		return a.object(o)
	}
	a.printPrice(l, p, delta)
	return nil
}

func (a *app) printPrice(l pipeline.Line, p pipeline.Price, delta float64) {
	a.print("%s · series %d · touches no data · targets given here, not those of halftone.yaml\n\n", l.Dataset.Name, p.Spec.Series)
	g := grid{}
	g.add("", "cells", "target", "± at 95%", "smallest visible change", "its target alone, nano-rho", "it adds to the others")
	given := 0
	for _, t := range p.Tables {
		want, alone, adds := "–", "", ""
		if t.Target > 0 {
			given++
			want, alone = "± "+outputs.Plain(t.Target), group(t.Alone)
			if t.Without > 0 {
				adds = group(p.Plan.NanoRho - min(p.Plan.NanoRho, t.Without))
			}
		}
		g.add(t.Name, group(t.Cells), want, "± "+ends(t.BestHalfWidth, t.HalfWidth), ends(t.BestDetectable, t.Detectable), alone, adds)
	}
	g.write(a.out)
	a.print("± and change are of the best … the worst cell, privacy noise only. A target is met by the worst cell before rounding to whole numbers.\n")
	if given < len(p.Tables) {
		a.print("Tables without a target are published with what the others need, or a hundredth more of the budget: give each table that matters a target.\n")
	}
	cost := privacy.Cost{NanoRho: p.Plan.NanoRho}
	a.print("\nleast budget  nano-rho %s a release: epsilon %s at delta %s\n", group(p.Plan.NanoRho), roundedUp(cost.Epsilon(delta)), outputs.Plain(delta))
	rest := ""
	if given < len(p.Tables) {
		rest = "; what only the tables without a target need, a hundredth or less, comes on top"
	}
	a.print("certificate   at most %s %% above the least with which measurements of these levels meet the targets (by the dual problem)%s\n",
		strconv.FormatFloat(math.Ceil(1e4*max(0, p.Gap)-1e-9)/100, 'f', 2, 64), rest)
	if p.Most > 0 {
		a.print("a release     may cost nano-rho %s: these targets take %s\n", group(p.Most), percentOf(p.Plan.NanoRho, p.Most))
	}
	if p.Refused != "" {
		a.print("A run with these targets would refuse: %s.\nNothing has been charged. Wider targets, a larger budget, or fewer planned revisions.\n", p.Refused)
		return
	}
	a.print("A run with these targets would charge that, and leave the rest. Nothing has been charged by this command.\n")
	a.print("Next: put them into halftone.yaml, below privacy: targets, and run halftone validate\n")
}

// percentOf writes x as a part of y.
func percentOf(x, y uint64) string {
	p := 100 * float64(x) / float64(y)
	if p >= 10 {
		return fmt.Sprintf("%.0f %%", math.Ceil(p-1e-9))
	}
	return fmt.Sprintf("%.1f %%", math.Ceil(10*p-1e-9)/10)
}

package main

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"halftone/pipeline"
)

// A progress shows how far a run is, on standard error: bars on a terminal,
// nothing elsewhere but with --debug, where every event is a line.
type progress struct {
	bars  *mpb.Progress
	bar   *mpb.Bar
	step  string
	lines io.Writer
}

func (a *app) progress() *progress {
	p := &progress{}
	switch {
	case a.debug:
		p.lines = a.err
	case a.terminal && !a.plain && !a.json:
		p.bars = mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(40))
	}
	return p
}

func (p *progress) event(e pipeline.Event) {
	if p.lines != nil {
		fmt.Fprintf(p.lines, "%s %s%s %d/%d\n", e.Step, e.Source, e.Period, e.Done, e.Total)
	}
	if p.bars == nil {
		return
	}
	if e.Step != p.step {
		p.end()
		p.step = e.Step
		p.bar = p.bars.AddBar(int64(max(1, e.Total)), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(e.Step, decor.WCSyncSpaceR)), mpb.AppendDecorators(decor.CountersNoUnit("%d of %d")))
	}
	p.bar.SetCurrent(int64(e.Done))
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bar = nil
	}
}

// done removes the bars, so that results stand alone.
func (p *progress) done() {
	p.end()
	if p.bars != nil {
		p.bars.Wait()
		p.bars = nil
	}
}

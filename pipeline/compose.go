package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"halftone/outputs"
	"halftone/outputs/catalog"
	"halftone/outputs/compose"
	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/pipeline/runs"
	"halftone/pipeline/signing"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A VersionInfo says where a published version is.
type VersionInfo struct {
	Name     string
	Sequence int
	Path     string // below the public folder
	Files    int
	Periods  int
	Tables   int
	Cells    int
	Head     string // of the ledger, as the manifest has it
}

// publish composes one version of all sealed releases of the series and
// publishes it, if the newest published one does not hold them all or force is set.
func (s *session) publish(ctx context.Context, force bool, res *RunResult) error {
	// 1. What is sealed, what is published.
	editions, err := s.editions(ctx)
	if err != nil {
		return err
	}
	for _, e := range editions {
		k, err := e.Release.Key()
		if err != nil {
			return err
		}
		res.Periods = append(res.Periods, k.Period)
	}
	res.State = StateNothingDue
	if err := s.mend(ctx); err != nil {
		return err
	}
	if len(editions) == 0 {
		return s.nothingLeft(ctx)
	}
	held, err := s.published(ctx, editions)
	if err != nil {
		return err
	}
	if held && !force {
		if err := errors.Join(s.changes(ctx), s.mendIndex(ctx)); err != nil {
			return err
		}
		res.Version, err = s.latest()
		return err
	}
	// 2. Compose: a pure function of sealed files and public text.
	s.l.say(Event{Step: "compose"})
	v, err := s.version(ctx, editions)
	if err != nil {
		return err
	}
	key, signed, err := signing.Load(s.l.State)
	if err != nil {
		return err
	}
	if signed {
		v.Key = fmt.Sprint(key.Public())
	}
	files, err := compose.Version(v)
	if err != nil {
		return err
	}
	if signed {
		describe.Sign(v, files, key)
	}
	// 3. Put it, record it, point to it: nobody sees half of it at any step.
	s.l.say(Event{Step: "publish"})
	name := s.l.Dataset.Name
	if err := s.led.Renew(ctx, leased); err != nil { // whoever was late puts nothing there
		return err
	}
	if err := s.pub.Put(ctx, name, v.Name, files); err != nil {
		return err
	}
	var keys []privacy.Key
	for _, e := range editions {
		k, err := e.Release.Key()
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	if err := s.led.Publish(ctx, name, v.Name, v.Sequence, describe.Sum(files[describe.ManifestFile]), keys...); err != nil {
		return err
	}
	if err := s.pub.Point(ctx, name, v.Name); err != nil {
		return err
	}
	if err := s.changes(ctx); err != nil {
		return err
	}
	if err := s.index(ctx, v); err != nil {
		return err
	}
	res.State = StatePublished
	res.Version, err = describeVersion(v, files)
	return err
}

func describeVersion(v outputs.Version, files outputs.Files) (VersionInfo, error) {
	tables, err := v.Tables()
	if err != nil {
		return VersionInfo{}, err
	}
	info := VersionInfo{Name: v.Name, Sequence: v.Sequence, Path: publish.VersionPath(v.About.Dataset, v.Name), Files: len(files),
		Periods: len(v.Releases), Tables: len(tables), Head: v.Head}
	for _, t := range tables {
		info.Cells += t.Rows()
	}
	return info, nil
}

// mend goes on where a crash fell: it takes away what is half written, records a
// version that was put and not recorded, and moves the pointer to the newest that
// is recorded.
func (s *session) mend(ctx context.Context) error {
	if err := s.pub.Sweep(s.l.Dataset.Name); err != nil {
		return err
	}
	heads, err := s.pub.Heads(ctx)
	if err != nil {
		return err
	}
	heads = slices.DeleteFunc(heads, func(h publish.Witness) bool { return h.Dataset != s.l.Dataset.Name })
	if err := s.l.record(ctx, s.led, heads); err != nil {
		return err
	}
	vs, err := s.led.Versions(ctx, s.l.Dataset.Name)
	if err != nil || len(vs) == 0 {
		return err
	}
	last := vs[len(vs)-1]
	p, err := s.pub.Latest(s.l.Dataset.Name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && p.Sequence < last.Sequence {
		if here, err := s.here(last.Name); err != nil || !here {
			return err // another folder, or an emptied one: a new version is composed
		}
		if err := s.pub.Point(ctx, s.l.Dataset.Name, last.Name); !errors.Is(err, publish.ErrWithdrawn) { // nothing is left to point to
			return err
		}
		return nil
	}
	return err
}

// nothingLeft takes a dataset of which every release is withdrawn off the front page.
func (s *session) nothingLeft(ctx context.Context) error {
	vs, err := s.led.Versions(ctx, s.l.Dataset.Name)
	if err != nil || len(vs) == 0 {
		return err
	}
	return s.index(ctx)
}

// mendIndex writes the front page where a crash fell between the pointer and it.
func (s *session) mendIndex(ctx context.Context) error {
	v, ok, err := s.newest(ctx)
	if err != nil || !ok {
		return err
	}
	return s.index(ctx, v)
}

// here reports whether the public folder holds a version.
func (s *session) here(version string) (bool, error) {
	names, err := s.pub.Versions(s.l.Dataset.Name)
	return slices.Contains(names, version), err
}

// published reports whether the newest published version holds the editions and
// nothing else, and the promise as it stands.
func (s *session) published(ctx context.Context, editions []outputs.Edition) (bool, error) {
	vs, err := s.led.Versions(ctx, s.l.Dataset.Name)
	if err != nil || len(vs) == 0 {
		return false, err
	}
	if here, err := s.here(vs[len(vs)-1].Name); err != nil || !here {
		return false, err
	}
	var keys []privacy.Key
	for _, e := range editions {
		k, err := e.Release.Key()
		if err != nil {
			return false, err
		}
		keys = append(keys, k)
	}
	if !slices.Equal(vs[len(vs)-1].Releases, keys) {
		return false, nil
	}
	decided, err := s.decidedSince(ctx, vs[len(vs)-1].Name)
	return !decided, err
}

// decidedSince reports whether after a version was published the terms of the dataset
// or of another of its population were amended, or a release was withdrawn.
func (s *session) decidedSince(ctx context.Context, version string) (decided bool, err error) {
	links, err := s.led.Chain(ctx)
	if err != nil {
		return false, err
	}
	acc, err := s.account(ctx)
	if err != nil {
		return false, err
	}
	members, err := s.led.Population(ctx, acc.Terms.Population.Name)
	if err != nil {
		return false, err
	}
	name := s.l.Dataset.Name
	member := func(dataset string) bool {
		return dataset == name || slices.ContainsFunc(members, func(m ledger.Member) bool { return m.Dataset == dataset })
	}
	for e, err := range privacy.Entries(links) {
		if err != nil {
			return false, err
		}
		switch {
		case e.Kind == privacy.EntryPublish && e.Dataset == name && e.Version == version:
			decided = false
		case e.Kind == privacy.EntryAmend && member(e.Dataset), e.Kind == privacy.EntryWithdraw && e.Dataset == name && e.Series == s.l.Dataset.Spec.Series:
			decided = true
		}
	}
	return decided, nil
}

func (s *session) latest() (VersionInfo, error) {
	p, err := s.pub.Latest(s.l.Dataset.Name)
	if err != nil {
		return VersionInfo{}, err
	}
	return VersionInfo{Name: p.Version, Sequence: p.Sequence, Path: publish.VersionPath(p.Dataset, p.Version)}, nil
}

// editions are the newest sealed edition of every period of the series, with
// what the ledger says of it.
func (s *session) editions(ctx context.Context) ([]outputs.Edition, error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	days, err := s.sealDays(ctx)
	if err != nil {
		return nil, err
	}
	var out []outputs.Edition
	charges = slices.DeleteFunc(charges, func(c ledger.Charged) bool { return c.Sealed == "" || c.Key.Series != s.l.Dataset.Spec.Series })
	for i, c := range charges { // by period and edition
		if i+1 < len(charges) && charges[i+1].Key.Period == c.Key.Period {
			continue // not the newest
		}
		if c.Withdrawn != "" { // nor is the one before it shown in its place
			continue
		}
		r, err := privacy.OpenRelease(ctx, c.Key, s.led)
		if err != nil {
			return nil, err
		}
		out = append(out, outputs.Edition{Release: r, Released: days[c.Key], Reporting: c.Reporting, Expected: c.Expected,
			Provisional: !final(s.l.Dataset.Calendar, c.Key, s.l.Dataset.Spec.Editions, days[c.Key])})
	}
	return out, nil
}

// sealDays are the days on which the dataset's releases were sealed.
func (s *session) sealDays(ctx context.Context) (map[privacy.Key]time.Time, error) {
	links, err := s.led.Links(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	return sealDays(links)
}

func sealDays(links []privacy.Link) (map[privacy.Key]time.Time, error) {
	days := map[privacy.Key]time.Time{}
	for e, err := range privacy.Entries(links) {
		if err != nil {
			return nil, err
		}
		if e.Kind == privacy.EntrySeal {
			if days[e.Key()], err = time.Parse(time.DateOnly, e.Day); err != nil {
				return nil, fmt.Errorf("the seal of %s has no day", e.Key())
			}
		}
	}
	return days, nil
}

// version puts together all that a version is made of.
func (s *session) version(ctx context.Context, editions []outputs.Edition) (outputs.Version, error) {
	links, err := s.led.Links(ctx, s.l.Dataset.Name)
	if err != nil {
		return outputs.Version{}, err
	}
	acc, err := s.account(ctx)
	if err != nil {
		return outputs.Version{}, err
	}
	now := s.l.Clock.Now()
	name, seq, err := s.takeName(ctx, now)
	if err != nil {
		return outputs.Version{}, err
	}
	v := outputs.Version{Name: name, Sequence: seq, Composed: day(now), About: s.l.Dataset.About, Releases: editions,
		Ledger: links, Spent: outputs.NewSpent(acc.Terms, acc.PersonCost), Tool: s.l.Tool}
	if len(links) > 0 {
		v.Head = links[len(links)-1].Hash
	}
	if v.Together, err = s.together(ctx, acc.Terms); err != nil {
		return v, err
	}
	v.Breaks, err = breaks(editions)
	return v, err
}

// together is what the population of the dataset, if it has one, has cost so far.
func (s *session) together(ctx context.Context, t privacy.Terms) (outputs.Together, error) {
	if t.Population.Name == "" {
		return outputs.Together{}, nil
	}
	members, err := s.led.Population(ctx, t.Population.Name)
	if err != nil {
		return outputs.Together{}, err
	}
	return populationCost(t.Population, members), nil
}

// populationCost adds up what the datasets of a population have cost.
func populationCost(p privacy.Population, members []ledger.Member) outputs.Together {
	o := outputs.Together{Population: p.Name}
	var costs []privacy.Cost
	delta := p.Delta
	for _, m := range members {
		o.Datasets, costs = append(o.Datasets, m.Dataset), append(costs, m.Cost())
		if delta == 0 {
			delta = m.Terms.ShownDelta()
		}
	}
	o.Cost = privacy.Together(costs...)
	if !o.Pure() {
		o.Delta = delta
	}
	return o
}

// takeName takes the next version name of this month, in the schedule's zone.
// Names that the public folder or the ledger know are never used again, also
// when the record of runs is lost.
func (s *session) takeName(ctx context.Context, now time.Time) (string, int, error) {
	zone := time.UTC
	if sch := s.l.Dataset.Schedule; sch != nil {
		if z, err := time.LoadLocation(sch.Timezone); err == nil {
			zone = z
		}
	}
	month := now.In(zone).Format("2006.01")
	floor := runs.Floor{}
	seen := func(name string, sequence int) {
		var n int
		if _, err := fmt.Sscanf(name, month+"-%d", &n); err == nil {
			floor.Number = max(floor.Number, n)
		}
		floor.Sequence = max(floor.Sequence, sequence)
	}
	vs, err := s.led.Versions(ctx, s.l.Dataset.Name)
	if err != nil {
		return "", 0, err
	}
	for _, v := range vs {
		seen(v.Name, v.Sequence)
	}
	heads, err := s.pub.Heads(ctx)
	if err != nil {
		return "", 0, err
	}
	for _, h := range heads {
		if h.Dataset == s.l.Dataset.Name {
			seen(h.Version, h.Sequence)
		}
	}
	return s.runs.TakeVersion(ctx, s.l.Dataset.Name, month, floor)
}

// index writes the front page of the public folder: the newest version of the
// dataset, if it has one, and those of the instance's other datasets.
func (s *session) index(ctx context.Context, all ...outputs.Version) error {
	for _, d := range s.l.Others {
		o := *s
		o.l.Dataset = d
		newest, ok, err := o.newest(ctx)
		if err != nil {
			return err
		}
		if ok {
			all = append(all, newest)
		}
	}
	b, err := catalog.Index(all)
	if err != nil {
		return err
	}
	return s.pub.PutIndex(ctx, "index.html", b)
}

// newest is the newest published version of the dataset, as far as its card needs it.
func (s *session) newest(ctx context.Context) (outputs.Version, bool, error) {
	vs, err := s.led.Versions(ctx, s.l.Dataset.Name)
	if err != nil || len(vs) == 0 {
		return outputs.Version{}, false, err
	}
	last := vs[len(vs)-1]
	editions, err := s.editions(ctx)
	if err != nil {
		return outputs.Version{}, false, err
	}
	editions = slices.DeleteFunc(editions, func(e outputs.Edition) bool {
		k, err := e.Release.Key()
		return err != nil || !slices.Contains(last.Releases, k)
	})
	if len(editions) == 0 { // of an older series
		return outputs.Version{}, false, nil
	}
	acc, err := s.account(ctx)
	if err != nil {
		return outputs.Version{}, false, err
	}
	links, err := s.led.Links(ctx, s.l.Dataset.Name)
	if err != nil {
		return outputs.Version{}, false, err
	}
	v := outputs.Version{Name: last.Name, Sequence: last.Sequence, About: s.l.Dataset.About, Releases: editions, Ledger: links, Spent: outputs.NewSpent(acc.Terms, acc.PersonCost)}
	if v.Composed, err = publishDay(links, last.Name); err != nil {
		return outputs.Version{}, false, err
	}
	v.Breaks, err = breaks(editions)
	return v, err == nil, err
}

// publishDay is the day on which a version was recorded as published.
func publishDay(links []privacy.Link, version string) (day time.Time, err error) {
	for e, err := range privacy.Entries(links) {
		if err != nil {
			return day, err
		}
		if e.Kind == privacy.EntryPublish && e.Version == version {
			return time.Parse(time.DateOnly, e.Day)
		}
	}
	return day, fmt.Errorf("version %s is not recorded", version)
}

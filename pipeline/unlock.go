package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"halftone/outputs/compose"
	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/outputs/verify"
	"halftone/pipeline/runs"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// An Unlocked says what an unlock has done.
type Unlocked struct {
	Replayed int           // entries taken in from what was published
	Burnt    []privacy.Key // given up: they may have been drawn, and were not published
	Head     string
}

// Unlock brings a ledger that is older than the public folder up to what the world
// has seen: it replays the published entries, and gives up every release that is
// due and not among them, for it may have been drawn. Two people answer for it.
func (l Line) Unlock(ctx context.Context, by []string, reason string) (u Unlocked, err error) {
	if err := l.prepare(); err != nil {
		return u, err
	}
	unlock, err := runs.Lock(l.State)
	if err != nil {
		return u, err
	}
	defer unlock()
	led, err := l.openLedger(ctx)
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, led.Close()) }()
	ctx, give, err := l.hold(ctx, led)
	if err != nil {
		return u, err
	}
	defer give()
	defer func() { err = fenced(ctx, err) }()
	pub, err := publish.Open(l.Public)
	if err != nil {
		return u, err
	}
	defer func() { _ = pub.Close() }()
	// 1. Nothing to do for a ledger that knows all that was published.
	heads, err := pub.Heads(ctx)
	if err != nil {
		return u, err
	}
	seen, err := l.witnesses(heads)
	if err != nil {
		return u, err
	}
	if err := led.CheckWitness(ctx, seen); !errors.Is(err, privacy.ErrLocked) {
		return u, errors.Join(err, fmt.Errorf("%w: the ledger is not locked, so there is nothing to unlock", ErrRefused))
	}
	// 2. What the world has seen, and what it may have.
	r := ledger.Replay{By: by, Reason: reason, Withdrawn: map[privacy.Key]string{}}
	for _, h := range heads {
		for _, w := range h.Withdrawn {
			r.Withdrawn[w.Key] = w.Reason
		}
	}
	if r.Links, r.Sealed, err = published(pub, heads); err != nil {
		return u, err
	}
	if r.Burn, err = l.unmade(r.Links); err != nil {
		return u, err
	}
	// 3. Take it in, and look again.
	if u.Replayed, u.Burnt, err = led.Unlock(ctx, r); err != nil {
		return u, err
	}
	if err := led.CheckWitness(ctx, witnesses(heads)); err != nil {
		return u, err
	}
	if err := l.remember(ctx, led); err != nil { // in the place of what it does not know
		return u, err
	}
	if err := l.record(ctx, led, heads); err != nil {
		return u, err
	}
	u.Head, err = led.Head(ctx)
	return u, err
}

// record writes down the versions that are there and not recorded: the newest entry
// of a lost ledger is the one that no version holds, and a run may have been killed
// between a version and its entry. One that is older than a recorded one is left
// out: the order of the entries is that of the versions.
// Whoever can write to the public folder must not get a version of his own recorded:
// it is recomputed from its sealed files first, whose digests the ledger has.
func (l Line) record(ctx context.Context, led *ledger.Ledger, heads []publish.Witness) error {
	for _, h := range heads { // of a dataset by sequence
		known, err := led.Versions(ctx, h.Dataset)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(v ledger.Version) bool { return v.Name == h.Version || v.Sequence >= h.Sequence }) {
			continue
		}
		withdrawn := false
		for _, k := range h.Releases {
			c, _, err := led.Charge(ctx, k)
			if err != nil {
				return err
			}
			withdrawn = withdrawn || c.Withdrawn != ""
		}
		if withdrawn { // it is taken down instead
			continue
		}
		r, err := verify.Folder(ctx, filepath.Join(l.Public, filepath.FromSlash(publish.VersionPath(h.Dataset, h.Version))))
		if err != nil {
			return err
		}
		if !r.OK {
			return fmt.Errorf("%w: version %s of %s is in the public folder, and neither does the ledger know it nor does it verify: somebody else put it there, or changed it. "+
				"Nothing was charged: take it away (halftone verify says what is wrong with it)", ErrRefused, h.Version, h.Dataset)
		}
		if err := led.Publish(ctx, h.Dataset, h.Version, h.Sequence, h.Manifest, h.Releases...); err != nil {
			return err
		}
	}
	return nil
}

// published joins the exports of all versions to the longest chain, with every
// entry that any of them has, and reads the sealed files.
func published(pub *publish.Folder, heads []publish.Witness) ([]privacy.Link, map[privacy.Key][]byte, error) {
	var all []privacy.Link
	sealed := map[privacy.Key][]byte{}
	for _, h := range heads {
		b, err := pub.ReadFile(h.Dataset, h.Version, compose.LedgerFile)
		if err != nil {
			return nil, nil, err
		}
		links, err := describe.ReadLedger(b)
		if err == nil {
			_, err = privacy.CheckChain(links)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s %s: %w", h.Dataset, h.Version, err)
		}
		for i, l := range links {
			switch {
			case i == len(all):
				all = append(all, l)
			case all[i].Hash != l.Hash:
				return nil, nil, fmt.Errorf("%w: versions of %s and others rest on different chains", ledger.ErrFork, h.Dataset)
			case all[i].Entry == nil:
				all[i].Entry = l.Entry
			}
		}
		for _, k := range h.Releases {
			b, err := pub.ReadFile(h.Dataset, h.Version, describe.SealedFile(k))
			if errors.Is(err, publish.ErrWithdrawn) { // another version has it, unless it is withdrawn
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			sealed[k] = b
		}
	}
	if err := rebuild(heads, all); err != nil {
		return nil, nil, err
	}
	return all, sealed, nil
}

// unmade are the releases that a run would make now if the ledger were what was
// published: of this dataset, and of the others of the instance.
func (l Line) unmade(links []privacy.Link) ([]privacy.Charge, error) {
	days, err := sealDays(links)
	if err != nil {
		return nil, err
	}
	var out []privacy.Charge
	for i := -1; i < len(l.Others); i++ {
		o := l
		if i >= 0 {
			o.Dataset = l.Others[i]
		}
		var charges []ledger.Charged
		var asked []privacy.Key
		for e, err := range privacy.Entries(links) {
			if err != nil {
				return nil, err
			}
			if e.Dataset == o.Dataset.Name && e.Kind == privacy.EntryRevise {
				asked = append(asked, e.Key())
			}
			if e.Dataset != o.Dataset.Name || e.Kind != privacy.EntryCharge && e.Kind != privacy.EntryBurn {
				continue
			}
			if e.Terms != nil {
				o = o.settle(Account{Terms: *e.Terms, Periods: []PeriodAccount{{}}})
			}
			known := slices.ContainsFunc(charges, func(c ledger.Charged) bool { return c.Key == e.Key() })
			if !known {
				charges = append(charges, ledger.Charged{Charge: privacy.Charge{Key: e.Key()}, Burnt: e.Kind == privacy.EntryBurn})
			}
		}
		for _, k := range due(o, l.Clock.Now(), charges, days, asked) {
			spec := o.Dataset.Spec
			out = append(out, privacy.Charge{Key: k, Cost: spec.Shares()[k.Edition-1], Terms: spec.Terms(), SpecDigest: spec.Digest()})
		}
	}
	return out, nil
}

// rebuild writes the records of published versions anew, from their manifests, where
// no export has them: the newest record of each dataset stands in none of its own.
// Their digests in the chain say whether they are right.
func rebuild(heads []publish.Witness, links []privacy.Link) error {
	entries := map[string]privacy.Link{}
	for _, h := range heads {
		e := privacy.Entry{Kind: privacy.EntryPublish, Dataset: h.Dataset, Version: h.Version, Sequence: h.Sequence, Manifest: h.Manifest}
		for _, k := range h.Releases { // all of one series
			e.Series, e.Releases = k.Series, append(e.Releases, k.Period.String()+"."+strconv.Itoa(k.Edition))
		}
		composed, err := time.Parse(time.DateOnly, h.Composed)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Path, err)
		}
		for days := range 8 { // recorded on the day that it was composed, or when a run went on with it
			e.Day = composed.AddDate(0, 0, days).Format(time.DateOnly)
			link, err := privacy.NewLink(1, "", e)
			if err != nil {
				return err
			}
			entries[link.Digest] = link
		}
	}
	for i, l := range links {
		if made, ok := entries[l.Digest]; ok && l.Entry == nil {
			links[i].Entry = made.Entry
		}
	}
	return nil
}

package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// takeDown deletes the data files of every version in the public folder that holds
// a withdrawn release, whether the ledger has recorded the version or not, and
// returns their names. It comes after the pointer was moved, and finishes what a
// crash has left.
func (s *session) takeDown(ctx context.Context) (taken []string, err error) {
	withdrawn, err := s.withdrawn(ctx)
	if err != nil || len(withdrawn) == 0 {
		return nil, err
	}
	heads, err := s.pub.Heads(ctx)
	if err != nil {
		return nil, err
	}
	var down []publish.Witness
	use := publish.Witness{} // the newest version that shows none of it
	for _, h := range heads {
		switch {
		case h.Dataset != s.l.Dataset.Name:
		case slices.ContainsFunc(h.Releases, func(k privacy.Key) bool { return slices.Contains(withdrawn, k) }):
			down = append(down, h)
		default:
			use = h
		}
	}
	links, err := s.led.Links(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	for _, h := range down {
		_, b, err := s.manifest(h.Version)
		if err != nil {
			return taken, err
		}
		instead := use.Version
		if use.Sequence < h.Sequence { // older figures are no better ones
			instead = ""
		}
		note, err := describe.NewWithdrawnNote(b, links, instead)
		if err != nil {
			return taken, err
		}
		done, err := s.pub.Withdraw(ctx, s.l.Dataset.Name, h.Version, note)
		if err != nil {
			return taken, err
		}
		if done {
			taken = append(taken, h.Version)
		}
	}
	return taken, nil
}

// withdrawn are the dataset's withdrawn releases.
func (s *session) withdrawn(ctx context.Context) (keys []privacy.Key, err error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	for _, c := range charges {
		if c.Withdrawn != "" {
			keys = append(keys, c.Key)
		}
	}
	return keys, err
}

// pending finishes what people have decided and a crash, or a run that stopped, has
// left: a withdrawn release is readable no longer, an amended promise stands on the
// pages. It comes before anything that may stop a run. What cannot be composed does
// not keep a withdrawn release in public. It returns what was published.
func (s *session) pending(ctx context.Context) (res RunResult, err error) {
	vs, err := s.led.Versions(ctx, s.l.Dataset.Name)
	if err != nil || len(vs) == 0 {
		return res, err
	}
	last := vs[len(vs)-1].Name
	withdrawn, err := s.withdrawn(ctx)
	if err != nil {
		return res, err
	}
	decided, err := s.decidedSince(ctx, last)
	if err != nil || !decided && len(withdrawn) == 0 {
		return res, err
	}
	here, err := s.here(last)
	if err != nil {
		return res, err
	}
	// The pointer first: nobody is sent to a version that is being taken down. A public
	// folder that is older than the ledger may show what is withdrawn, too.
	if decided || !here {
		err = s.publish(ctx, false, &res)
	} else {
		err = s.mend(ctx)
	}
	_, down := s.takeDown(ctx)
	return res, errors.Join(err, down)
}

// manifest reads the manifest of a version of the dataset.
func (s *session) manifest(version string) (describe.Manifest, []byte, error) {
	b, err := s.pub.ReadFile(s.l.Dataset.Name, version, describe.ManifestFile)
	if err != nil {
		return describe.Manifest{}, nil, err
	}
	m, err := describe.ReadManifest(b)
	return m, b, err
}

// changes writes the dataset's changes.json from its latest version, as anybody can.
// Where nothing has changed it changes nothing.
func (s *session) changes(ctx context.Context) error {
	p, err := s.pub.Latest(s.l.Dataset.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	m, b, err := s.manifest(p.Version)
	if err != nil {
		return err
	}
	text, err := s.pub.ReadFile(s.l.Dataset.Name, p.Version, compose.LedgerFile)
	if errors.Is(err, publish.ErrWithdrawn) { // nothing is left to show, and this is said there
		return nil
	}
	if err != nil {
		return err
	}
	v := outputs.Version{Name: m.Version, Sequence: m.Sequence, Head: m.Head}
	v.About.Dataset, v.About.Series = m.Dataset, m.Series
	if v.Ledger, err = describe.ReadLedger(text); err != nil {
		return err
	}
	if v.Composed, err = time.Parse(time.DateOnly, m.Composed); err != nil {
		return err
	}
	for _, r := range m.Releases {
		e := outputs.Edition{}
		if e.Release, err = privacy.OpenRelease(ctx, r.Key, s.led); err != nil {
			return err
		}
		c, _, err := s.led.Charge(ctx, r.Key)
		if err != nil {
			return err
		}
		e.Reporting, e.Expected = c.Reporting, c.Expected
		v.Releases = append(v.Releases, e)
	}
	if v.Breaks, err = breaks(v.Releases); err != nil {
		return err
	}
	out, err := describe.Changes(v, b)
	if err != nil {
		return err
	}
	return s.pub.PutDataset(ctx, s.l.Dataset.Name, describe.ChangesFile, out)
}

// past reports whether err says that the sealed file of k is not there, and nobody
// will ask for it: an unlock cannot bring back what stands in no version any more.
func past(ctx context.Context, led *ledger.Ledger, k privacy.Key, err error) (bool, error) {
	if !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return led.Past(ctx, k)
}

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
)

// takeDown deletes the data files of every version in the public folder that holds
// a withdrawn release, whether the ledger has recorded the version or not, and
// returns their names. It comes after the pointer was moved, and finishes what a
// crash has left.
func (s *session) takeDown(ctx context.Context) (taken []string, err error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	withdrawn := map[privacy.Key]bool{}
	for _, c := range charges {
		if c.Withdrawn != "" {
			withdrawn[c.Key] = true
		}
	}
	if len(withdrawn) == 0 {
		return nil, nil
	}
	heads, err := s.pub.Heads(ctx)
	if err != nil {
		return nil, err
	}
	var down []string
	use := "" // the newest version that shows none of it
	for _, h := range heads {
		if h.Dataset != s.l.Dataset.Name {
			continue
		}
		m, _, err := s.manifest(h.Version)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(m.Releases, func(r describe.ManifestRelease) bool { return withdrawn[r.Key] }) {
			down = append(down, h.Version)
		} else {
			use = h.Version
		}
	}
	links, err := s.led.Links(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	for _, version := range down {
		_, b, err := s.manifest(version)
		if err != nil {
			return taken, err
		}
		note, err := describe.NewWithdrawnNote(b, links, use)
		if err != nil {
			return taken, err
		}
		done, err := s.pub.Withdraw(ctx, s.l.Dataset.Name, version, note)
		if err != nil {
			return taken, err
		}
		if done {
			taken = append(taken, version)
		}
	}
	return taken, nil
}

// manifest reads the manifest of a published version.
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

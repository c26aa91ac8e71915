package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"halftone/outputs"
	"halftone/outputs/publish"
	"halftone/pipeline/normalize"
	"halftone/pipeline/runs"
	"halftone/pipeline/schedule"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A Status says where a dataset stands. It holds no count.
type Status struct {
	Head      string // of the ledger; "" before the first charge
	Witnesses int    // published manifests whose head the ledger knows
	Locked    error  // a published manifest knows more than the ledger
	Latest    VersionInfo
	Published time.Time // day of the latest version; zero: none
	Released  []privacy.Period
	Reserved  []privacy.Key // charged and not sealed: the next run goes on with them
	Due       []privacy.Key
	Withdrawn []privacy.Key
	Waiting   []Waiting      // of these, the ones that people have not approved
	Next      privacy.Period // the next to become due; zero: none
	NextDue   time.Time
	Revision  *Revision            // the next planned one; nil: none
	NextRun   *schedule.Occurrence // nil: by hand
	Sources   []SourceStatus
	Runs      []runs.Run // newest first
}

// A SourceStatus says how the newest pull of a source went.
type SourceStatus struct {
	Name     string
	Pulled   time.Time // zero: never
	Batches  int
	Rejected float64 // share of the rows that were quarantined
	Pulls    bool    // a report is there
}

// Status looks at the ledger, the public folder and the record of runs. It
// changes nothing.
func (l Line) Status(ctx context.Context) (Status, error) {
	var s Status
	// 1. Ledger and public folder. What has been seen is read before the ledger, which
	// a run may be writing: it then knows all of it.
	pub, heads, err := l.lookAtPublic(ctx)
	if err != nil {
		return s, err
	}
	if pub != nil {
		defer func() { _ = pub.Close() }()
	}
	seen, err := l.remembered()
	if err != nil {
		return s, err
	}
	lk, err := l.lookAtLedger(ctx)
	if err != nil {
		return s, err
	}
	if n := len(lk.links); n > 0 {
		s.Head = lk.links[n-1].Hash
	}
	for _, c := range lk.charges {
		switch {
		case c.Key.Series != l.Dataset.Spec.Series:
		case c.Burnt:
		case c.Withdrawn != "":
			s.Withdrawn = append(s.Withdrawn, c.Key)
		case c.Sealed == "":
			s.Reserved = append(s.Reserved, c.Key)
		case c.Key.Edition == 1:
			s.Released = append(s.Released, c.Key.Period)
		}
	}
	if err := s.witnessed(l, pub, heads, lk); err != nil {
		return s, err
	}
	if seen != "" && !slices.ContainsFunc(lk.links, func(k privacy.Link) bool { return k.Hash == seen }) {
		s.Locked = errors.Join(privacy.ErrLocked, errors.New("this replica has seen a ledger head that this ledger does not know"))
	}
	// 2. Calendar.
	now := l.Clock.Now()
	s.Due, s.Waiting, s.Revision = lk.due(l), lk.waiting, nextRevision(l.settle(lk.account), now, lk.sealed, lk.account)
	if p, ok := l.Dataset.Calendar.Next(now); ok {
		s.Next, s.NextDue = p, l.Dataset.Calendar.DueAt(p)
	}
	if sch := l.Dataset.Schedule; sch != nil {
		c, err := schedule.Parse(sch.Cron, sch.Timezone)
		if err != nil {
			return s, err
		}
		if o, ok := c.Next(now); ok {
			s.NextRun = &o
		}
	}
	// 3. Sources and runs.
	return s, s.lookAtState(ctx, l)
}

// lookAtPublic opens the public folder and reads what it witnesses; nil where there is
// none yet.
func (l Line) lookAtPublic(ctx context.Context) (*publish.Folder, []publish.Witness, error) {
	if _, err := os.Stat(l.Public); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	pub, err := publish.Open(l.Public)
	if err != nil {
		return nil, nil, err
	}
	heads, err := pub.Heads(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, pub.Close())
	}
	return pub, heads, nil
}

func (s *Status) witnessed(l Line, pub *publish.Folder, heads []publish.Witness, lk look) error {
	if pub == nil {
		return nil
	}
	known := map[string]bool{}
	for _, link := range lk.links {
		known[link.Hash] = true
	}
	for _, h := range heads {
		if !known[h.Head] {
			s.Locked = errors.Join(privacy.ErrLocked, errors.New(h.Path+" names a ledger head that this ledger does not know"))
			continue
		}
		s.Witnesses++
	}
	p, err := pub.Latest(l.Dataset.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Latest = VersionInfo{Name: p.Version, Sequence: p.Sequence, Path: publish.VersionPath(p.Dataset, p.Version)}
	s.Published, _ = publishDay(lk.links, p.Version) // one that is not recorded shows as none
	return nil
}

func (s *Status) lookAtState(ctx context.Context, l Line) error {
	if _, err := os.Stat(filepath.Join(l.State, "runs.db")); errors.Is(err, fs.ErrNotExist) {
		for _, src := range l.Dataset.Sources {
			s.Sources = append(s.Sources, SourceStatus{Name: src.Name})
		}
		return nil
	}
	st, err := l.store()
	if err != nil {
		return err
	}
	for _, src := range l.Dataset.Sources {
		batches, err := st.Batches(src.Name)
		if err != nil {
			return err
		}
		ss := SourceStatus{Name: src.Name, Batches: len(batches)}
		if n := len(batches); n > 0 {
			ss.Pulled = batches[n-1].Pulled
		}
		r, ok, err := st.Report(src.Name)
		if err != nil {
			return err
		}
		if ss.Pulls = ok; r.Read > 0 {
			ss.Rejected = float64(r.Outcomes[normalize.Quarantined]) / float64(r.Read)
		}
		s.Sources = append(s.Sources, ss)
	}
	rs, err := runs.Open(ctx, l.State, l.Clock.Now)
	if err != nil {
		return err
	}
	defer func() { _ = rs.Close() }()
	s.Runs, err = rs.List(ctx, l.Dataset.Name, 20)
	return err
}

// Budget is the account of the dataset, and the chain it rests on.
type Budget struct {
	Account  Account
	Terms    privacy.Terms    // of the account, or before the first charge those that it would fix
	Kept     uint64           // of a period's budget for its planned later editions
	Together outputs.Together // of the population; zero: none is declared
	Charges  []ledger.Charged
	Versions []ledger.Version
	Head     string
	Links    int
	Seals    int
	Amended  []privacy.Entry // oldest first
	// Guarantees says for the people behind which sources the releases are promised,
	// or before the first charge would be.
	Guarantees privacy.Guarantees
}

// Budget looks at the ledger.
func (l Line) Budget(ctx context.Context) (Budget, error) {
	lk, err := l.lookAtLedger(ctx)
	if err != nil {
		return Budget{}, err
	}
	b := Budget{Account: lk.account, Terms: l.settle(lk.account).Dataset.Spec.Terms(), Charges: lk.charges, Versions: lk.versions, Links: len(lk.links)}
	for _, share := range l.settle(lk.account).Dataset.Spec.Shares()[1:] {
		b.Kept += share
	}
	if p := b.Terms.Population; p.Name != "" {
		b.Together = populationCost(p, lk.members)
	}
	if b.Guarantees = lk.account.Guarantees; len(lk.account.Periods) > 0 {
		b.Terms = lk.account.Terms
	} else {
		b.Guarantees = l.guarantees(lk.account)
	}
	if b.Links > 0 {
		b.Head = lk.links[b.Links-1].Hash
	}
	for _, c := range lk.charges {
		if c.Sealed != "" {
			b.Seals++
		}
	}
	for e, err := range privacy.Entries(lk.links) {
		if err != nil {
			return b, err
		}
		if e.Kind == privacy.EntryAmend {
			b.Amended = append(b.Amended, e)
		}
	}
	return b, nil
}

// Quarantine is the report of the newest pull of a source, whether it was taken
// or stopped; false before the first.
func (l Line) Quarantine(source string) (normalize.Report, bool, error) {
	for _, s := range l.Dataset.Sources {
		if s.Name == source {
			if _, err := os.Stat(l.State); errors.Is(err, fs.ErrNotExist) {
				return normalize.Report{}, false, nil
			}
			st, err := l.store()
			if err != nil {
				return normalize.Report{}, false, err
			}
			return st.Report(source)
		}
	}
	return normalize.Report{}, false, usage("there is no source %q in halftone.yaml", source)
}

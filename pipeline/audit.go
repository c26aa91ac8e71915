package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/outputs/verify"
	"halftone/pipeline/runs"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// An Audit says what came of holding the ledger against its sealed files and the
// public folder.
type Audit struct {
	OK     bool           `json:"ok"`
	Checks []verify.Check `json:"checks"`
	Locked bool           `json:"-"` // the chain is broken, or the public folder knows more
}

// Audit recomputes what the ledger of a dataset claims, without data: chain, seals,
// costs, caps, and the published manifests. It changes nothing, and excludes runs
// while it looks.
func (l Line) Audit(ctx context.Context) (Audit, error) {
	a := auditor{l: l}
	if has, err := l.hasLedger(ctx); err != nil {
		return Audit{}, err
	} else if !has {
		heads, err := l.heads(ctx)
		if err == nil && len(heads) > 0 {
			a.locked("chain", errors.New("there is no ledger, and the public folder has versions: bring the newest backup back, halftone restore"))
		} else if a.note("public", "", err); err == nil {
			a.note("chain", "no ledger yet: nothing has been charged", nil)
		}
		return a.end(), nil
	}
	if err := l.ready(); err != nil {
		return Audit{}, err
	}
	unlock, err := runs.Lock(l.State)
	if err != nil {
		return Audit{}, err
	}
	defer unlock()
	if err := a.run(ctx); err != nil {
		return Audit{}, err
	}
	return a.end(), nil
}

// An auditor holds what earlier checks have read.
type auditor struct {
	l       Line
	led     *ledger.Ledger
	links   []privacy.Link
	entries []privacy.Entry  // of the links
	acc     describe.Account // added up anew from the links
	sum     error            // why they do not add up
	out     Audit
}

func (a *auditor) note(name, detail string, err error) {
	if err != nil {
		detail = err.Error()
	}
	a.out.Checks = append(a.out.Checks, verify.Check{Name: name, OK: err == nil, Detail: detail})
}

func (a *auditor) locked(name string, err error) {
	a.out.Locked = true
	a.note(name, "", err)
}

func (a *auditor) end() Audit {
	a.out.OK = !slices.ContainsFunc(a.out.Checks, func(c verify.Check) bool { return !c.OK })
	return a.out
}

func (a *auditor) run(ctx context.Context) error {
	var err error
	if a.led, err = a.l.openLedger(ctx); err != nil {
		if ctx.Err() != nil || errors.Is(err, ledger.ErrPostgres) || errors.Is(err, ErrUsage) {
			return err
		}
		a.locked("chain", err)
		return nil
	}
	defer func() { _ = a.led.Close() }() // nothing was written
	if a.l.shared() {                    // or another replica would charge while we add up
		held, give, err := a.l.hold(ctx, a.led)
		if err != nil {
			return err
		}
		defer give()
		ctx = held
	}
	if a.links, err = a.led.Chain(ctx); err != nil {
		a.locked("chain", err)
		return nil
	}
	for e, err := range privacy.Entries(a.links) {
		if err != nil {
			a.locked("chain", err)
			return nil
		}
		a.entries = append(a.entries, e)
	}
	if err := a.led.CheckWitness(ctx, nil); err != nil { // a sealed file that was never charged
		a.locked("chain", err)
		return nil
	}
	if len(a.links) == 0 {
		a.note("chain", "no entry yet: nothing has been charged", nil)
	} else {
		a.note("chain", fmt.Sprintf("%s, whole; head %.8s", count(len(a.links), "entry", "entries"), a.links[len(a.links)-1].Hash), nil)
	}
	a.acc, a.sum = describe.NewAccount(a.l.Dataset.Name, a.links)
	for _, c := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{{"seals", a.seals}, {"costs", a.costs}, {"caps", a.caps}} {
		if a.sum != nil && len(a.acc.Charges) == 0 {
			break // the dataset has no charges
		}
		detail, err := c.do(ctx)
		if ctx.Err() != nil {
			return err
		}
		a.note(c.name, detail, err)
	}
	a.public(ctx)
	return ctx.Err()
}

// seals opens every sealed file that the dataset's entries name.
func (a *auditor) seals(ctx context.Context) (string, error) {
	var wrong []error
	for _, k := range sorted(a.acc.Seals) {
		_, err := a.led.Sealed(ctx, k)
		if err == nil {
			continue
		}
		if gone, perr := past(ctx, a.led, k, err); perr != nil || !gone {
			wrong = append(wrong, err)
		}
	}
	if err := firstOf(wrong); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s as sealed; %s charged and not sealed", count(len(a.acc.Seals), "sealed file", "sealed files"), count(len(a.acc.Charges)-len(a.acc.Seals), "release", "releases")), nil
}

// costs compares what was charged with what the noise in the sealed file costs.
func (a *auditor) costs(ctx context.Context) (string, error) {
	n := 0
	for _, k := range sorted(a.acc.Seals) {
		r, err := privacy.OpenRelease(ctx, k, a.led)
		if err != nil {
			if gone, perr := past(ctx, a.led, k, err); perr == nil && gone {
				continue
			}
			return "", errors.New("not all checked, because seals is not ok")
		}
		m, err := r.Model()
		if err != nil {
			return "", err
		}
		if got := a.acc.Charges[k].Cost; m.Plan.Cost() != got {
			return "", fmt.Errorf("%s was charged %d, and its noise costs %d", k, got, m.Plan.Cost())
		}
		n++
	}
	return fmt.Sprintf("recomputed from the noise of %s: equal to what was charged", count(n, "release", "releases")), nil
}

// caps adds the costs up again and holds them against the terms of the first charge.
func (a *auditor) caps(ctx context.Context) (string, error) {
	if a.sum != nil { // such as a charge on other terms
		return "", a.sum
	}
	acc := a.acc
	account, err := a.led.Account(ctx, a.l.Dataset.Name)
	if err != nil {
		return "", err
	}
	if account.Terms != acc.Terms || len(account.Periods) != len(acc.Periods) {
		return "", errors.New("the account is not what the entries add up to")
	}
	for _, p := range account.Periods {
		i := slices.IndexFunc(acc.Periods, func(c describe.PeriodCost) bool { return c.Period == p.Period })
		if i < 0 || acc.Periods[i].Nano != p.Spent+p.Reserved+p.Burnt {
			return "", fmt.Errorf("the account of period %s is not what the entries add up to", p.Period)
		}
	}
	if len(acc.Over) > 0 {
		return "", fmt.Errorf("the releases of period %s cost more than a period may", acc.Over[0])
	}
	amended := a.amended()
	if person := max(acc.Person, account.PersonCost); person > acc.Terms.Budget && amended == 0 {
		return "", fmt.Errorf("the releases cost %d %s, more than the budget of %d", person, acc.Terms.Unit, acc.Terms.Budget)
	}
	detail := fmt.Sprintf("%s on one set of terms, each within its cap; %d of %d %s", count(len(acc.Periods), "period", "periods"), acc.Person, acc.Terms.Budget, acc.Terms.Unit)
	if amended > 0 { // what was released before may count for more than there was
		detail += fmt.Sprintf(", as amended %s", count(amended, "time", "times"))
	}
	if p := acc.Terms.Population; p.Name != "" {
		members, err := a.led.Population(ctx, p.Name)
		if err != nil {
			return "", err
		}
		within := p.Within(populationCost(p, members).Cost)
		switch {
		case within:
			detail += fmt.Sprintf("; population %s within its cap", p.Name)
		case a.amendedOf(members) > 0:
			detail += fmt.Sprintf("; population %s above its cap since an amendment: nothing more of it is released", p.Name)
		default:
			return "", fmt.Errorf("the datasets of population %s cost one person more than their cap", p.Name)
		}
	}
	return detail, nil
}

// amended is how often people have changed the dataset's terms.
func (a *auditor) amended() int { return a.amendedOf([]ledger.Member{{Dataset: a.l.Dataset.Name}}) }

func (a *auditor) amendedOf(members []ledger.Member) (n int) {
	for _, e := range a.entries {
		if e.Kind == privacy.EntryAmend &&
			slices.ContainsFunc(members, func(m ledger.Member) bool { return m.Dataset == e.Dataset }) {
			n++
		}
	}
	return n
}

// public holds every published head against the chain, and the versions of the
// dataset against what was recorded of them.
func (a *auditor) public(ctx context.Context) {
	const name = "public"
	heads, err := a.l.heads(ctx)
	if err != nil {
		a.note(name, "", err)
		return
	}
	seen, err := a.l.witnesses(heads)
	if err != nil {
		a.note(name, "", err)
		return
	}
	if err := a.led.CheckWitness(ctx, seen); errors.Is(err, privacy.ErrLocked) {
		a.locked(name, err)
		return
	} else if err != nil {
		a.note(name, "", err)
		return
	}
	n, err := a.versions(heads)
	if err == nil {
		err = a.pointer(n)
	}
	a.note(name, count(n, "version", "versions")+", as recorded; their heads are in the chain", err)
}

// versions compares the dataset's versions, both ways, and says how many there are.
func (a *auditor) versions(heads []publish.Witness) (n int, err error) {
	recorded := map[string]privacy.Entry{}
	for _, e := range a.published() {
		recorded[e.Version] = e
	}
	var wrong []error
	for _, h := range heads {
		if h.Entries < 1 || h.Entries > len(a.links) || a.links[h.Entries-1].Hash != h.Head {
			wrong = append(wrong, fmt.Errorf("%s: the chain had another head at entry %d", h.Path, h.Entries))
		}
		if h.Dataset != a.l.Dataset.Name {
			continue
		}
		if k, ok := a.readable(h); ok {
			wrong = append(wrong, fmt.Errorf("%s: %s is withdrawn, and can still be read: halftone run takes it down", h.Path, k))
		}
		e, ok := recorded[h.Version]
		delete(recorded, h.Version)
		switch {
		case !ok && len(h.Withdrawn) > 0: // taken down before it was recorded, or recorded by a ledger that is lost
		case !ok:
			wrong = append(wrong, fmt.Errorf("%s: the ledger has no record of this version. A run that was killed may have left it: "+
				"then halftone run publishes a newer one, and the folder can be taken away", h.Path))
		case e.Manifest != h.Manifest || e.Sequence != h.Sequence:
			wrong = append(wrong, fmt.Errorf("%s is not the manifest that was recorded", h.Path))
		}
		n++
	}
	for _, e := range a.published() {
		if _, missing := recorded[e.Version]; missing {
			wrong = append(wrong, fmt.Errorf("version %s was published, and is not in the public folder: bring it back", e.Version))
		}
	}
	return n, firstOf(wrong)
}

// readable is a withdrawn release that a version holds which was not taken down.
func (a *auditor) readable(h publish.Witness) (k privacy.Key, ok bool) {
	for _, e := range a.entries {
		if k := e.Key(); e.Kind == privacy.EntryWithdraw && len(h.Withdrawn) == 0 && slices.Contains(h.Releases, k) {
			return k, true
		}
	}
	return k, false
}

// pointer checks that readers are sent to the newest version.
func (a *auditor) pointer(versions int) error {
	all := a.published()
	if versions == 0 || len(all) == 0 {
		return nil
	}
	pub, err := publish.Open(a.l.Public)
	if err != nil {
		return err
	}
	defer func() { _ = pub.Close() }()
	p, err := pub.Latest(a.l.Dataset.Name)
	if _, werr := pub.Withdrawn(a.l.Dataset.Name, all[len(all)-1].Version); werr == nil {
		return nil // nothing is left to point to
	}
	if err != nil {
		return err
	}
	if last := all[len(all)-1]; p.Version != last.Version || p.Manifest != last.Manifest {
		return fmt.Errorf("latest.json points to %s and not to %s, the newest: halftone run moves it", p.Version, last.Version)
	}
	return nil
}

// published are the publish entries of the dataset, oldest first.
func (a *auditor) published() (out []privacy.Entry) {
	for _, e := range a.entries {
		if e.Kind == privacy.EntryPublish && e.Dataset == a.l.Dataset.Name {
			out = append(out, e)
		}
	}
	return out
}

func sorted(m map[privacy.Key]privacy.Entry) []privacy.Key {
	keys := make([]privacy.Key, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y privacy.Key) int {
		if c := x.Period.Start().Compare(y.Period.Start()); c != 0 {
			return c
		}
		return (x.Series-y.Series)*1000 + x.Edition - y.Edition
	})
	return keys
}

// firstOf is the first of several differences, with the number of the others.
func firstOf(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fmt.Errorf("%w (and %d more)", errs[0], len(errs)-1)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Export is the chain with the entries of the dataset, or with those of all
// datasets of the instance: ledger.jsonl, as a version has it, one link a line.
func (l Line) Export(ctx context.Context, all bool) ([]byte, error) {
	if has, err := l.hasLedger(ctx); err != nil {
		return nil, err
	} else if !has {
		return nil, fmt.Errorf("%w: there is no ledger yet; it begins with the first release: halftone run", ErrRefused)
	}
	if err := l.checkState(); err != nil {
		return nil, err
	}
	led, err := l.openLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = led.Close() }() // nothing was written
	links, err := led.Links(ctx, l.Dataset.Name)
	if all {
		links, err = led.Chain(ctx)
	}
	if err != nil {
		return nil, err
	}
	return describe.Ledger(links)
}

// ExportFile writes what [Line.Export] gives into a new file.
func (l Line) ExportFile(ctx context.Context, file string, all bool) error {
	b, err := l.Export(ctx, all)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%w: there is a file of that name already: give a new name", ErrRefused)
	}
	return create(file, func(f *os.File) error { _, err := f.Write(b); return err })
}

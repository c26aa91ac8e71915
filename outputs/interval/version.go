package interval

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"halftone/outputs/dataset"
	"halftone/privacy"
)

// Files are the files of a published version; a file that is not there is an
// [fs.ErrNotExist].
type Files interface {
	Read(ctx context.Context, name string) ([]byte, error)
}

// A Version is a published version that can be asked. It may be used by one
// goroutine at a time.
type Version struct {
	// Earlier returns the newest version before this one that has a release, for
	// editions that this version has no longer; nil: it cannot say. Its error is an
	// [fs.ErrNotExist] where there is none.
	Earlier func(ctx context.Context, p privacy.Period, edition int) (*Version, error)

	files   Files
	model   privacy.NoiseModel
	noise   *privacy.NoiseReader
	lead    string
	labels  []map[string][]string // dimension: code → its labels, the first language's first
	breaks  []breakNote
	gone    []privacy.Period // withdrawn
	earlier map[privacy.Period]map[int]*Version
}

// A breakNote says that periods before and from At on are not alike.
type breakNote struct {
	at   privacy.Period
	text string
}

// Open reads what a version says of itself: noise-model.json, code lists, the lead
// table, and breaks. The files may come from anywhere; whether they belong to each
// other is for `halftone verify` to find out.
func Open(ctx context.Context, files Files) (*Version, error) {
	v := &Version{files: files}
	b, err := files.Read(ctx, "noise-model.json")
	if err != nil {
		return nil, fmt.Errorf("interval: noise-model.json: %w", err)
	}
	if v.model, err = privacy.ReadNoiseModel(bytes.NewReader(b)); err == nil {
		v.noise, err = v.model.Open()
	}
	if err != nil {
		return nil, fmt.Errorf("interval: noise-model.json: %w", err)
	}
	if b, err = files.Read(ctx, "datapackage.json"); err != nil {
		return nil, fmt.Errorf("interval: datapackage.json: %w", err)
	}
	var pkg struct {
		Halftone struct{ Lead string }
	}
	if err := json.Unmarshal(b, &pkg); err != nil {
		return nil, errors.New("interval: datapackage.json is unreadable")
	}
	v.lead = pkg.Halftone.Lead
	for _, d := range v.model.Dimensions {
		labels, err := v.readLabels(ctx, d.Name)
		if err != nil {
			return nil, fmt.Errorf("interval: %w", err)
		}
		v.labels = append(v.labels, labels)
	}
	return v, v.readBreaks(ctx)
}

// Name is the version's.
func (v *Version) Name() string { return v.model.Version }

// A lines reads a CSV file by the names of its columns.
type lines struct {
	name string
	r    *csv.Reader
	head []string
	at   map[string]int
	row  []string
}

func (v *Version) open(ctx context.Context, name string) (*lines, error) {
	b, err := v.files.Read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	l := &lines{name: name, r: csv.NewReader(bytes.NewReader(b)), at: map[string]int{}}
	head, err := l.r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s is unreadable", name)
	}
	l.head = head
	for i, h := range head {
		l.at[h] = i
	}
	l.r.ReuseRecord = true
	return l, nil
}

// next reads a line; false at the end.
func (l *lines) next() (bool, error) {
	var err error
	if l.row, err = l.r.Read(); errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s is unreadable: %w", l.name, err)
	}
	return true, nil
}

func (l *lines) text(column string) string {
	if i, ok := l.at[column]; ok {
		return l.row[i]
	}
	return ""
}

func (l *lines) needs(columns ...string) error {
	for _, c := range columns {
		if _, ok := l.at[c]; !ok {
			return fmt.Errorf("%s has no column %s", l.name, c)
		}
	}
	return nil
}

func (v *Version) readLabels(ctx context.Context, dimension string) (map[string][]string, error) {
	l, err := v.open(ctx, dataset.CodesPath(dimension))
	if errors.Is(err, fs.ErrNotExist) { // a dimension without a code list
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := l.needs("code"); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for {
		if ok, err := l.next(); !ok {
			return out, err
		}
		code := strings.Clone(l.text("code"))
		for i, h := range l.head {
			if strings.HasPrefix(h, "label_") && l.row[i] != "" {
				out[code] = append(out[code], strings.Clone(l.row[i]))
			}
		}
	}
}

// readBreaks reads what lies between periods that can be compared.
func (v *Version) readBreaks(ctx context.Context) error {
	l, err := v.open(ctx, "releases.csv")
	if err == nil {
		err = l.needs("period", "break")
	}
	for err == nil {
		var ok bool
		if ok, err = l.next(); !ok {
			break
		}
		gone := l.at["provisional"] > 0 && l.text("provisional") == "" // of a release only: true or false
		if l.text("break") == "" && !gone {
			continue
		}
		p, perr := privacy.ParsePeriod(l.text("period"))
		if perr != nil {
			return errors.New("interval: releases.csv has a period that is none")
		}
		if gone {
			v.gone = append(v.gone, p)
		}
		if text := l.text("break"); text != "" {
			v.breaks = append(v.breaks, breakNote{p, strings.Clone(text)})
		}
	}
	if err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	return nil
}

// published is what its file says of a cell.
type published struct {
	estimate, sd float64
	low, high    int64
	status       string
}

// read fills the figures of one table from its file.
func (v *Version) read(ctx context.Context, table string, cells []*Cell) error {
	l, err := v.open(ctx, dataset.CSVPath(table))
	if err != nil {
		return err
	}
	if err := l.needs("period", "estimate", "sd", "ci_low", "ci_high", "status", "edition"); err != nil {
		return err
	}
	wanted := map[string][]*Cell{}
	var dims []string
	for _, c := range cells {
		dims = nil
		key := c.Period.String() + "." + strconv.Itoa(c.Edition)
		for _, k := range c.Codes {
			dims, key = append(dims, k.Dimension), key+"\x00"+k.Code
		}
		wanted[key] = append(wanted[key], c)
	}
	if err := l.needs(dims...); err != nil {
		return err
	}
	for {
		ok, err := l.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		key := l.text("period") + "." + l.text("edition")
		for _, d := range dims {
			key += "\x00" + l.text(d)
		}
		for _, c := range wanted[key] {
			if c.published, err = l.numbers(); err != nil {
				return fmt.Errorf("%s: %s: %w", l.name, c, err)
			}
			c.known = true
		}
	}
	for _, c := range cells {
		if !c.known {
			return fmt.Errorf("%s has no line for %s", l.name, c)
		}
	}
	return nil
}

func (l *lines) numbers() (p published, err error) {
	p.status = strings.Clone(l.text("status"))
	if l.text("estimate") == "" {
		p.estimate = math.NaN()
		return p, nil
	}
	var errs [4]error
	p.estimate, errs[0] = strconv.ParseFloat(l.text("estimate"), 64)
	p.sd, errs[1] = strconv.ParseFloat(l.text("sd"), 64)
	p.low, errs[2] = strconv.ParseInt(l.text("ci_low"), 10, 64)
	p.high, errs[3] = strconv.ParseInt(l.text("ci_high"), 10, 64)
	if errors.Join(errs[:]...) != nil || math.IsNaN(p.estimate) || math.IsInf(p.estimate, 0) || !(p.sd >= 0) {
		return p, errors.New("the numbers are unreadable")
	}
	return p, nil
}

// periods are those of the version, oldest first.
func (v *Version) periods() []privacy.Period {
	var out []privacy.Period
	for _, r := range v.model.Releases {
		if !slices.Contains(out, r.Period) {
			out = append(out, r.Period)
		}
	}
	slices.SortFunc(out, func(a, b privacy.Period) int {
		if a.Before(b) {
			return -1
		}
		if b.Before(a) {
			return 1
		}
		return 0
	})
	return out
}

// edition is the newest of a period, 0 where there is none.
func (v *Version) edition(p privacy.Period) (newest int) {
	for _, r := range v.model.Releases {
		if r.Period == p {
			newest = max(newest, r.Edition)
		}
	}
	return newest
}

// shape are the dimensions and tables of a release.
func (v *Version) shape(p privacy.Period, edition int) ([]privacy.ModelDimension, []privacy.ModelTable) {
	for _, r := range v.model.Releases {
		if r.Period == p && r.Edition == edition && r.Dimensions != nil {
			return r.Dimensions, r.Tables
		}
	}
	return v.model.Dimensions, v.model.Tables
}

// cell names c for the noise model, by the dimensions that its release has.
func (v *Version) cell(c *Cell) privacy.NoiseCell {
	dims, _ := v.shape(c.Period, c.Edition)
	out := privacy.NoiseCell{Table: c.Table, Period: c.Period, Edition: c.Edition}
	for _, d := range dims {
		code := privacy.Total
		for _, k := range c.Codes {
			if k.Dimension == d.Name {
				code = k.Code
			}
		}
		out.Codes = append(out.Codes, code)
	}
	return out
}

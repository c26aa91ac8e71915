package config

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"halftone/privacy"
)

// InstanceFile is the name of the file that several datasets share a state folder,
// a ledger and a public folder by.
const InstanceFile = "instance.yaml"

// datasetFile is what the file of a dataset is called below an instance.
const datasetFile = "halftone.yaml"

// An Instance is one instance.yaml with its datasets.
type Instance struct {
	Dir      string // folder of the file: the base of its paths
	State    string // as written; default .halftone
	Public   string // as written; default public
	Store    string // of the ledger: sqlite, or env:NAME with the connection string of a Postgres database
	BaseURL  string
	Datasets []Dataset // by name; Spec.Population has the cap that the instance gives it
}

// LoadInstance reads dir/instance.yaml and every dataset that it names, and gives
// the warnings of each dataset by its name. Problems, those of the datasets among
// them, come as [Errors], all of them; without the file the error is
// [fs.ErrNotExist].
func LoadInstance(dir string, kinds []string) (Instance, map[string][]Warning, error) {
	b, err := readFile(filepath.Join(dir, InstanceFile))
	if err != nil {
		return Instance{}, nil, fmt.Errorf("config: %s: %w", InstanceFile, cause(err))
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(b), "\ufeff"))
	src := newSource(InstanceFile, text)
	if nothing(text) {
		text = "{}" // every key has a default
	}
	root, problems := parse(src, text)
	if root == nil {
		return Instance{}, nil, src.errors(problems)
	}
	f := wholeInstance()
	c := newChecker(src)
	c.problems = problems
	c.check(root, f, InstanceFile)
	in := Instance{Dir: dir}
	var warnings map[string][]Warning
	var below Errors
	if root.kind == mapNode {
		warnings, below = in.build(&builder{checker: c, kinds: kinds}, c.root(root, f))
	}
	if len(c.problems)+len(below) > 0 {
		return Instance{}, nil, append(src.errors(c.problems), below...)
	}
	return in, warnings, nil
}

// nothing reports whether a file has comments only.
func nothing(text string) bool {
	for line := range strings.Lines(text) {
		if s := strings.TrimSpace(line); s != "" && !strings.HasPrefix(s, "#") {
			return false
		}
	}
	return true
}

// wholeInstance is instance.yaml, every key of it.
func wholeInstance() *form {
	positive := decimal("a number above 0, at most 1000", map[string]any{"exclusiveMinimum": 0, "maximum": 1000})
	return object(keys(
		opt("state", "The state folder of all datasets: ledger, keys, staged rows.", text("a path")).or(".halftone"),
		opt("store", "Where the ledger is: `sqlite`, in the state folder, or `env:NAME`, the environment variable with the connection string of a Postgres database, for several replicas.",
			matching(`^(sqlite|env:[A-Za-z_][A-Za-z0-9_]*)$`, "sqlite, or env:NAME with the connection string of a Postgres database in $NAME, never the string itself")).or("sqlite"),
		opt("public", "The public folder of all datasets.", text("a path")).or("public"),
		opt("base_url", "Web address of the public folder.", matching(`^https?://\S+$`, "an address that starts with https://")).none("none"),
		opt("datasets", "Files of the datasets, relative to this one; `*` stands for any name.", listOf("a list of paths", text("a path such as */halftone.yaml")).some()).or([]any{"*/halftone.yaml"}),
		opt("populations", "Caps on what the datasets of a population may cost one person together.", mapOf("a map of populations", namePattern, object(
			must("total", "The cap on the sum.", object(
				opt("epsilon", "With `delta`, or alone for datasets that are all paid in pure epsilon.", positive),
				opt("delta", "Goes with `epsilon`.", decimal("a number from 0 to below 1, such as 1e-6", map[string]any{"minimum": 0, "exclusiveMaximum": 1})).or(0),
				opt("rho", "In zCDP; pure epsilon counts as epsilon²/2 of it.", positive),
			).exactly("epsilon", "rho")),
		))).none("no caps"),
		later("listen", "people", "oidc", "smtp"),
	)...)
}

// build loads the datasets and gives them their caps.
func (in *Instance) build(b *builder, root cursor) (warnings map[string][]Warning, below Errors) {
	warnings = map[string][]Warning{}
	in.State, in.Public, in.Store, in.BaseURL = root.get("state").text(), root.get("public").text(), root.get("store").text(), root.get("base_url").text()
	caps := map[string]privacy.Population{}
	for p, v := range root.get("populations").each() {
		caps[p.key] = b.population(p.key, v.get("total"))
	}
	seen := map[string]string{}
	for _, file := range in.files(root.get("datasets")) {
		d, ws, err := Load(filepath.Join(in.Dir, filepath.Dir(file)), filepath.Base(file), b.kinds)
		at := func(p Problem) Problem { // its file is relative to the dataset's folder
			p.File = path.Join(path.Dir(file), filepath.ToSlash(p.File))
			return p
		}
		var es Errors
		switch {
		case errors.As(err, &es):
			for _, p := range es {
				below = append(below, at(p))
			}
			continue
		case err != nil:
			below = append(below, Problem{File: file, Message: err.Error()})
			continue
		}
		if p := at(d.places.folder); p.Line > 0 {
			p.Message, p.Fix = "a dataset of an instance is published in the folder of the instance, "+quoted(in.Public), "take the folder out of `publish`; `public` in "+InstanceFile+" names the one of all"
			below = append(below, p)
		}
		if other, twice := seen[d.Name]; twice {
			p := at(d.places.name)
			p.Message, p.Fix = fmt.Sprintf("dataset %s stands in %s as well: one name is one account in the ledger", quoted(d.Name), other), "give the newer of them another name"
			below = append(below, p)
		}
		seen[d.Name] = file
		if cap, ok := caps[d.Spec.Population.Name]; ok {
			d.Spec.Population = cap
		}
		d.About.BaseURL, d.Public = in.BaseURL, in.Public
		in.Datasets = append(in.Datasets, d)
		for _, w := range ws {
			warnings[d.Name] = append(warnings[d.Name], Warning{at(w.Problem)})
		}
	}
	slices.SortFunc(in.Datasets, func(x, y Dataset) int { return strings.Compare(x.Name, y.Name) })
	return warnings, below
}

// population is a cap in both units as far as it has one.
func (b *builder) population(name string, total cursor) privacy.Population {
	p := privacy.Population{Name: name}
	if rho := total.get("rho"); rho.given() {
		if delta := total.get("delta"); delta.given() {
			delta.add("delta goes with epsilon: a cap in rho needs none", "take delta out")
		}
		p.NanoRho = b.nano(rho, "rho")
		return p
	}
	p.NanoEpsilon, p.Delta = b.nano(total.get("epsilon"), "epsilon"), b.delta(total.get("delta"))
	if p.Delta > 0 {
		p.NanoRho = privacy.NanoRho(float64(p.NanoEpsilon)/1e9, p.Delta)
	}
	return p
}

// paths are the texts of a list with where they stand, or those of its default.
func (v cursor) paths() iter.Seq2[cursor, string] {
	return func(yield func(cursor, string) bool) {
		if !v.given() {
			for _, s := range v.texts() {
				if !yield(v, s) {
					return
				}
			}
			return
		}
		for item := range v.items() {
			if !yield(item, item.text()) {
				return
			}
		}
	}
}

// files are the datasets' files, each once, in order.
func (in *Instance) files(v cursor) []string {
	var out []string
	for at, pattern := range v.paths() {
		found, err := fs.Glob(os.DirFS(in.Dir), filepath.ToSlash(filepath.Clean(pattern)))
		if err != nil || len(found) == 0 {
			at.add("no file "+quoted(pattern)+" below this folder", `paths are relative to instance.yaml: ["*/halftone.yaml"]`)
		}
		for _, file := range found {
			if path.Base(file) != datasetFile { // -C FOLDER would not find it
				at.add(quoted(file)+" is not called "+datasetFile, "keep each dataset in a folder of its own: [\"*/"+datasetFile+"\"]")
				continue
			}
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

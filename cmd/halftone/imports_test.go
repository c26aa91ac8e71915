package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A rule says which of our folders, and which packages of the standard library,
// a folder may not import, and why.
type rule struct {
	folder string
	never  []string // prefix of an import path; a trailing $ means exactly this one
	direct bool     // only direct imports count
	why    string
}

var rules = []rule{
	{"connectors", []string{"halftone/pipeline", "halftone/privacy", "halftone/outputs", "halftone/cmd"}, false,
		"connectors know nothing of what is made of their pages"},
	{"privacy", []string{"halftone/connectors", "halftone/pipeline", "halftone/outputs", "halftone/cmd"}, false,
		"privacy sees codes and counts; labels, sources and pages never enter it"},
	{"outputs", []string{"halftone/connectors", "halftone/pipeline", "halftone/cmd"}, false,
		"outputs are made from releases and public text; nothing there can reach a row or a cube"},
	{"outputs", []string{"halftone/privacy/"}, true,
		"outputs see the root of privacy only, where nothing draws noise or charges a ledger"},
	{"pipeline", []string{"halftone/cmd"}, false, "nothing imports a command"},
	{"privacy", []string{"reflect$", "unsafe$", "math/rand"}, true,
		"the wall is a Go type, which reflect and unsafe see through; noise comes from crypto/rand"},
	{"pipeline", []string{"reflect$", "unsafe$", "math/rand"}, true,
		"the wall is a Go type, which reflect and unsafe see through; whatever is random here is secret"},
}

// TestImports holds the direction of imports. It walks what the go tool says,
// so that a detour through another package is found, too.
func TestImports(t *testing.T) {
	deps, direct := listed(t, "Deps"), listed(t, "Imports")
	if len(deps) < 20 {
		t.Fatalf("only %d packages found: the list is not whole", len(deps))
	}
	for _, r := range rules {
		from := deps
		if r.direct {
			from = direct
		}
		applied := false
		for pkg, imports := range from {
			if pkg != "halftone/"+r.folder && !strings.HasPrefix(pkg, "halftone/"+r.folder+"/") {
				continue
			}
			applied = true
			for _, imp := range imports {
				if broken(r, imp) {
					t.Errorf("%s imports %s: %s", pkg, imp, r.why)
				}
			}
		}
		if !applied {
			t.Errorf("no package below %s: the rule holds nothing", r.folder)
		}
	}
}

func broken(r rule, imp string) bool {
	return slices.ContainsFunc(r.never, func(n string) bool {
		if exact, ok := strings.CutSuffix(n, "$"); ok {
			return imp == exact
		}
		return strings.HasPrefix(imp, n)
	})
}

// listed returns the imports of every package of the module, tests aside.
func listed(t *testing.T, field string) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}} {{join ."+field+" \" \"}}", "halftone/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	m := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		m[f[0]] = f[1:]
	}
	return m
}

// The rules find what they are for.
func TestRulesCanFail(t *testing.T) {
	for _, tc := range []struct {
		folder, imp string
		want        bool
	}{
		{"outputs", "halftone/pipeline/staging", true}, {"outputs", "halftone/privacy", false}, {"outputs", "halftone/privacy/ledger", true},
		{"privacy", "reflect", true}, {"privacy", "reflectx", false}, {"pipeline", "math/rand/v2", true}, {"connectors", "halftone/privacy/domain", true},
	} {
		got := slices.ContainsFunc(rules, func(r rule) bool { return r.folder == tc.folder && broken(r, tc.imp) })
		if got != tc.want {
			t.Errorf("%s importing %s: broken %v, want %v", tc.folder, tc.imp, got, tc.want)
		}
	}
}

package codelist

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " \t\n": "", "a": "a", "A  B": "a b", "\u00a0É\u2003t ": "é t", "E\u0301": "é", "Straße": "strasse",
		"ΌΣΟΣ": "όσοσ", "a-b": "a-b", "İ": "i̇", "ﬁ": "fi", "N/A": "n/a",
	} {
		if got := Fold(text); got != want {
			t.Errorf("%q folds to %q, want %q", text, got, want)
		}
	}
	if got := Clean(" A\u00a0 E\u0301 "); got != "A É" {
		t.Errorf("got %q", got)
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", " ", "A b", "\u0345", "ᾳ\u0345", "ᾼ", "ΰ", "İI\u0307", "\u1e9e", "a\u0300\u0315\u0300", "\xff", "Å\u2002\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Errorf("%q folds to %q, then to %q", s, once, twice)
		}
		if c := Clean(s); Clean(c) != c || Fold(c) != once {
			t.Errorf("%q: cleaning is not half of folding", s)
		}
		if utf8.ValidString(s) {
			if Fold(norm.NFD.String(s)) != once {
				t.Errorf("%q: the normal form counts", s)
			}
			if !norm.NFC.IsNormalString(once) {
				t.Errorf("%q folds to %q, not in form C", s, once)
			}
		}
		if strings.TrimSpace(once) != once || strings.Contains(once, "  ") {
			t.Errorf("%q keeps white space", once)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{places, "code\na\n", "code,parent,level\n_T,,n\nb,_T,x\n_U,,x\n", "code,parent\na,\nb,a\nb/_U,b\n", "code,level\na,all\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Read("l", strings.NewReader(s))
		if err != nil {
			return
		}
		again, err := Read("l", strings.NewReader(s))
		if err != nil || !reflect.DeepEqual(l, again) {
			t.Fatal("reading twice gives two lists")
		}
		for _, u := range []Unknowns{{}, {All: true}} {
			d, err := l.Domain("d", u)
			if err != nil {
				t.Fatal(err)
			}
			labelled := map[string]bool{}
			for _, c := range l.For("d").Public(u) {
				labelled[c.Code] = len(c.Label) > 0
			}
			codes := map[string]bool{}
			for _, lv := range d.Levels {
				for _, c := range lv.Codes {
					if codes[c] = true; !labelled[c] {
						t.Fatalf("code %q has no label", c)
					}
				}
			}
			if len(codes) != len(labelled) {
				t.Fatalf("%d codes, %d labels", len(codes), len(labelled))
			}
			checkLeaves(t, l, u, d.Leaf().Codes)
		}
	})
}

// checkLeaves: every code enters at a leaf of the domain, and has a path.
func checkLeaves(t *testing.T, l List, u Unknowns, leaves []string) {
	there := map[string]bool{}
	for _, c := range leaves {
		there[c] = true
	}
	for _, e := range l.Entries {
		leaf, parent, ok := l.Leaf(e.Code)
		if !ok || (parent == "" || u.Has(parent)) && !there[leaf] {
			t.Fatalf("code %q enters at %q, which is no leaf", e.Code, leaf)
		}
		if path := l.Path(e.Code); path[len(path)-1] != "_T" {
			t.Fatalf("code %q has the path %q", e.Code, path)
		}
		for _, text := range e.texts() {
			if code, ok := l.Resolve(Fold(text)); !ok || code != e.Code {
				t.Fatalf("%q of code %q resolves to %q", text, e.Code, code)
			}
		}
	}
}

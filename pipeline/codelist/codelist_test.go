package codelist

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/privacy"
)

func mustRead(t testing.TB, text string) List {
	t.Helper()
	l, err := Read("list.csv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// places is unbalanced: ATA has nothing below it, VAT hangs a level too low,
// and the divisions of AFR stop above the finest level.
const places = "\ufeffcode,parent,level,label_en,label_fr,synonyms,note\n" +
	"AFR,,region,Africa,Afrique,,x\n" +
	"EUR,,region,Europe,Europe,,\n" +
	"TD,AFR,country,Chad,Tchad,Republic of Chad|Tschad,\n" +
	"FR,EUR,country,France,France,,\n" +
	"ATA,,region,Antarctica,,,\n" +
	"TD-N,TD,province,N'Djamena,,NDJ,\n" +
	"VAT,EUR,province,Holy See,Saint-Siège,,\n"

func TestReadOrder(t *testing.T) {
	l := mustRead(t, places)
	if want := []string{"all", "region", "country", "province"}; !reflect.DeepEqual(l.Levels, want) {
		t.Errorf("levels %v, want %v", l.Levels, want)
	}
	root := l.Entries[0]
	if root.Code != privacy.Total || root.Parent != "" || root.Level != "all" {
		t.Errorf("the implied root is %+v", root)
	}
	if e, ok := l.Code("AFR"); !ok || e.Parent != privacy.Total || e.Label["fr"] != "Afrique" {
		t.Errorf("AFR is %+v, %v", e, ok)
	}
	if len(l.Digest) != 64 || l.Digest == mustRead(t, places+"DE,EUR,country,Germany,,,\n").Digest {
		t.Error("the digest must be a SHA-256 of the file")
	}
}

func TestReadRoot(t *testing.T) {
	// One top code is no root: the root is _T, given or implied.
	l := mustRead(t, "code,parent,level\nUS,,nation\nTX,US,state\n")
	if want := []string{"all", "nation", "state"}; !reflect.DeepEqual(l.Levels, want) {
		t.Errorf("levels %v, want %v", l.Levels, want)
	}
	l = mustRead(t, "code,parent,level,label_en\nTX,,state,Texas\n_T,,nation,United States\nNY,_T,state,New York\n")
	if want := []string{"nation", "state"}; !reflect.DeepEqual(l.Levels, want) {
		t.Errorf("levels %v, want %v", l.Levels, want)
	}
	if code, ok := l.Resolve("united states"); !ok || code != privacy.Total {
		t.Error("a given root's label must resolve to it")
	}
	if l.Entries[0].Code != privacy.Total || l.Entries[1].Code != "TX" || l.Entries[2].Code != "NY" {
		t.Error("the root comes first, the others in file order")
	}
}

func TestDerivedLevels(t *testing.T) {
	flat := mustRead(t, "code,label_en\nF,Female\nM,Male\n")
	d, err := flat.Domain("sex", Unknowns{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Levels[0].Name != "all" || d.Levels[1].Name != "sex" {
		t.Errorf("levels %s, %s", d.Levels[0].Name, d.Levels[1].Name)
	}
	if c := flat.For("sex").Public(Unknowns{All: true}); c[1].Level != "sex" || c[3].Level != "sex" {
		t.Errorf("public %+v", c)
	}
	deep := mustRead(t, "code,parent\nb,a\na,\nc,b\n")
	d, err = deep.Domain("x", Unknowns{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, lv := range d.Levels {
		names = append(names, lv.Name)
	}
	if want := []string{"all", "level 1", "level 2", "level 3"}; !reflect.DeepEqual(names, want) {
		t.Errorf("levels %v, want %v", names, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "list.csv: is empty"},
		"only a header":     {"code,label_en\n", "list.csv: has no codes"},
		"only the root":     {"code\n_T\n", "list.csv: has no codes"},
		"no code column":    {"id;parent\na;b\n", "list.csv:1: has no column code"},
		"column twice":      {"code,parent,parent\na,,\n", "list.csv:1: column parent stands twice"},
		"no language":       {"code,label_\na,b\n", "list.csv:1: column label_ names no language"},
		"short line":        {"code,parent\na,\nb\n", "list.csv:3: not a line of CSV: wrong number of fields"},
		"quote":             {"code,parent\na,\n\"b,\n", "not a line of CSV"},
		"not UTF-8":         {"code,label_en\na,x\nb,\xe9\n", "list.csv:3: not UTF-8"},
		"empty code":        {"code,label_en\n,x\n", `list.csv:2: code "" is empty`},
		"code twice":        {"code\na\nb\n\na\n", "list.csv:5: code a stands twice, first in line 2"},
		"long code":         {"code\n" + strings.Repeat("a", 65) + "\n", "more than 64 bytes"},
		"control":           {"code\n\"a\x07b\"\n", "cannot be printed"},
		"zero width":        {"code\na\u200bb\n", "cannot be printed"},
		"formula =":         {"code\n=1+1\n", "list.csv:2: code begins with '='"},
		"formula +":         {"code\n+a\n", "begins with '+'"},
		"formula -":         {"code\n-a\n", "begins with '-'"},
		"formula @":         {"code\n@a\n", "begins with '@'"},
		"formula tab":       {"code\n\ta\n", `begins with '\t'`},
		"formula space":     {"code\n =1\n", "begins with '='"},
		"formula label":     {"code,label_fr\na,@SUM(1)\n", "list.csv:2: label_fr begins with '@'"},
		"exclude":           {"code\nExclude\n", "leaves rows out"},
		"own parent":        {"code,parent\na,a\n", "its own parent"},
		"no parent":         {"code,parent\na,\nb,c\n", "list.csv:3: code b: its parent c is no code of the list"},
		"circle":            {"code,parent\na,\nb,d\nc,b\nd,c\n", "list.csv:3: code b lies in itself"},
		"root with parent":  {"code,parent\na,\n_T,a\n", "list.csv:3: _T is the root"},
		"below _U":          {"code,parent\n_U,\na,_U\n", "nothing lies below _U"},
		"_U elsewhere":      {"code,parent\na,\na/_U,\nb,\n", `code "a/_U" is that of "not said where": its parent must be a`},
		"level missing":     {"code,level\na,x\nb,\n", "list.csv:3: code b has no level"},
		"level of root":     {"code,level\n_T,x\nb,x\n", "has the level x of the root"},
		"level of parent":   {"code,parent,level\na,,x\nb,a,x\n", "list.csv:3: code b has the level x, as its parent has"},
		"levels in circle":  {"code,parent,level\na,,x\nb,a,y\nc,,y\nd,c,x\n", "its levels have no order"},
		"levels side":       {"code,parent,level\na,,x\nb,,y\n", "list.csv:3: level y stands beside level x"},
		"level formula":     {"code,level\na,=x\n", "cannot be the name of a level"},
		"label twice":       {"code,label_en\na,Chad\nb,CHAD\n", `list.csv:3: "CHAD" stands for code b and for code a (line 2)`},
		"synonym is a code": {"code,synonyms\na,\nb,A\n", `"A" stands for code b and for code a`},
		"synonym of parent": {"code,parent,synonyms\na,,x\nb,a,x\n", `"x" stands for code b and for code a`},
		"valid_from":        {"code,valid_from\na,yesterday\n", "valid_from and valid_to are dates"},
		"label control":     {"code,label_en\na,\"x\ny\u0000z\"\n", "cannot be printed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read("list.csv", strings.NewReader(c.text))
			var e *Error
			if err == nil || !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestReadTellsAll(t *testing.T) {
	_, err := Read("l", strings.NewReader("code\n=a\n=b\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want both lines", err)
	}
}

func domain(t testing.TB, l List, u Unknowns) [][]string {
	t.Helper()
	d, err := l.Domain("place", u)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for i, lv := range d.Levels {
		var row []string
		for j, c := range lv.Codes {
			if i > 0 {
				c = d.Levels[i-1].Codes[lv.Parent[j]] + ">" + c
			}
			row = append(row, c)
		}
		got = append(got, row)
	}
	return got
}

func TestDomain(t *testing.T) {
	l := mustRead(t, places)
	for name, c := range map[string]struct {
		u    Unknowns
		want [][]string
	}{
		"none": {Unknowns{}, [][]string{
			{"_T"},
			{"_T>AFR", "_T>EUR", "_T>ATA"},
			{"AFR>TD", "EUR>FR", "EUR>VAT", "ATA>ATA"},
			{"TD>TD-N", "FR>FR", "VAT>VAT", "ATA>ATA"},
		}},
		"some": {Unknowns{Parents: map[string]bool{"_T": true, "EUR": true}}, [][]string{
			{"_T"},
			{"_T>AFR", "_T>EUR", "_T>ATA", "_T>_U"},
			{"AFR>TD", "EUR>FR", "EUR>VAT", "EUR>EUR/_U", "ATA>ATA", "_U>_U"},
			{"TD>TD-N", "FR>FR", "VAT>VAT", "EUR/_U>EUR/_U", "ATA>ATA", "_U>_U"},
		}},
		"all": {Unknowns{All: true}, [][]string{
			{"_T"},
			{"_T>AFR", "_T>EUR", "_T>ATA", "_T>_U"},
			{"AFR>TD", "AFR>AFR/_U", "EUR>FR", "EUR>VAT", "EUR>EUR/_U", "ATA>ATA", "_U>_U"},
			{"TD>TD-N", "TD>TD/_U", "AFR/_U>AFR/_U", "FR>FR", "VAT>VAT", "EUR/_U>EUR/_U", "ATA>ATA", "_U>_U"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := domain(t, l, c.u); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%v, want\n%v", got, c.want)
			}
		})
	}
	if _, err := l.Domain("place", Unknowns{Parents: map[string]bool{"XX": true}}); err == nil {
		t.Error("an unknown below a code that is not there must fail")
	}
}

// TestSkippedLevel: a code that hangs more than a level below its parent, with
// codes of its own, stands for itself in between.
func TestSkippedLevel(t *testing.T) {
	l := mustRead(t, "code,parent,level\nAFR,,region\nTD,AFR,country\nVAT,,country\nTD-N,TD,province\nVAT-1,VAT,province\n")
	want := [][]string{{"_T"}, {"_T>AFR", "_T>VAT"}, {"AFR>TD", "VAT>VAT"}, {"TD>TD-N", "TD>TD/_U", "VAT>VAT-1", "VAT>VAT/_U"}}
	if got := domain(t, l, Unknowns{Parents: map[string]bool{"TD": true, "VAT": true}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestGivenUnknown: a line for _U is a code like any other, with its own label.
func TestGivenUnknown(t *testing.T) {
	l := mustRead(t, "code,parent,level,label_en\n_U,,region,Place not known\nAFR,,region,Africa\nTD,AFR,country,Chad\nAFR/_U,AFR,country,Somewhere in Africa\n")
	want := [][]string{{"_T"}, {"_T>_U", "_T>AFR"}, {"_U>_U", "AFR>TD", "AFR>AFR/_U"}}
	for _, u := range []Unknowns{{}, {All: true}} {
		if got := domain(t, l, u); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if code, ok := l.Resolve("place not known"); !ok || code != "_U" {
		t.Errorf("got %s, %v", code, ok)
	}
	if leaf, parent, ok := l.Leaf("AFR/_U"); leaf != "AFR/_U" || parent != "AFR" || !ok {
		t.Errorf("got %s, %s, %v", leaf, parent, ok)
	}
	if leaf, parent, ok := l.Leaf("AFR"); leaf != "AFR/_U" || parent != "AFR" || !ok {
		t.Errorf("got %s, %s, %v", leaf, parent, ok)
	}
}

func TestPublic(t *testing.T) {
	l := mustRead(t, places)
	var got []string
	for _, c := range l.Public(Unknowns{All: true}) {
		got = append(got, strings.Join([]string{c.Code, c.Parent, c.Level, c.Label.In("en"), c.Label.In("fr")}, " | "))
	}
	want := []string{
		"_T |  | all | Total | Total",
		"AFR | _T | region | Africa | Afrique",
		"EUR | _T | region | Europe | Europe",
		"TD | AFR | country | Chad | Tchad",
		"FR | EUR | country | France | France",
		"ATA | _T | region | Antarctica | Antarctica",
		"TD-N | TD | province | N'Djamena | N'Djamena",
		"TD/_U | TD | province | Chad, not further specified | Tchad, sans autre précision",
		"AFR/_U | AFR | country | Africa, not further specified | Afrique, sans autre précision",
		"VAT | EUR | province | Holy See | Saint-Siège",
		"EUR/_U | EUR | country | Europe, not further specified | Europe, sans autre précision",
		"_U | _T | region | Unknown | Inconnu",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := l.Public(Unknowns{}); len(c) != len(l.Entries) {
		t.Errorf("%d codes without _U, want %d", len(c), len(l.Entries))
	}
}

func TestPublicWithoutLabels(t *testing.T) {
	for _, c := range mustRead(t, "code\na\n").Public(Unknowns{All: true}) {
		if c.Label.In("en") == "" {
			t.Errorf("code %s has no label", c.Code)
		}
	}
	// A language without words of ours falls back to English.
	arabic := mustRead(t, "code,label_ar\na,أ\n").Public(Unknowns{All: true})
	if want := (outputs.Text{"en": "Unknown"}); !reflect.DeepEqual(arabic[2].Label, want) {
		t.Errorf("label of _U: %v, want %v", arabic[2].Label, want)
	}
}

func TestLeaf(t *testing.T) {
	l := mustRead(t, places)
	for code, want := range map[string][2]string{
		"TD-N": {"TD-N"}, "FR": {"FR"}, "ATA": {"ATA"}, "VAT": {"VAT"},
		"TD": {"TD/_U", "TD"}, "EUR": {"EUR/_U", "EUR"}, "_T": {"_U", "_T"}, "_U": {"_U", "_T"}, "EUR/_U": {"EUR/_U", "EUR"},
		"FR/_U": {"FR", ""}, // nothing lies below FR
	} {
		if leaf, parent, ok := l.Leaf(code); !ok || leaf != want[0] || parent != want[1] {
			t.Errorf("%s enters at %s (of %q), %v; want %v", code, leaf, parent, ok, want)
		}
	}
	for _, code := range []string{"", "XX", "FR/_U/_U", "TD/_U/_U", "XX/_U", "/_U", "_U/_U", "td-n"} {
		if leaf, _, ok := l.Leaf(code); ok {
			t.Errorf("%q enters at %q, want nowhere", code, leaf)
		}
	}
	if !l.IsLeaf("FR") || l.IsLeaf("TD") || l.IsLeaf("_T") || l.IsLeaf("XX") {
		t.Error("leaves are codes without codes below them")
	}
	if got := l.Path("TD/_U"); !reflect.DeepEqual(got, []string{"TD/_U", "TD", "AFR", "_T"}) {
		t.Errorf("path %v", got)
	}
	if l.Path("XX") != nil {
		t.Error("a code that is not there has no path")
	}
}

func TestResolve(t *testing.T) {
	l := mustRead(t, places)
	for text, want := range map[string]string{
		"TD": "TD", " chad ": "TD", "TCHAD": "TD", "Republic  of\u00a0Chad": "TD", "saint-siège": "VAT", "SAINT-SIE\u0300GE": "VAT",
		"_T": "_T", "Saint-Siege": "", "Tot": "", "Total": "", "Unknown": "", "": "",
	} {
		code, ok := l.Resolve(Fold(text))
		if code != want || ok != (want != "") {
			t.Errorf("%q is %q, want %q", text, code, want)
		}
	}
}

func TestUnknowns(t *testing.T) {
	u := Unknowns{Parents: map[string]bool{"a": true}}.And(Unknowns{Parents: map[string]bool{"b": true, "c": false}})
	if !u.Has("a") || !u.Has("b") || u.Has("c") || u.Has("d") || u.And(Unknowns{All: true}).Has("d") != true {
		t.Errorf("got %+v", u)
	}
}

// TestLiteralList: a list made without Read works all the same.
func TestLiteralList(t *testing.T) {
	l := List{Levels: []string{"all", "sex"}, Entries: []Entry{
		{Code: "_T", Level: "all"}, {Code: "F", Parent: "_T", Level: "sex"}, {Code: "M", Parent: "_T", Level: "sex"}}}
	if got := domain(t, l, Unknowns{}); !reflect.DeepEqual(got, [][]string{{"_T"}, {"_T>F", "_T>M"}}) {
		t.Errorf("got %v", got)
	}
}

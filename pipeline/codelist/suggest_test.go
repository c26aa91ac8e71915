package codelist

import (
	"strings"
	"testing"
)

const nations = "code,label_en,label_fr,synonyms\n" +
	"NAM,Namibia,Namibie,NA\nBHR,Bahrain,Bahreïn,BH\nVNM,Viet Nam,,\nCIV,Côte d’Ivoire,,Ivory Coast\nCOD,Democratic Republic of the Congo,,DRC\n" +
	"IRN,Iran (Islamic Republic of),,\nHTI,Haiti,,\nMLI,Mali,,\nMLT,Malta,,\nGIN,Guinea,,\nGUY,Guyana,,\nLCA,Saint Lucia,,\nPER,Peru,,\nX1,Aland,,\nX2,,Åland,\n"

func TestSuggest(t *testing.T) {
	s := mustRead(t, nations).Suggester()
	for label, want := range map[string]string{
		"vietnam": "VNM 1 letter", "Viet-Nam": "VNM folding", "VIET NAM!": "VNM folding", "Cote d'ivoire": "CIV folding", "Cote dIvoire": "CIV folding",
		"C\ufffdte d\ufffdIvoire": "CIV 2 letters", "Congo, Dem. Rep. of the": "COD word order", "Islamic Republic of Iran": "IRN word order",
		"St. Lucia": "LCA word order", "Namibian": "NAM 1 letter", "Haïti": "HTI folding", "Per\ufffd": "PER 1 letter", "HAITII": "HTI 1 letter",
		// Of two and three letters, also with punctuation, nothing is proposed.
		"N/A": "", "n.a.": "", "B & H": "", "DR-C": "", "Nam": "", "": "", "---": "", "BH R": "",
		// As near to two codes, or the folded name of two.
		"Malia": "", "Guyna": "GUY 1 letter", "Alånd": "",
		// Nothing is like it.
		"Nationals": "", "97 albanian": "", "Unknown": "", strings.Repeat("x", 5000): "",
	} {
		got := ""
		if g, ok := s.Suggest(label); ok {
			if got = g.Code + " " + g.How; g.Score <= 0 || g.Score > 1 || g.Text == "" {
				t.Errorf("%q: %+v", label, g)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", label, got, want)
		}
	}
}

// Whatever a label is, what is proposed is a code of the list and no text of
// three letters is ever matched.
func FuzzSuggest(f *testing.F) {
	for _, s := range []string{"N/A", "viet nam", "B & H", "\u0345", "Å\u0301", "\xff\xfe", "Congo Dem Rep"} {
		f.Add(s)
	}
	l := mustRead(f, nations)
	s := l.Suggester()
	f.Fuzz(func(t *testing.T, label string) {
		g, ok := s.Suggest(label)
		if !ok {
			return
		}
		if _, known := l.Code(g.Code); !known || letters(loosen(label)) < 4 || letters(loosen(g.Text)) < 4 || g.Score <= 0 || g.Score > 1 {
			t.Errorf("%q: %+v", label, g)
		}
	})
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"kitten", "sitting", 3}, {"é", "e", 1}, {strings.Repeat("x", 65), "x", 64}} {
		if got := Distance(tt.a, tt.b); got != tt.want || Distance(tt.b, tt.a) != got {
			t.Errorf("%q, %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestRemarks(t *testing.T) {
	for text, want := range map[string]string{
		"code,label_en\nA,Ay\n":                            "",
		"code,label_en,m49\nA,Ay,1\n":                      `column "m49" is not looked at`,
		"code,Label_EN\nA,Ay\n":                            `column "Label_EN" is not looked at; did you mean label_en?|no code has a label: published tables show the codes`,
		"code,label_en,label_fr\nA,Ay,A\nB,Bee,\n":         "1 of 2 codes have no label in fr, the first is B: another language or the code stands in",
		"code,parent,label_en\nA,,Ay\nB,A,Bee\n":           "no column level: tables call the levels level 1, level 2",
		"code,parents,level\nA,,x\n":                       `column "parents" is not looked at; did you mean parent?|no code has a label: published tables show the codes`,
		"code,label_en,source,status,note\nA,Ay,ISO,s,n\n": "",
	} {
		if got := strings.Join(mustRead(t, text).Remarks(), "|"); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

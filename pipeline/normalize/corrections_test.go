package normalize

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseCorrections(t *testing.T) {
	const header = "period,place,value,reason,by,on\n"
	got, err := ParseCorrections([]byte("\ufeffon,by,reason,value,place,period\n2026-11-23,A. Person,\"typed twice, says the agency\",-12, TD ,2016\n2026-11-23,A. Person,not theirs,Exclude,NE,2016\n"), []string{"period", "place"})
	want := []Correction{{Key: []string{"2016", "TD"}, Value: -12, Line: 2}, {Key: []string{"2016", "NE"}, Exclude: true, Line: 3}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"":                            "line 1: no header: the columns are period,place,value,reason,by,on",
		"\xff":                        "line 1: not UTF-8",
		"period,value,reason,by,on\n": "line 1: column place is missing or stands twice",
		"period,place,place,value,reason,by,on\n":                                   "line 1: column place is missing or stands twice",
		"period,place,value,reason,by,on,x\n":                                       "line 1: has other columns than",
		header + "2016,TD,1.5,r,b,2026-11-23\n":                                     "line 2: value is no whole number",
		header + "2016,TD,,r,b,2026-11-23\n":                                        "line 2: value is no whole number",
		header + "2016,TD,1099511627777,r,b,2026-11-23\n":                           "line 2: value is no whole number",
		header + "2016,TD,1, ,b,2026-11-23\n":                                       "line 2: has no reason",
		header + "2016,TD,1,r,,2026-11-23\n":                                        "line 2: has no name in `by`",
		header + "2016,TD,1,r,b,23/11/2026\n":                                       "line 2: `on` is no date",
		header + "2016,TD,1,r,b,2026-02-30\n":                                       "line 2: `on` is no date",
		header + "2016,TD,1,r,b,2026-11-23\n2016,td ,2,r,b,2026-11-23\n":            "line 3: has the key of line 2",
		header + "2016,TD,1,r,b\n":                                                  "line 2: not a line of CSV",
		header + "2016,TD,x,r,b,2026-11-23\n2016,NE,1,,b,2026-11-23\n2016,\"a\nb\n": "line 3: has no reason",
	} {
		if _, err := ParseCorrections([]byte(text), []string{"period", "place"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// FuzzCorrections: whatever stands in the file, it is refused line by line, in
// words that repeat nothing of it, or taken as corrections that are whole.
func FuzzCorrections(f *testing.F) {
	f.Add("period,place,value,reason,by,on\n2016,TD,3,r,b,2026-11-23\n")
	f.Add("period,place,value,reason,by,on\n2016,TD,exclude,r,b,2026-11-23\n2016,\"")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseCorrections([]byte(text), []string{"period", "place"})
		if err == nil {
			for _, c := range got {
				if len(c.Key) != 2 || c.Line < 2 || c.Value > maxCount || c.Value < -maxCount || c.Exclude && c.Value != 0 {
					t.Fatalf("%+v", c)
				}
			}
		}
		planted := "period,place,value,reason,by,on\n" + canary + "," + text + ",1," + canary + "," + canary + "," + canary + "\n"
		if _, err := ParseCorrections([]byte(planted), []string{"period", "place"}); err == nil || strings.Contains(fmt.Sprintf("%+v", err), canary) {
			t.Fatalf("got %v", err)
		}
	})
}

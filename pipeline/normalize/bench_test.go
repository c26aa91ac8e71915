package normalize

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"

	"halftone/connectors"
)

const benchRows = 1 << 16

// benchPage is a page of five columns: period, three dimensions and a value.
func benchPage(b *testing.B) (Mapping, connectors.Page) {
	b.Helper()
	var places strings.Builder
	places.WriteString("code,parent,level,label_en\n")
	for r := range 10 {
		fmt.Fprintf(&places, "R%d,,region,Region %d\n", r, r)
		for d := range 80 {
			fmt.Fprintf(&places, "R%d-%d,R%d,district,District %d of %d\n", r, d, r, d, r)
		}
	}
	m := simple(b)
	m.Dimensions[0].List = mustList(b, "places.csv", places.String())
	m.Dimensions = append(m.Dimensions, Dimension{Name: "age", Rules: []Rule{{Column: "age"}}, List: mustList(b, "age.csv", "code\n0-17\n18-64\n65 plus\n")})
	rnd := rand.New(rand.NewSource(1))
	rows := make([][]string, benchRows)
	for i := range rows {
		rows[i] = []string{
			strconv.Itoa(2013 + rnd.Intn(8)), fmt.Sprintf("R%d-%d", rnd.Intn(10), rnd.Intn(80)),
			[]string{"F", "M"}[rnd.Intn(2)], strconv.Itoa(rnd.Intn(1000)), []string{"0-17", "18-64", "65 plus"}[rnd.Intn(3)],
		}
	}
	return m, page("bench.csv", 2, m.Columns(), []string{"year", "place", "sex", "n", "age"}, rows)
}

func BenchmarkPage(b *testing.B) {
	for _, mode := range []string{"row", "sum", "columns", "rules"} {
		b.Run(mode, func(b *testing.B) {
			m, p := benchPage(b)
			switch mode {
			case "sum":
				m.KeyRow, m.Duplicates = false, duplicatesSum
			case "columns":
				m.KeyRow, m.Duplicates, m.Key = false, duplicatesSum, []string{"year", "place", "sex", "age"}
			case "rules": // two rules, a joined column, statuses of texts and of rows
				m.Dimensions[0].Rules = []Rule{{When: isIn("sex", "F"), Column: "place"}, {Column: "place", Regex: `^(.*?)\*?$`}}
				m.Dimensions[2].Rules = []Rule{{Columns: []string{"age", "sex"}, Join: "|", Regex: `^(.*)\|`}}
				m.Value.Status = []StatusRule{{Text: "<5", Is: suppressed, Below: 5, As: 2}, {When: isIn("age", "65 plus"), Is: rounded, Base: 5}}
			}
			n := New(m, since(b, "2012"), "year", nil)
			var rows int64
			count := func(o Observations) error {
				rows += int64(o.Rows())
				return nil
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := n.Page(p, count); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := n.Close(count); err != nil || rows == 0 {
				b.Fatal(err, rows)
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

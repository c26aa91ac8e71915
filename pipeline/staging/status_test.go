package staging

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/parquet-go/parquet-go"

	"halftone/pipeline/normalize"
	"halftone/privacy/ledger/durable"
)

// The statuses of a batch's rows are staged beside their values.
func TestStatusesAreStaged(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create("a", "b1", []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{} // period → value status, in row order
	for range 2 {
		o := rows(t, 50)
		if err := w.Add(o); err != nil {
			t.Fatal(err)
		}
		for i, v := range o.Value {
			want[o.Periods[o.Period[i]].String()] += fmt.Sprintf("%d %s\n", v, o.Status[i])
		}
	}
	o := rows(t, 3)
	if o.Status = nil; w.Add(o) == nil {
		t.Error("rows without a status are taken")
	}
	if _, err := w.Commit(Batch{}); err != nil {
		t.Fatal(err)
	}
	for p, text := range want {
		f, err := st.openRows("a", p, "b1")
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		type row struct {
			Value  int64  `parquet:"value"`
			Status string `parquet:"status"`
		}
		r := parquet.NewGenericReader[row](f.File)
		got := make([]row, r.NumRows())
		if n, _ := r.Read(got); int64(n) != r.NumRows() {
			t.Fatalf("%d rows of %d", n, r.NumRows())
		}
		var b strings.Builder
		for _, g := range got {
			if _, ok := normalize.ParseStatus(g.Status); !ok {
				t.Fatalf("no status %q", g.Status)
			}
			fmt.Fprintf(&b, "%d %s\n", g.Value, g.Status)
		}
		if b.String() != text {
			t.Errorf("%s: got\n%swant\n%s", p, b.String(), text)
		}
		columns := f.Schema().Columns()
		at := slices.IndexFunc(columns, func(c []string) bool { return c[0] == "status" })
		err = eachPage(f.RowGroups()[0].ColumnChunks()[at], whole(f.RowGroups()[0]), func(pg parquet.Page) error {
			if pg.Dictionary() == nil {
				t.Error("the statuses are not dictionary coded")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Rows that were staged before there were statuses count as they did.
func TestRowsWithoutStatusCount(t *testing.T) {
	plain, err := os.ReadFile("testdata/before-status.parquet")
	if err != nil {
		t.Fatal(err)
	}
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create("a", "b1", []string{"place", "sex"}) // makes the key
	if err != nil {
		t.Fatal(err)
	}
	path := st.file("a", "2024", "b1")
	if err := durable.Folder(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := age.Encrypt(f, w.key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := sealed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p := period(t, "2024")
	c, err := st.Cube(t.Context(), spec(t), p, Uses{"a": {"b1"}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 25)
	want[1], want[0], want[15+1], want[15] = 3, 0, 7, 2
	if got := counts(t, spec(t), c, p); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("the counts differ")
	}
}

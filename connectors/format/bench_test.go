package format_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"testing"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/format"
)

// wide is a table as agencies send it: two columns of ten are mapped.
func wide(n int) []byte {
	var b bytes.Buffer
	b.WriteString("id,a,region,country,sex,age,form,status,b,note\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,2024-%02d,Sahel,Chad,Female,18+,Forced labour,assisted,%d,nothing to add here\n", i, i%12+1, i%50)
	}
	return b.Bytes()
}

// BenchmarkCSV is the whole way to pages, with both digests and the UTF-8 check.
func BenchmarkCSV(b *testing.B) {
	body := wide(200_000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		for p, err := range format.Pages(b.Context(), input(body, connectors.Layout{}, false)) {
			if err != nil {
				b.Fatal(err)
			}
			p.Records.Release()
		}
	}
}

// BenchmarkEncodingCSV is the peer: it only splits.
func BenchmarkEncodingCSV(b *testing.B) {
	body := wide(200_000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(body))
		r.ReuseRecord = true
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// table is wide as rows of texts.
func table(n int) connectortest.Table {
	rows, err := csv.NewReader(bytes.NewReader(wide(n))).ReadAll()
	if err != nil {
		panic(err) // we wrote it
	}
	return connectortest.Table{Columns: rows[0], Rows: rows[1:]}
}

func benchmark(b *testing.B, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		for p, err := range format.Pages(b.Context(), input(body, connectors.Layout{}, false)) {
			if err != nil {
				b.Fatal(err)
			}
			p.Records.Release()
		}
	}
}

// BenchmarkXLSX reads 58,000 rows of ten cells.
func BenchmarkXLSX(b *testing.B) { benchmark(b, table(58_000).XLSX()) }

func BenchmarkXLS(b *testing.B) { benchmark(b, table(10_000).XLS()) }

func BenchmarkParquet(b *testing.B) { benchmark(b, table(200_000).Parquet()) }

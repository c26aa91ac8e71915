package format_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/format"
)

func checkLayout(l connectors.Layout) error { return format.Check(l) }

func pagesOf(in format.Input) iter.Seq2[connectors.Page, error] {
	return format.Pages(context.Background(), in)
}

type parquetFile struct {
	name string
	body []byte
	want string
}

// parquetFiles are small files of all types, encodings and codecs, by another writer.
func parquetFiles(t testing.TB) (files []parquetFile) {
	write := func(name string, a, b parquet.Node, rows [][2]any, want string, options ...parquet.WriterOption) {
		var body bytes.Buffer
		schema := parquet.NewSchema("t", parquet.Group{"a": a, "b": b, "x": parquet.Repeated(parquet.String())})
		w := parquet.NewGenericWriter[map[string]any](&body, append([]parquet.WriterOption{schema}, options...)...)
		for _, r := range rows {
			record := map[string]any{"x": []string{canary, "y"}}
			if r[0] != nil {
				record["a"] = r[0]
			}
			if r[1] != nil {
				record["b"] = r[1]
			}
			if _, err := w.Write([]map[string]any{record}); err != nil {
				t.Fatal(name, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(name, err)
		}
		files = append(files, parquetFile{name, body.Bytes(), want})
	}
	text, day := parquet.String(), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	days := int32(day.Unix() / 86400)
	texts := [][2]any{{"é", "one"}, {nil, "one"}, {"", "onto"}}
	const wantTexts = "1:é|one 2:|one 3:|onto"
	for name, e := range map[string]encoding.Encoding{"plain": &parquet.Plain, "dictionary": &parquet.RLEDictionary, "delta length": &parquet.DeltaLengthByteArray, "delta": &parquet.DeltaByteArray} {
		for _, v := range []int{1, 2} {
			write(fmt.Sprintf("text %s, page v%d", name, v), parquet.Optional(parquet.Encoded(text, e)), parquet.Encoded(text, e), texts, wantTexts, parquet.DataPageVersion(v))
		}
	}
	for name, c := range map[string]compress.Codec{"snappy": &parquet.Snappy, "gzip": &parquet.Gzip, "zstd": &parquet.Zstd, "brotli": &parquet.Brotli, "lz4": &parquet.Lz4Raw} {
		write(name, parquet.Optional(text), text, texts, wantTexts, parquet.Compression(c))
	}
	write("whole numbers", parquet.Optional(parquet.Int(32)), parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked), [][2]any{{int32(-5), int64(1)}, {nil, int64(-1 << 62)}, {int32(7), int64(1 << 62)}}, "1:-5|1 2:|-4611686018427387904 3:7|4611686018427387904")
	write("unsigned", parquet.Uint(32), parquet.Uint(64), [][2]any{{uint32(1<<32 - 1), uint64(1<<64 - 1)}}, "1:4294967295|18446744073709551615")
	write("floats", parquet.Leaf(parquet.FloatType), parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.ByteStreamSplit), [][2]any{{float32(0.1), 0.1}, {float32(math.Copysign(0, -1)), 1e5}, {float32(16777216), 1e300}}, "1:0.1|0.1 2:0|100000 3:16777216|1e+300")
	write("truth and days", parquet.Leaf(parquet.BooleanType), parquet.Date(), [][2]any{{true, days}, {true, int32(-1)}, {false, int32(0)}}, "1:true|2024-02-29 2:true|1969-12-31 3:false|1970-01-01")
	write("times", parquet.Timestamp(parquet.Millisecond), parquet.TimestampAdjusted(parquet.Microsecond, false), [][2]any{{day.UnixMilli() + 1500, day.UnixMicro()}}, "1:2024-02-29T00:00:01.5Z|2024-02-29T00:00:00")
	write("decimals", parquet.Decimal(2, 9, parquet.Int32Type), parquet.Decimal(1, 18, parquet.FixedLenByteArrayType(8)),
		[][2]any{{int32(-5), string(binary.BigEndian.AppendUint64(nil, 1234))}, {int32(12345), string(binary.BigEndian.AppendUint64(nil, 1<<64-15))}}, "1:-0.05|123.4 2:123.45|-1.5")
	write("no rows", text, text, nil, "")
	return files
}

func TestReadsParquet(t *testing.T) {
	for _, f := range parquetFiles(t) {
		t.Run(f.name, func(t *testing.T) {
			got, _, err := decode(t.Context(), input(f.body, connectors.Layout{}, false))
			if err != nil || strings.Join(got, " ") != f.want {
				t.Errorf("got %q, %v\nwant %q", got, err, f.want)
			}
		})
	}
}

func TestParquetOverGroupsAndPages(t *testing.T) {
	const rows = 40_000
	var body bytes.Buffer
	schema := parquet.NewSchema("t", parquet.Group{"a": parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary)), "b": parquet.Int(64), "g": parquet.Optional(parquet.Group{"c": parquet.String()})})
	w := parquet.NewGenericWriter[map[string]any](&body, schema, parquet.PageBufferSize(4096), parquet.MaxRowsPerRowGroup(9_000))
	for i := range rows {
		record := map[string]any{"b": int64(i)}
		if i%3 > 0 {
			record["a"] = fmt.Sprint("a", i%3)
		}
		if _, err := w.Write([]map[string]any{record}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, _, err := decode(t.Context(), input(body.Bytes(), connectors.Layout{}, true))
	if err != nil || len(got) != rows {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for i, r := range got {
		want := fmt.Sprintf("%d:a%d|%d", i+1, i%3, i)
		if i%3 == 0 {
			want = fmt.Sprintf("%d:|%d", i+1, i)
		}
		if r != want {
			t.Fatalf("row %d is %q, want %q", i, r, want)
		}
	}
}

func TestStopsParquet(t *testing.T) {
	files := parquetFiles(t)
	whole := files[slices.IndexFunc(files, func(f parquetFile) bool { return f.name == "snappy" })].body
	footer := len(whole) - 8 - int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	patched := func(at int, v ...byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], v)
		return b
	}
	for _, c := range []struct {
		name   string
		body   []byte
		reason connectors.Reason
	}{
		{"magic only", []byte("PAR1"), connectors.Malformed},
		{"cut", whole[:len(whole)-9], connectors.Malformed},
		{"cut in the middle", append(bytes.Clone(whole[:20]), whole[40:]...), connectors.Malformed},
		{"encrypted", append(bytes.Clone(whole[:len(whole)-4]), "PARE"...), connectors.Malformed},
		{"footer longer than the file", patched(len(whole)-8, 0xff, 0xff, 0xff, 0x7f), connectors.Malformed},
		{"a list of 268 million", patched(footer, 0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0x7f), connectors.Malformed},
		{"page damaged", patched(4, 0x15, 0x00, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f), connectors.Limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decode(t.Context(), input(c.body, connectors.Layout{Format: "parquet"}, false))
			connectortest.CheckError(t, err, c.reason)
		})
	}
	t.Run("a column of lists", func(t *testing.T) {
		in := input(whole, connectors.Layout{}, false)
		in.Columns = []string{"a", "x"}
		_, _, err := decode(t.Context(), in)
		if e := connectortest.CheckError(t, err, connectors.Column); e.Column != "x" {
			t.Error(e)
		}
	})
	t.Run("long value", func(t *testing.T) {
		long := connectortest.Table{Columns: []string{"a", "b"}, Rows: [][]string{{"1", "2"}, {"1", strings.Repeat("x", 257)}}}
		_, _, err := decode(t.Context(), input(long.Parquet(), connectors.Layout{}, false))
		if e := connectortest.CheckError(t, err, connectors.Limit); e.Row != 2 || e.Column != "b" {
			t.Error(e)
		}
	})
	t.Run("changed after it was written", func(t *testing.T) {
		var plain []byte
		for _, f := range files {
			if f.name == "text plain, page v1" {
				plain = bytes.Replace(f.body, []byte("\x04\x00\x00\x00onto"), []byte("\x04\x00\x00\x00into"), 1)
			}
		}
		_, _, err := decode(t.Context(), input(plain, connectors.Layout{}, false))
		connectortest.CheckError(t, err, connectors.Malformed)
	})
	t.Run("a page that is a bomb", func(t *testing.T) {
		var body bytes.Buffer
		text := parquet.Encoded(parquet.String(), &parquet.Plain)
		w := parquet.NewGenericWriter[map[string]any](&body, parquet.NewSchema("t", parquet.Group{"a": text, "b": text}), parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(8<<20))
		for range 50_000 {
			if _, err := w.Write([]map[string]any{{"a": strings.Repeat("x", 64), "b": "1"}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, _, err := decode(t.Context(), input(body.Bytes(), connectors.Layout{}, false))
		connectortest.CheckError(t, err, connectors.Limit)
	})
	t.Run("larger than what is held in memory", func(t *testing.T) {
		in := input(whole, connectors.Layout{}, true)
		in.Limits.Body = int64(len(whole)) - 1
		_, _, err := decode(t.Context(), in)
		connectortest.CheckError(t, err, connectors.Limit)
	})
	t.Run("any byte", func(t *testing.T) { // none may panic, whatever it says
		stopped := 0
		for k, f := range files {
			for i := k % 7; i < len(f.body); i += 7 {
				b := bytes.Clone(f.body)
				b[i] ^= 0x55
				if _, _, err := decode(t.Context(), input(b, connectors.Layout{Format: "parquet"}, false)); err != nil {
					connectortest.CheckError(t, err, "")
					stopped++
				}
			}
		}
		if stopped == 0 {
			t.Error("nothing stopped")
		}
	})
}

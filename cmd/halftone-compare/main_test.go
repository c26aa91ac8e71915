package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"halftone/examples"
)

// The demonstration's counts are those of the file, read here by column numbers
// and without the project's mapping: by year, and by state and form.
func TestDemonstrationIsTheFile(t *testing.T) {
	d, err := demonstration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := fs.ReadFile(examples.FS, "us-offences/data/HT_2013-2020.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	for _, r := range rows[1:] {
		n, err := strconv.ParseInt(r[15], 10, 64)
		if err != nil {
			t.Fatal("a count is no number")
		}
		state := strings.Replace(r[5], "NB", "NE", 1)
		want[r[0]+state+map[string]string{"81": "SEX", "82": "LAB"}[r[12]]] += n
	}
	if len(d.years) != 8 {
		t.Fatalf("%d years", len(d.years))
	}
	states, forms := d.spec.Dimensions[0].Leaf().Codes, d.spec.Dimensions[1].Leaf().Codes
	found := 0
	for _, y := range d.years {
		for k, n := range y.leaf {
			key := y.period.String() + states[k/len(forms)] + forms[k%len(forms)]
			if _, ok := want[key]; ok {
				found++
			}
			if want[key] != n {
				t.Errorf("%s: not what the file says", key)
			}
		}
	}
	if found != len(want) || found != 385 {
		t.Errorf("%d of %d cells of the file were found", found, len(want))
	}
}

func TestMadeUpCube(t *testing.T) {
	a, err := madeUp(7)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := madeUp(7)
	c, _ := madeUp(8)
	for i, y := range a.years {
		sum, empty := int64(0), 0
		for _, n := range y.leaf {
			sum += n
			if n == 0 {
				empty++
			}
		}
		if sum != cubeCases || len(y.leaf) != 3456 || empty < len(y.leaf)/2 {
			t.Errorf("%s: %d cases in %d cells, %d empty", y.period, sum, len(y.leaf), empty)
		}
		if !slices.Equal(y.leaf, b.years[i].leaf) || slices.Equal(y.leaf, c.years[i].leaf) {
			t.Errorf("%s: the seed does not decide", y.period)
		}
	}
}

// One repetition from end to end.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "compare.csv")
	var out, complaints bytes.Buffer
	if code := run(t.Context(), []string{"-n", "1", "-csv", path}, &out, &complaints, someDay); code != 0 {
		t.Fatalf("exit %d: %s", code, complaints.String())
	}
	for _, want := range []string{"Demonstration dataset", "Made-up cube", "by-state-form", "geo-type-sex", "all tables alike", "of 8 releases",
		"rho 0.024355970", "rho 0.014973057", "epsilon 5.2215", "no exact figure", "products of trees it has none"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not printed", want)
		}
	}
	for l := range strings.Lines(out.String()) {
		if len(strings.TrimRight(l, "\n")) > 125 {
			t.Errorf("a line of %d characters: %s", len(l), l)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkCSV(t, b)
}

func checkCSV(t *testing.T, b []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	const head = "comparison,epsilon,delta,rho,mechanism,quantity,scope,table,cells,releases,rmse_exact,rmse_simulated,bias_simulated"
	if got := strings.Join(rows[0], ","); got != head {
		t.Errorf("columns are %s", got)
	}
	// Four mechanisms, two of them with value as well; tables and two sums. Of these two
	// three quantities by true count, in five ranges.
	if want := 6*(2*(8+2)+15+2) + 2*3*3*5; len(rows)-1 != want {
		t.Errorf("%d lines, want %d", len(rows)-1, want)
	}
	seen := map[string]bool{}
	for _, r := range rows[1:] {
		key := strings.Join([]string{r[0], r[4], r[5], r[6], r[7]}, " ")
		if seen[key] {
			t.Errorf("%s stands twice", key)
		}
		seen[key] = true
		exact, err := strconv.ParseFloat(r[10], 64)
		if (r[12] != "") != (r[6] == "size") {
			t.Errorf("%s: bias_simulated %q", key, r[12])
		}
		if r[6] == "size" {
			if _, err := strconv.ParseFloat(r[12], 64); err != nil || r[10] != "" {
				t.Errorf("%s: %v", key, r)
			}
		} else if r[5] == "value" != (r[10] == "") || r[5] == "estimate" && (err != nil || exact <= 0) {
			t.Errorf("%s: rmse_exact %q", key, r[10])
		}
		if v, err := strconv.ParseFloat(r[11], 64); err != nil || v < 0 {
			t.Errorf("%s: rmse_simulated %q", key, r[11])
		}
		if r[9] != "8" || (r[6] == "table" || r[6] == "size") != (r[7] != "") {
			t.Errorf("%s: %v", key, r)
		}
	}
	for _, key := range []string{"us-offences-1e-6 planner value table national", "cube least_squares estimate cells ", "us-offences-1e-9 laplace value tables "} {
		if !seen[key] {
			t.Errorf("%q is missing", key)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		name      string
		args      []string
		code      int
		out, errs string
	}{
		{"help", []string{"-h"}, 0, "-csv FILE", ""},
		{"no repetition", []string{"-n", "0"}, 2, "", "from 1 to"},
		{"too many", []string{"-n", "1000001"}, 2, "", "from 1 to"},
		{"unknown flag", []string{"-x"}, 2, "", "see: halftone-compare -h"},
		{"argument", []string{"demo"}, 2, "", `"demo"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), tc.args, &out, &errs, someDay)
			if code != tc.code || !strings.Contains(out.String(), tc.out) || !strings.Contains(errs.String(), tc.errs) || (tc.errs == "") != (errs.Len() == 0) {
				t.Errorf("exit %d, %q, %q", code, out.String(), errs.String())
			}
		})
	}
	for _, c := range columns {
		if !strings.Contains(usage, c) {
			t.Errorf("-h does not explain %s", c)
		}
	}
}

// A run that is stopped, or cannot write, fails and says so.
func TestRunFails(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"-n", "1"}, &out, &errs, someDay); code != 1 || !strings.Contains(errs.String(), "canceled") {
		t.Errorf("stopped: exit %d, %s", code, errs.String())
	}
	errs.Reset()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"-n", "1", "-csv", filepath.Join(file, "compare.csv")}, &out, &errs, someDay); code != 1 || !strings.Contains(errs.String(), "csv: ") {
		t.Errorf("no place for the CSV: exit %d, %s", code, errs.String())
	}
}

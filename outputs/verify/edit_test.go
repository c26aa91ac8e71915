package verify_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"halftone/outputs"
	"halftone/outputs/describe"
	"halftone/outputs/verify"
)

// spoil replaces cut bytes of a file at a place by others.
func spoil(whole outputs.Files, file, at, cut uint16, with []byte) (outputs.Files, string) {
	name := whole.Names()[int(file)%len(whole)]
	old := whole[name]
	from := int(at) % (len(old) + 1)
	to := min(len(old), from+int(cut))
	files := maps.Clone(whole)
	files[name] = slices.Concat(old[:from], with, old[to:])
	return files, name
}

// Whatever stands in a file, verify notices and does not panic; nor does it when
// manifest and sums fit.
func FuzzVerify(f *testing.F) {
	whole := version(f)
	f.Add(uint16(0), uint16(0), uint16(1), []byte("x"))
	f.Add(uint16(22), uint16(300), uint16(3), []byte("-9223372036854775808"))
	f.Add(uint16(16), uint16(200), uint16(0), []byte("null,"))
	f.Fuzz(func(t *testing.T, file, at, cut uint16, with []byte) { anyEdit(t, whole, file, at, cut, with) })
}

func anyEdit(t *testing.T, whole outputs.Files, file, at, cut uint16, with []byte) {
	t.Helper()
	files, name := spoil(whole, file, at, cut, with)
	same := string(files[name]) == string(whole[name])
	if fails, _ := failed(t, files); (len(fails) == 0) != same {
		t.Fatalf("%s: failed %v", name, fails)
	}
	if name != describe.ManifestFile && name != describe.SumsFile {
		forge(t, files, nil)
		if fails, _ := failed(t, files, verify.By(tool)); (len(fails) == 0) != same {
			t.Fatalf("%s: failed %v when manifest and sums fit", name, fails)
		}
	}
}

func TestAnyEdit(t *testing.T) {
	whole := version(t)
	tokens := []string{"", "null", "-1", "9223372036854775807", "-9223372036854775808", "1e308", "[]", "{}", `""`, "\n", ",", "0", "4294967295", "_T", "true", "9999", "\x00\xff"}
	rapid.Check(t, func(rt *rapid.T) {
		anyEdit(t, whole, rapid.Uint16().Draw(rt, "file"), rapid.Uint16().Draw(rt, "at"), rapid.Uint16Range(0, 40).Draw(rt, "cut"),
			[]byte(rapid.SampledFrom(tokens).Draw(rt, "with")))
	})
}

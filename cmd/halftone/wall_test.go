package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What no package but privacy can write. Each body must fail to compile, for
// the reason given; the first is the control that must compile.
var wall = []struct{ name, body, want string }{
	{"control", `c, _ := privacy.NewCube(privacy.Spec{}, privacy.Period{}); _ = c.Add(nil, nil)`, ""},
	{"read the counts", `var c privacy.Cube; _ = c.open()`, "c.open undefined"},
	{"read the state", `var c privacy.Cube; _ = c.exact()`, "c.exact undefined"},
	{"name the state", `var s privacy.cubeState; _ = s`, "not exported by package privacy"},
	{"make a cube", `_ = privacy.Cube{open: nil}`, "cannot refer to unexported field open"},
	{"make a cube without names", `_ = privacy.Cube{nil}`, "implicit assignment to unexported field"},
	{"make a release", `_ = privacy.Release{noised: nil}`, "cannot refer to unexported field noised"},
	{"make a release without names", `_ = privacy.Release{nil}`, "implicit assignment to unexported field"},
	{"convert a look-alike into a release", `type mine struct{ noised *int }; _ = privacy.Release(mine{})`, "cannot convert"},
	{"convert a cube into a release", `var c privacy.Cube; _ = privacy.Release(c)`, "cannot convert"},
	{"make noise", `_ = privacy.Noise{terms: nil}`, "cannot refer to unexported field terms"},
	{"index a cube", `var c privacy.Cube; _ = c[0]`, "cannot index"},
	{"range over a cube", `var c privacy.Cube; for range c {}`, "cannot range over"},
}

// TestWall compiles each body as a package of this module that is not privacy,
// by an overlay, so that nothing is written into the tree.
func TestWall(t *testing.T) {
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range wall {
		t.Run(w.name, func(t *testing.T) {
			src := filepath.Join(dir, string(rune('a'+i))+".go")
			text := "package outside\n\nimport \"halftone/privacy\"\n\nfunc f() {\n" + w.body + "\n}\n"
			if err := os.WriteFile(src, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay := filepath.Join(dir, "overlay.json")
			b, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "outside", "outside.go"): src}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, b, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "./outside")
			cmd.Dir = root
			out, err := cmd.CombinedOutput()
			if w.want == "" {
				if err != nil {
					t.Fatalf("the control does not compile: %s", out)
				}
				return
			}
			if err == nil || !strings.Contains(string(out), w.want) {
				t.Errorf("want a compile error with %q, got: %v %s", w.want, err, out)
			}
		})
	}
}

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Both schedules of an instance have fired in an outage: at the next start the
// datasets are run one after the other, without waiting for another tick, and one
// site shows both. The third has no schedule and is left alone.
func TestServeInstance(t *testing.T) {
	hub := t.TempDir()
	for _, name := range []string{"my-dataset", "other", "by-hand"} {
		dir := filepath.Join(hub, name)
		mustRun(t, "init", dir)
		file := filepath.Join(dir, "halftone.yaml")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), "dataset: my-dataset", "dataset: "+name, 1)
		if name != "by-hand" {
			text += scheduled
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		handled(t, hub, name, time.Now().Add(-72*time.Hour))
	}
	if err := os.WriteFile(filepath.Join(hub, "instance.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, "-C", hub, "serve", "--public", "127.0.0.1:0", "--operator", "127.0.0.1:0")
	stdout, _ := cmd.StdoutPipe()
	stderr, _ := cmd.StderrPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr := addresses(t, stdout)
	said := wait(t, stderr, "published (?s:.*)published ")
	if strings.Contains(said, "another halftone is at work") || strings.Contains(said, "by-hand") {
		t.Error(said)
	}
	checkSite(t, addr["public folder"], addr["operator"])
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stderr)
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
	index, err := os.ReadFile(filepath.Join(hub, "public", "index.html"))
	if err != nil || !strings.Contains(string(index), "datasets/my-dataset/latest") || !strings.Contains(string(index), "datasets/other/latest") {
		t.Errorf("%v\n%s", err, index)
	}
	if _, err := os.Stat(filepath.Join(hub, "public", "datasets", "by-hand")); err == nil {
		t.Error("a dataset without a schedule was run")
	}
}

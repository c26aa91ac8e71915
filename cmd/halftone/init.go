package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"halftone/examples"
)

// starter is the project that init makes when no example is named.
const starter = "starter"

const ignored = `# exact rows, keys and the ledger: never in git
/data/
/.halftone*/
/public/
`

func (a *app) initCommand() *cobra.Command {
	var example string
	c := &cobra.Command{
		Use: "init DIR", Short: "make a ready project", Args: one("one folder"),
		Long: "Makes a project in a new or empty folder: halftone.yaml with comments, code lists and data to try it on.",
		RunE: func(_ *cobra.Command, args []string) error { return a.init(args[0], example) },
	}
	c.Flags().StringVar(&example, "example", starter, "which project: "+strings.Join(exampleNames(), ", "))
	return c
}

func exampleNames() []string {
	entries, err := examples.FS.ReadDir(".")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (a *app) init(dir, example string) (err error) {
	if !slices.Contains(exampleNames(), example) {
		return usage("there is no example %q; there are: %s", example, strings.Join(exampleNames(), ", "))
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage("%s cannot be the folder of a project: %w", dir, err)
	}
	if len(entries) > 0 {
		return &exitError{3, fmt.Errorf("%s is not empty; name a new folder", dir)}
	}
	isNew := err != nil
	var made []string
	defer func() {
		if err != nil { // leave nothing behind
			for _, m := range slices.Backward(made) {
				_ = os.Remove(m)
			}
			if isNew {
				_ = os.Remove(dir)
			}
		}
	}()
	if err := makeFolder(dir); err != nil {
		return err
	}
	err = fs.WalkDir(examples.FS, example, func(name string, e fs.DirEntry, err error) error {
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, example)))
		if err != nil || name == example {
			return err
		}
		made = append(made, to)
		if e.IsDir() {
			return makeFolder(to)
		}
		b, err := examples.FS.ReadFile(name)
		if err != nil {
			return err
		}
		return writeNew(to, b)
	})
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	made = append(made, filepath.Join(dir, ".gitignore"))
	if err := writeNew(filepath.Join(dir, ".gitignore"), []byte(ignored)); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if a.json {
		return a.object(map[string]any{"dir": dir, "example": example})
	}
	a.print("Made %s from the example %s.\n\n", dir, example)
	a.print("Next: halftone -C %s validate   checks the configuration\n", path.Clean(dir))
	a.print("      halftone -C %s plan       says what a release costs and how accurate it is; touches no data\n", path.Clean(dir))
	a.print("      halftone -C %s run        releases what is due and publishes a version\n", path.Clean(dir))
	return nil
}

// makeFolder makes a folder that a web server may look into: the public folder
// lies below. The state folder guards itself.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) // whatever the umask
}

func writeNew(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Chmod(0o644), f.Close())
}

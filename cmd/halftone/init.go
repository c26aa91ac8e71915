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
	var example, from string
	c := &cobra.Command{
		Use: "init DIR", Short: "make a ready project, or draft one for a file", Args: one("one folder"),
		Long: "Makes a project in a new or empty folder: halftone.yaml with comments, code lists and data to try it on.\n" +
			"With --from it looks at a file that an agency sent and drafts halftone.yaml for it: how the table stands in the file, and\n" +
			"TODO for every decision that a person has to make. halftone validate names those that are still open.",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case from == "":
				return a.init(args[0], example)
			case c.Flags().Changed("example"):
				return usage("--example and --from are two ways to begin: give one of them")
			}
			return a.draft(c.Context(), args[0], from)
		},
	}
	c.Flags().StringVar(&example, "example", starter, "which project: "+strings.Join(exampleNames(), ", "))
	c.Flags().StringVar(&from, "from", "", "draft a source for this file")
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
	isNew, err := empty(dir)
	if err != nil {
		return err
	}
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

// empty refuses a folder with something in it, and reports whether there is none.
func empty(dir string) (isNew bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, usage("%s cannot be the folder of a project: %w", dir, err)
	}
	if len(entries) > 0 {
		return false, &exitError{3, fmt.Errorf("%s is not empty; name a new folder", dir)}
	}
	return err != nil, nil
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

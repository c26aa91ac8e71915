package main

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"halftone/outputs"
	"halftone/outputs/describe"
	"halftone/outputs/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "verify DIR|URL", Short: "recompute a published version from what is published", Args: one("one folder or address"),
		Long: "Checks a version, or a dataset's latest one: signature, sums, sealed files, ledger, cost, and every number recomputed from the sealed files.\n" +
			"Needs no data, no secret and, for a folder, no network. A difference: exit code 6.",
		RunE: func(c *cobra.Command, args []string) error {
			var r verify.Report
			options := by()
			if key != "" {
				k, err := publicKey(key)
				if err != nil {
					return err
				}
				options = append(options, verify.Key(k))
			}
			var err error
			if strings.HasPrefix(args[0], "http://") || strings.HasPrefix(args[0], "https://") {
				r, err = verify.URL(c.Context(), args[0], &http.Client{Timeout: 5 * time.Minute}, options...)
			} else {
				r, err = verify.Folder(c.Context(), args[0], options...)
			}
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, verify.ErrNotPublished) {
				return usage("%w", err)
			}
			if err != nil {
				return err
			}
			if a.json {
				err = a.object(r)
			} else {
				a.printVerify(r)
			}
			if err == nil && !r.OK {
				return &exitError{6, nil}
			}
			return err
		},
	}
	c.Flags().StringVar(&key, "key", "", "minisign public key that the version must be signed with: RW…, or a file that holds it")
	return c
}

// publicKey reads a key, or the file that has one.
func publicKey(text string) (minisign.PublicKey, error) {
	k, err := describe.ReadKey(text)
	if err == nil {
		return k, nil
	}
	b, rerr := os.ReadFile(text)
	if rerr != nil {
		return k, usage("--key: %w, and not a file that can be read", err)
	}
	if k, err = describe.ReadKey(string(b)); err != nil {
		return k, usage("--key %s: %w", text, err)
	}
	return k, nil
}

// by lets a released program recompute every byte of versions that it composed
// itself, sentences and charts too. Two builds of one development tree may differ,
// and are no witness against each other.
func by() []verify.Option {
	if t := tool(); !strings.Contains(t, "devel") && !strings.Contains(t, "dirty") {
		return []verify.Option{verify.By(t)}
	}
	return nil
}

func (a *app) printVerify(r verify.Report) {
	a.print("%s %s · no data and no secrets were used\n", r.Dataset, r.Version)
	a.printChecks(r.Checks)
	if w := r.Withdrawn; w != nil {
		use := "there is none to use instead"
		if w.Use != "" {
			use = "use " + w.Use
		}
		a.print("withdrawn on %s: this version was taken down, and its figures are not to be used; %s\n", w.Day, use)
		return
	}
	if !r.OK {
		a.print("not verified: do not use this version before somebody has looked at it\n")
		return
	}
	who := article(r.Spent.Unit)
	if r.Spent.Nobody {
		who = article(outputs.Entry)
	}
	if r.Spent.PerPeriod {
		who += " in one period"
	}
	spent := epsilon(r.Spent.NanoEpsilon)
	if !r.Spent.Pure() {
		spent = roundedUp(r.Spent.Epsilon) + " at delta " + outputs.Plain(r.Spent.Delta)
	}
	a.print("spent  epsilon %s for %s", spent, who)
	if r.Spent.P > 0 {
		a.print("; declared, not checkable here: it is in at most %s and changes the counts of one by at most %d (%s)",
			plural(int(r.Spent.P), "period", "periods"), r.Spent.M, strings.Join(r.Spent.Sources, ", "))
	}
	if names := r.Spent.NoGuarantee; len(names) > 0 {
		a.print("\nno guarantee is given for the people behind %s: see README.md and privacy-label.json", list(names))
	}
	a.print("\nverified\n")
}

func (a *app) printChecks(checks []verify.Check) {
	for _, c := range checks {
		word := "ok  "
		if !c.OK {
			word = "FAIL"
		}
		a.print("%s %-10s %s\n", word, c.Name, c.Detail)
	}
}

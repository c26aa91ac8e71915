package main

import (
	"errors"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"halftone/pipeline"
	"halftone/pipeline/backup"
)

// A lock names what a backup is encrypted to, or opened with.
type lock struct {
	recipients []string
	passphrase string // file
	identity   string // file
}

const howToMakeKey = `A backup is encrypted: name who can open it.
  a key, made on another machine with age (age-encryption.org):
      age-keygen -o backup.key        keep backup.key away from this machine; it prints the public key, age1…
      halftone backup FILE --recipient age1…
  or a passphrase of your own, in a file:
      halftone backup FILE --passphrase-file F`

func (a *app) backupCommand() *cobra.Command {
	var k lock
	c := &cobra.Command{
		Use: "backup FILE", Short: "write an encrypted copy of what must not be lost", Args: one("one file"),
		Long: "Writes a consistent copy of the ledger, the sealed files and the signing key into a new file; a run may be at work meanwhile.\n" +
			"It holds no rows and no key that opens rows: a destroyed key must not come back. The configuration is in git.\n\n" + howToMakeKey,
		RunE: func(c *cobra.Command, args []string) error {
			to, err := k.to()
			if err != nil {
				return err
			}
			l, err := a.anyLine()
			if err != nil {
				return err
			}
			m, err := l.Backup(c.Context(), args[0], to...)
			if err != nil {
				return err
			}
			if a.json {
				return a.object(backupJSON(m))
			}
			a.printContents("saved", m)
			a.print("head      %s\n", orDash(short(m.Head)))
			a.print("file      %s\n", args[0])
			a.print("Next: copy the file to another place, and try it there once: halftone restore in a clone of the project\n")
			return nil
		},
	}
	c.Flags().StringArrayVar(&k.recipients, "recipient", nil, "age public key that can open the backup, age1…; may be given more than once")
	c.Flags().StringVar(&k.passphrase, "passphrase-file", "", "file whose first line is the passphrase")
	return c
}

func (a *app) restoreCommand() *cobra.Command {
	var k lock
	c := &cobra.Command{
		Use: "restore FILE", Short: "bring a backup back into an empty state folder", Args: one("one file"),
		Long: "Brings a backup back where there is no state folder, or an empty one. Everything is checked before it is put in place. When the\n" +
			"public folder knows more than the backup the ledger is locked from then on: exit code 5.",
		RunE: func(c *cobra.Command, args []string) error {
			with, err := k.with()
			if err != nil {
				return err
			}
			l, err := a.anyLine()
			if err != nil {
				return err
			}
			r, err := l.Restore(c.Context(), args[0], with...)
			switch {
			case errors.Is(err, backup.ErrKey):
				return usage("%w; nothing was restored", err)
			case err != nil:
				return err
			case a.json:
				o := backupJSON(r.Manifest)
				o["witnesses"], o["locked"] = r.Witnesses, r.Locked != nil
				err = a.object(o)
			default:
				a.printRestored(r)
			}
			if err == nil && r.Locked != nil {
				return &exitError{5, nil}
			}
			return err
		},
	}
	c.Flags().StringVar(&k.identity, "identity", "", "file with the age key, AGE-SECRET-KEY-…")
	c.Flags().StringVar(&k.passphrase, "passphrase-file", "", "file whose first line is the passphrase")
	return c
}

// to are the recipients of a new backup.
func (k lock) to() ([]age.Recipient, error) {
	switch {
	case len(k.recipients) == 0 && k.passphrase == "":
		return nil, usage("%s", howToMakeKey)
	case len(k.recipients) > 0 && k.passphrase != "":
		return nil, usage("either --recipient or --passphrase-file: a backup with a passphrase has no other key")
	case k.passphrase != "":
		p, err := passphrase(k.passphrase)
		if err != nil {
			return nil, err
		}
		r, err := age.NewScryptRecipient(p)
		if err != nil {
			return nil, usage("--passphrase-file: %w", err)
		}
		return []age.Recipient{r}, nil
	}
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(k.recipients, "\n")))
	if err != nil { // its text would quote a secret key that was given by mistake
		return nil, usage("--recipient is no age public key: it begins with age1, as age-keygen prints it")
	}
	return to, nil
}

// with are the identities that a backup is tried with.
func (k lock) with() ([]age.Identity, error) {
	switch {
	case (k.identity == "") == (k.passphrase == ""):
		return nil, usage("restore needs what the backup was encrypted to: --identity FILE (the file that age-keygen wrote), or --passphrase-file F")
	case k.passphrase != "":
		p, err := passphrase(k.passphrase)
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(p)
		if err != nil {
			return nil, usage("--passphrase-file: %w", err)
		}
		return []age.Identity{id}, nil
	}
	f, err := os.Open(k.identity)
	if err != nil {
		return nil, usage("--identity: %w", err)
	}
	defer func() { _ = f.Close() }()
	with, err := age.ParseIdentities(f)
	if err != nil { // its text would quote the key
		return nil, usage("--identity: the file has no age key, AGE-SECRET-KEY-… on a line of its own")
	}
	return with, nil
}

// passphrase is the first line of a file.
func passphrase(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", usage("--passphrase-file: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", usage("--passphrase-file: its first line is empty")
	}
	return line, nil
}

func backupJSON(m backup.Manifest) map[string]any {
	return map[string]any{"head": m.Head, "entries": m.Entries, "sealed": m.Sealed(), "signing": m.Signing(), "made": m.Made}
}

func (a *app) printContents(word string, m backup.Manifest) {
	key := "no signing key (there is none)"
	if m.Signing() {
		key = "the signing key"
	}
	a.print("%-9s %s, %s, %s\n", word, plural(m.Entries, "ledger entry", "ledger entries"), plural(m.Sealed(), "sealed file", "sealed files"), key)
}

func (a *app) printRestored(r pipeline.Restored) {
	a.printContents("restored", r.Manifest)
	a.print("made      %s UTC by %s\n", r.Made.UTC().Format("2006-01-02 15:04"), r.Tool)
	a.print("ledger    chain ok, every sealed file as sealed, head %s\n", orDash(short(r.Head)))
	switch {
	case r.Locked != nil:
		a.print("public    %v\n", r.Locked)
		a.print("LOCKED    This backup is older than what has been published. Reading works; run stops with exit code 5 and charges nothing.\n")
		a.print("Next: move the state folder away and restore a newer backup\n")
		return
	case r.Witnesses == 0:
		a.print("public    no version is there, so nothing shows whether this is the newest backup. If versions were published after it,\n")
		a.print("          bring the public folder back before the next run: else their budget would be spent twice\n")
	default:
		a.print("public    %s, the newest has seen entry %d of %d: nothing is published that this ledger does not know\n",
			plural(r.Witnesses, "version", "versions"), r.Seen, r.Entries)
	}
	a.print("not in it rows and their keys, and the record of runs: the next pull brings what the sources still have\n")
	a.print("Next: halftone budget --verify\n")
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

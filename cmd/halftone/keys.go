package main

import (
	"errors"
	"io/fs"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"halftone/pipeline/signing"
)

func (a *app) keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "keys", Short: "the key that versions are signed with", Args: none,
		Long: "Versions are signed with a minisign key in the state folder, once there is one. Give the public key to readers in a place\n" +
			"of its own, such as your web site: halftone verify DIR --key RW…",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	change := func(use, short string, do func(state string) (minisign.PublicKey, error)) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: none, RunE: func(*cobra.Command, []string) error {
			l, err := a.anyLine()
			if err != nil {
				return err
			}
			var key minisign.PublicKey
			err = l.Locked(func() (err error) { key, err = do(l.State); return err })
			switch {
			case errors.Is(err, signing.ErrExists):
				return usage("there is a key already: halftone keys show; to replace it: halftone keys rotate")
			case errors.Is(err, fs.ErrNotExist):
				return usage("there is no key yet: halftone keys init")
			case err != nil:
				return err
			}
			if a.json {
				return a.object(map[string]string{"key": key.String()})
			}
			a.print("public key    %s\nThe next version is signed with it; the secret part is keys/signing in the state folder: back it up with the ledger.\n", key)
			a.print("Next: publish the public key where readers find it, and: halftone run --compose\n")
			return nil
		}}
	}
	c.AddCommand(change("init", "make the first key", signing.Init),
		change("rotate", "replace the key by a new one; older versions keep their signature", signing.Rotate),
		&cobra.Command{Use: "show", Short: "print the public keys, the one in use last", Args: none, RunE: func(*cobra.Command, []string) error {
			l, err := a.anyLine()
			if err != nil {
				return err
			}
			keys, err := signing.Public(l.State)
			if err != nil {
				return err
			}
			if a.json {
				return a.object(map[string][]string{"keys": append([]string{}, keys...)})
			}
			if len(keys) == 0 {
				a.print("There is no key, so versions are not signed.\nNext: halftone keys init\n")
			}
			for i, k := range keys {
				use := "no longer used"
				if i == len(keys)-1 {
					use = "in use"
				}
				a.print("%s   %s\n", k, use)
			}
			return nil
		}})
	return c
}

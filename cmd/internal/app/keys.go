package app

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"dossier/cmd/internal/config"
	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/keys"
)

// KeyDir is where local keys are kept.
func (a *App) KeyDir() string { return filepath.Join(a.Config.DataDir, "keys") }

// Key returns the key that the settings name; without one, the local key,
// which the first run makes.
func (a *App) Key(context.Context) (*sign.Key, error) {
	if a.Config.Key != "" {
		return keys.Open(a.KeyDir(), a.Config.Key, a.Passphrase)
	}
	key, _, err := keys.LoadOrCreate(a.KeyDir(), a.Now(), a.KeySubject(), a.Passphrase)
	return key, err
}

// KeyAtHand returns the key of Key if it opens without being made and without
// a person: no question for a passphrase, no token to be touched. Else nil.
func (a *App) KeyAtHand() *sign.Key {
	if strings.HasPrefix(a.Config.Key, "pkcs11:") {
		return nil
	}
	spec := cmp.Or(a.Config.Key, keys.Default)
	key, err := keys.Open(a.KeyDir(), spec, func(source string) (string, error) {
		if v, ok := config.Lookup(a.Config.Env, "DOSSIER_KEY_PASSPHRASE"); ok {
			return v, nil
		}
		return "", errors.New("nobody is asked")
	})
	if err != nil {
		return nil
	}
	return key
}

// KeySubject is what a certificate says that dossier makes: the configured
// name of the person, else who is logged in where.
func (a *App) KeySubject() keys.Subject {
	if a.Config.Name != "" {
		return keys.Subject{CommonName: a.Config.Name}
	}
	actor := a.Actor()
	return keys.Subject{CommonName: "dossier " + actor.User + "@" + actor.Host}
}

// Passphrase gets the passphrase of a key: from DOSSIER_KEY_PASSPHRASE, else
// from a person at the terminal. It is never a flag and never kept.
func (a *App) Passphrase(source string) (string, error) {
	if v, ok := config.Lookup(a.Config.Env, "DOSSIER_KEY_PASSPHRASE"); ok {
		return v, nil
	}
	if a.Ask == nil {
		return "", &packager.Fault{Class: packager.ClassSigning, Code: "KEY_NO_PASSPHRASE", Args: packager.Args{"file": source}}
	}
	return a.Ask(a.Words.Text("ask.passphrase", packager.Args{"file": source}))
}

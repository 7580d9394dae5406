package pipeline

import (
	"context"
	"os"
	"path/filepath"

	"filippo.io/age"

	"dossier/packager"
	"dossier/storage"
	"dossier/storage/seal"
)

// Terms are how a publication is stored: who can read it, and who can delete
// it. The zero Terms promise nothing.
type Terms struct {
	Recipients []string // age public keys that personal data is encrypted for
	Passphrase bool     // or a passphrase, which Secret gives
	Clear      bool     // the user says that nothing is to be encrypted
	SSE        string   // server-side encryption that Open asks for; "" for none
	Retention  storage.Retention
	Free       bool // the user says that nothing is to be locked

	// Secret returns the passphrase to encrypt with. Identities open what the
	// case has in the store already; there may be none.
	Secret     func() (string, error)
	Identities func() ([]age.Identity, error)
}

// pendingTerms are the terms as they are remembered until everything is
// stored: no secret is among them.
type pendingTerms struct {
	Recipients []string          `json:"recipients,omitempty"`
	Passphrase bool              `json:"passphrase,omitempty"`
	SSE        string            `json:"sse,omitempty"`
	Retention  storage.Retention `json:"retention"`
}

func (t pendingTerms) sealed() bool { return t.Passphrase || len(t.Recipients) > 0 }

// Sealed reports whether personal data is encrypted.
func (t Terms) Sealed() bool { return t.pending().sealed() }

func (t Terms) pending() pendingTerms {
	return pendingTerms{Recipients: t.Recipients, Passphrase: t.Passphrase, SSE: t.SSE, Retention: t.Retention}
}

// over lays the terms of this run over those that were promised when the
// publication was made: what was to be encrypted or locked stays so, unless
// the user takes it back in words.
func (t Terms) over(made pendingTerms) (pendingTerms, error) {
	now := t.pending()
	if !now.sealed() && !t.Clear {
		now.Recipients, now.Passphrase = made.Recipients, made.Passphrase
	}
	if now.Retention.IsZero() && !t.Free {
		now.Retention = made.Retention
	}
	if now.SSE == "" && made.SSE != "" {
		return now, &packager.Fault{Class: packager.ClassUsage, Code: "PUSH_SSE", Args: packager.Args{"sse": made.SSE}}
	}
	return now, nil
}

// sealKeyName is the file in StateDir with the keys of a publication that is
// being encrypted.
const sealKeyName = "seal.key"

// The classes of sealed objects. Backups have a key of their own: they stay
// when the personal materials end.
const classBackups = "backups"

// inClear reports whether a document is stored as it is: what proves that a
// case was handled, and holds no identity number and no picture of a paper.
func inClear(name string) bool { return name == manifestName || name == eventsName }

// encrypt returns the publication with everything that holds personal data
// encrypted: materials, page pictures, the bundle and the workbook.
func (p *Pipeline) encrypt(ctx context.Context, store storage.Publisher, pub storage.Publication, pend pending, keyFile string) (storage.Publication, error) {
	// A store that lies gets nothing, not even a key.
	if prober, ok := store.(storage.Prober); ok {
		if _, err := prober.Probe(ctx); err != nil {
			return pub, err
		}
	}
	opts := seal.Options{KeyFile: keyFile, Documents: func(name string) bool { return !inClear(name) }}
	var err error
	if opts.Recipients, err = p.recipients(pend.Terms); err != nil {
		return pub, err
	}
	if p.Store.Terms.Identities != nil {
		if opts.Identities, err = p.Store.Terms.Identities(); err != nil {
			return pub, err
		}
	}
	text, err := os.ReadFile(filepath.Join(pend.Out, manifestName))
	if err != nil {
		return pub, diskFault(err, pend.Out)
	}
	backups, err := backupPaths(text)
	if err != nil {
		return pub, err
	}
	opts.Class = func(name string) string {
		if backups[name] {
			return classBackups
		}
		return ""
	}
	return seal.Publication(ctx, store, pub, opts)
}

func (p *Pipeline) recipients(t pendingTerms) ([]age.Recipient, error) {
	if !t.Passphrase {
		return seal.ParseRecipients(t.Recipients)
	}
	if p.Store.Terms.Secret == nil {
		return nil, &packager.Fault{Class: packager.ClassUsage, Code: "SEAL_NO_PASSPHRASE"}
	}
	secret, err := p.Store.Terms.Secret()
	if err != nil {
		return nil, err
	}
	r, _, err := seal.ForPassphrase(secret)
	return []age.Recipient{r}, err
}

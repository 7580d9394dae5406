package app

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"dossier/cmd/internal/config"
	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/seal"
)

// none, as a setting, takes back what another place sets.
const none = "none"

// terms reads the settings that say how a publication is stored.
func (a *App) terms() (pipeline.Terms, error) {
	t := pipeline.Terms{Secret: func() (string, error) { return a.storePassphrase(true) }, Identities: a.Identities}
	var err error
	if t.Recipients, t.Clear, err = a.recipients(); err != nil {
		return t, err
	}
	t.Passphrase = a.Config.Passphrase || a.Config.PassphraseFile != ""
	if t.Passphrase && len(t.Recipients) > 0 {
		return t, &packager.Fault{Class: packager.ClassUsage, Code: "SEAL_BOTH"}
	}
	if a.Config.SSE != none {
		t.SSE = a.Config.SSE
	}
	t.Free = a.Config.Retain == none
	t.Retention, err = a.retention()
	return t, err
}

// recipients are the age public keys of the settings; clear: none on purpose.
func (a *App) recipients() (keys []string, clear bool, err error) {
	bad := func(recipient string, err error) error {
		return &packager.Fault{Class: packager.ClassConfig, Code: string(storage.BadRecipient), Args: packager.Args{"recipient": recipient}, Err: err}
	}
	keys = slices.Clone(a.Config.Recipients)
	if slices.Equal(keys, []string{none}) {
		return nil, true, nil
	}
	for _, file := range a.Config.RecipientFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, false, bad(file, err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				keys = append(keys, line)
			}
		}
	}
	for _, k := range keys {
		if _, err := seal.ParseRecipients([]string{k}); err != nil {
			if strings.HasPrefix(strings.ToUpper(k), "AGE-SECRET-KEY-") {
				k = "AGE-SECRET-KEY-…" // never repeated
			}
			return nil, false, bad(k, nil)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), false, nil
}

// Recipients are those of the settings, as age wants them: public keys, or a
// passphrase.
func (a *App) Recipients() ([]age.Recipient, error) {
	t, err := a.terms()
	if err != nil {
		return nil, err
	}
	if len(t.Recipients) > 0 {
		r, err := seal.ParseRecipients(t.Recipients)
		return r, pipeline.StoreFault(err)
	}
	return nil, nil
}

// Identities open what is encrypted: those of the settings' files, and the
// passphrase where one is given. There may be none.
func (a *App) Identities() ([]age.Identity, error) {
	if a.identities != nil {
		return a.identities, nil
	}
	var ids []age.Identity
	for _, file := range a.Config.Identities {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, badIdentity(file, err)
		}
		list, err := seal.ParseIdentities(text, func() (string, error) { return a.storePassphrase(false) })
		if err != nil {
			var e *storage.Error
			if errors.As(err, &e) {
				err = e.Err
			}
			return nil, badIdentity(file, err)
		}
		ids = append(ids, list...)
	}
	_, set := config.Lookup(a.Config.Env, passphraseVar)
	if a.Config.Passphrase || a.Config.PassphraseFile != "" || set {
		secret, err := a.storePassphrase(false)
		if err != nil {
			return nil, err
		}
		_, id, err := seal.ForPassphrase(secret)
		if err != nil {
			return nil, pipeline.StoreFault(err)
		}
		ids = append(ids, id)
	}
	a.identities = ids
	return ids, nil
}

func badIdentity(file string, err error) error {
	var f *packager.Fault
	if errors.As(err, &f) {
		return err
	}
	return &packager.Fault{Class: packager.ClassConfig, Code: string(storage.BadIdentity), Args: packager.Args{"file": file}, Err: err}
}

const passphraseVar = "DOSSIER_STORE_PASSPHRASE"

// storePassphrase gets the passphrase of the store: from the variable, the
// file, or a person at the terminal, who types a new one twice. It is never a
// flag and never kept.
func (a *App) storePassphrase(fresh bool) (string, error) {
	if a.secret != "" {
		return a.secret, nil
	}
	secret, ok := config.Lookup(a.Config.Env, passphraseVar)
	switch {
	case a.Config.PassphraseFile != "":
		text, err := os.ReadFile(a.Config.PassphraseFile)
		if err != nil {
			return "", &packager.Fault{Class: packager.ClassConfig, Code: "SEAL_PASSPHRASE_FILE", Args: packager.Args{"file": a.Config.PassphraseFile}, Err: err}
		}
		first, _, _ := strings.Cut(string(text), "\n")
		secret = strings.TrimRight(first, "\r")
	case ok:
	case a.Ask == nil:
		return "", &packager.Fault{Class: packager.ClassUsage, Code: "SEAL_NO_PASSPHRASE"}
	default:
		var err error
		if secret, err = a.askPassphrase(fresh); err != nil {
			return "", err
		}
	}
	if secret == "" {
		return "", &packager.Fault{Class: packager.ClassUsage, Code: "SEAL_EMPTY_PASSPHRASE"}
	}
	a.secret = secret
	return secret, nil
}

// NewPassphrase gets a passphrase that replaces one: from
// DOSSIER_STORE_NEW_PASSPHRASE, else twice from the terminal.
func (a *App) NewPassphrase() (string, error) {
	if v := config.Getenv(a.Config.Env, "DOSSIER_STORE_NEW_PASSPHRASE"); v != "" {
		return v, nil
	}
	if a.Ask == nil {
		return "", &packager.Fault{Class: packager.ClassUsage, Code: "SEAL_NO_NEW_PASSPHRASE"}
	}
	return a.AskTwice("ask.store-passphrase.new")
}

func (a *App) askPassphrase(fresh bool) (string, error) {
	if fresh {
		return a.AskTwice("ask.store-passphrase.new")
	}
	return a.Ask(a.Words.Text("ask.store-passphrase", nil))
}

// AskTwice asks for a new secret, and for the same again: nobody sees what they
// type. Ask must be there.
func (a *App) AskTwice(question string) (string, error) {
	first, err := a.Ask(a.Words.Text(question, nil))
	if err != nil {
		return "", err
	}
	again, err := a.Ask(a.Words.Text("ask.passphrase.again", nil))
	if err == nil && first != again {
		err = &packager.Fault{Class: packager.ClassUsage, Code: "KEY_PASSPHRASES_DIFFER"}
	}
	return first, err
}

var retainForm = regexp.MustCompile(`^(governance|compliance):(?:([0-9]{1,5})([dy])|([0-9]{4}-[0-9]{2}-[0-9]{2}))$`)

// retention reads governance:3650d, compliance:10y, compliance:2036-12-31: who
// may break the promise, and until when it holds (the end of that day in
// Asia/Shanghai).
func (a *App) retention() (storage.Retention, error) {
	r := storage.Retention{LegalHold: a.Config.LegalHold}
	if a.Config.Retain == "" || a.Config.Retain == none {
		return r, nil
	}
	bad := &packager.Fault{Class: packager.ClassUsage, Code: "RETAIN_FORM", Args: packager.Args{"value": a.Config.Retain}}
	m := retainForm.FindStringSubmatch(a.Config.Retain)
	if m == nil {
		return r, bad
	}
	r.Mode = storage.RetentionMode(strings.ToUpper(m[1]))
	last := packager.DayOf(a.Now())
	if m[4] != "" {
		var err error
		if last, err = packager.ParseDay(m[4]); err != nil {
			return r, bad
		}
	} else {
		n, _ := strconv.Atoi(m[2])
		if m[3] == "y" {
			last = last.AddMonths(12 * n)
		} else {
			last = last.AddDays(n)
		}
	}
	r.Until = time.Date(last.Time().Year(), last.Time().Month(), last.Time().Day()+1, 0, 0, 0, 0, packager.Shanghai).UTC()
	if !r.Until.After(a.Now()) || last.Time().Year() > 9999 {
		return r, bad
	}
	return r, nil
}

// encryption reads s3, kms, kms:KEY-ID or c.
func (a *App) encryption() (s3.Encryption, error) {
	kind, id, _ := strings.Cut(a.Config.SSE, ":")
	switch {
	case kind == "" || kind == none:
		return s3.Encryption{}, nil
	case kind == "s3" && id == "":
		return s3.Encryption{Mode: "sse-s3"}, nil
	case kind == "kms":
		return s3.Encryption{Mode: "sse-kms", KMSKey: id}, nil
	case kind == "c" && id == "":
		key, err := a.customerKey()
		return s3.Encryption{Mode: "sse-c", CustomerKey: key}, err
	}
	return s3.Encryption{}, &packager.Fault{Class: packager.ClassUsage, Code: "SSE_FORM", Args: packager.Args{"value": a.Config.SSE}}
}

// customerKey is the key of SSE-C: 32 bytes, or their base64, in a file or in
// DOSSIER_SSE_C_KEY.
func (a *App) customerKey() ([]byte, error) {
	text := []byte(config.Getenv(a.Config.Env, "DOSSIER_SSE_C_KEY"))
	where := "DOSSIER_SSE_C_KEY"
	if file := a.Config.SSEKeyFile; file != "" {
		where = file
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, &packager.Fault{Class: packager.ClassConfig, Code: "SSE_C_KEY", Args: packager.Args{"where": where}, Err: err}
		}
	}
	if len(text) == 32 {
		return text, nil
	}
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != 32 {
		return nil, &packager.Fault{Class: packager.ClassConfig, Code: "SSE_C_KEY", Args: packager.Args{"where": where}}
	}
	return key, nil
}

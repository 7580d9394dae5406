package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/verify"
	"dossier/storage"
)

// Extend lifts the signature of a finished bundle to a higher level and stores
// it anew: everything that was there stays as it was, timestamps and proofs of
// revocation are appended to the PDF, and the next receipt names both.
func (p *Pipeline) Extend(ctx context.Context, c *packager.Case, out string) (*packager.Receipt, Paths, error) {
	b, err := newState(c.Dir, p)
	if err != nil {
		return nil, Paths{}, err
	}
	defer b.clear()
	verdict, err := verify.Folder(ctx, out, "", verify.Options{Now: p.Now()})
	if err != nil {
		return nil, Paths{}, err
	}
	if !verdict.OK {
		return nil, Paths{}, refused(verdict)
	}
	pend, err := pendingOf(out)
	if err != nil {
		return nil, Paths{}, err
	}
	key, err := p.Key(ctx)
	if err != nil {
		return nil, Paths{}, err
	}
	b.key = key
	if key.Fingerprint() != pend.Receipt.Signature.SHA256Fingerprint {
		return nil, Paths{}, &packager.Fault{Class: packager.ClassSigning, Code: "PUSH_OTHER_KEY", Args: packager.Args{"source": key.Source}}
	}
	if b.dir, err = os.MkdirTemp(out, ".making-*"); err != nil {
		return nil, Paths{}, diskFault(err, out)
	}
	p.begin(packager.StepSign)
	made, err := sign.Extend(ctx, filepath.Join(out, bundleName), sign.Extension{
		Out: b.path(bundleName), Now: p.Now(), Level: p.Signing.Level, Timestamps: p.Signing.Timestamps, Progress: p.Observe,
	})
	if err != nil {
		return nil, Paths{}, diskFault(err, out)
	}
	if err := p.releaseExtended(ctx, b, out, &pend, made); err != nil {
		return nil, Paths{}, err
	}
	receipt, err := p.publishPending(ctx, c.Dir, pend, b.state, key, b.log)
	return receipt, pathsIn(out), err
}

// releaseExtended verifies the longer file, puts it and the longer log under
// their names and writes both into the coming receipt.
func (p *Pipeline) releaseExtended(ctx context.Context, b *bench, out string, pend *pending, made *sign.Extended) error {
	p.begin(packager.StepVerify)
	verdict, err := verify.PDF(ctx, made.Path, verify.Options{Now: p.Now()})
	if err != nil {
		return err
	}
	if !verdict.OK {
		return refused(verdict)
	}
	if err := p.note(b.log, packager.Event{
		What: "timestamped", Case: pend.Receipt.Case,
		Inputs: map[string]string{bundleName: pend.Receipt.Bundle.SHA256},
		Output: map[string]string{bundleName: made.SHA256},
		Data:   map[string]string{"level": made.Signature.Level},
	}); err != nil {
		return err
	}
	log, err := os.ReadFile(filepath.Join(b.state, eventsName))
	if err != nil {
		return err
	}
	if err := removeIfThere(filepath.Join(out, receiptName)); err != nil {
		return diskFault(err, out)
	}
	if err := os.Rename(made.Path, filepath.Join(out, bundleName)); err != nil {
		return diskFault(err, out)
	}
	if err := writeFile(filepath.Join(out, eventsName), log); err != nil {
		return diskFault(err, out)
	}
	r := &pend.Receipt
	r.Signature, r.EventsHead = made.Signature, b.log.Head()
	r.Bundle.SHA256, r.Bundle.Bytes = made.SHA256, made.Bytes
	events := storage.FromBytes(log)
	for i := range pend.Files {
		switch f := &pend.Files[i]; f.Name {
		case bundleName:
			f.SHA256, f.Bytes = made.SHA256, made.Bytes
		case eventsName:
			f.SHA256, f.Bytes = events.SHA256, events.Bytes
		}
	}
	return nil
}

// pendingOf makes a publication from a finished one, to be stored under the
// next number.
func pendingOf(out string) (pending, error) {
	text, err := os.ReadFile(filepath.Join(out, receiptName))
	if err != nil {
		return pending{}, err
	}
	pend := pending{Out: out}
	if err := json.Unmarshal(text, &pend.Receipt); err != nil {
		return pending{}, fmt.Errorf("%s: %w", receiptName, err)
	}
	r := &pend.Receipt
	pend.Files = r.Files
	for _, o := range r.Objects {
		if strings.HasPrefix(o.Name, pagesName+"/") {
			pend.Pages = append(pend.Pages, o)
		} else {
			pend.Blobs = append(pend.Blobs, o)
		}
	}
	if len(pend.Files) == 0 {
		return pending{}, errors.New("the receipt names no files")
	}
	r.Files, r.Objects, r.Number = nil, nil, 0
	return pend, nil
}

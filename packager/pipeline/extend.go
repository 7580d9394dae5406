package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	var made []*sign.Extended // one for each of the bundle's PDFs
	for _, pdf := range pend.Receipt.Bundle.Files(bundleStem) {
		ext, err := sign.Extend(ctx, filepath.Join(out, pdf.Name), sign.Extension{
			Out: b.path(pdf.Name), Now: p.Now(), Level: p.Signing.Level, Timestamps: p.Signing.Timestamps, Progress: p.Observe,
		})
		if err != nil {
			return nil, Paths{}, diskFault(err, out)
		}
		made = append(made, ext)
	}
	if err := p.releaseExtended(ctx, b, out, &pend, made); err != nil {
		return nil, Paths{}, err
	}
	receipt, err := p.publishPending(ctx, c.Dir, pend, b.state, key, b.log)
	return receipt, pathsIn(out), err
}

// releaseExtended verifies the longer files, puts them and the longer log under
// their names and writes all into the coming receipt.
func (p *Pipeline) releaseExtended(ctx context.Context, b *bench, out string, pend *pending, made []*sign.Extended) error {
	p.begin(packager.StepVerify)
	var paths []string
	for _, m := range made {
		paths = append(paths, m.Path)
	}
	verdict, err := verify.PDFs(ctx, paths, verify.Options{Now: p.Now()})
	if err != nil {
		return err
	}
	if !verdict.OK {
		return refused(verdict)
	}
	r := &pend.Receipt
	was := pdfs(r.Bundle)
	r.Bundle = extended(r.Bundle, made)
	if err := p.note(b.log, packager.Event{
		What: "timestamped", Case: r.Case,
		Inputs: was, Output: pdfs(r.Bundle),
		Data: map[string]string{"level": made[0].Signature.Level},
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
	for _, m := range made {
		if err := os.Rename(m.Path, filepath.Join(out, filepath.Base(m.Path))); err != nil {
			return diskFault(err, out)
		}
	}
	if err := writeFile(filepath.Join(out, eventsName), log); err != nil {
		return diskFault(err, out)
	}
	r.Signature, r.EventsHead = made[0].Signature, b.log.Head()
	files := map[string]packager.PartRef{}
	for _, f := range r.Bundle.Files(bundleStem) {
		files[f.Name] = f
	}
	events := storage.FromBytes(log)
	files[eventsName] = packager.PartRef{SHA256: events.SHA256, Bytes: events.Bytes}
	for i := range pend.Files {
		if f, ok := files[pend.Files[i].Name]; ok {
			pend.Files[i].SHA256, pend.Files[i].Bytes = f.SHA256, f.Bytes
		}
	}
	return nil
}

// extended names a bundle whose PDFs were made longer.
func extended(r packager.BundleRef, made []*sign.Extended) packager.BundleRef {
	r.SHA256, r.Bytes = made[0].SHA256, made[0].Bytes
	r.Parts = slices.Clone(r.Parts)
	for i := range r.Parts {
		r.Parts[i].SHA256, r.Parts[i].Bytes = made[i].SHA256, made[i].Bytes
	}
	return r
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

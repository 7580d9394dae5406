package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/sign"
	"dossier/packager/verify"
	"dossier/storage"
)

// Extend lifts the signature of a finished bundle to a higher level and stores
// it anew: everything that was there stays as it was, timestamps and proofs of
// revocation are appended to the PDF, and the next receipt names both.
func (p *Pipeline) Extend(ctx context.Context, c *packager.Case, out string) (*packager.Receipt, Paths, error) {
	return p.grow(ctx, c, out, "timestamped", func(g *growth, pdf packager.PartRef) (*packager.File, packager.Signature, error) {
		s := g.pend.Receipt.Signature
		if g.key.Fingerprint() != s.SHA256Fingerprint {
			return nil, s, &packager.Fault{Class: packager.ClassSigning, Code: "PUSH_OTHER_KEY", Args: packager.Args{"source": g.key.Source}}
		}
		made, err := sign.Extend(ctx, filepath.Join(out, pdf.Name), sign.Extension{
			Out: g.bench.path(pdf.Name), Now: p.Now(), Level: p.Signing.Level, Timestamps: p.Signing.Timestamps, Progress: p.Observe,
		})
		if err != nil {
			return nil, s, err
		}
		s.Level, s.Timestamp = made.Signature.Level, made.Signature.Timestamp
		return &made.File, s, nil
	})
}

// Sign adds the signature of one more person to a finished bundle, in a revision
// of its own, and stores it anew; who signed last seals the receipt. It is not
// seen on the page: the signers before made no room for it, and what covers
// their pages is no longer what they signed.
func (p *Pipeline) Sign(ctx context.Context, c *packager.Case, out, reason string) (*packager.Receipt, Paths, error) {
	return p.grow(ctx, c, out, "signed", func(g *growth, pdf packager.PartRef) (*packager.File, packager.Signature, error) {
		for _, s := range g.verdict.Signatures {
			if s.SHA256Fingerprint == g.key.Fingerprint() {
				return nil, packager.Signature{}, &packager.Fault{Class: packager.ClassSigning, Code: "SIGN_TWICE", Args: packager.Args{"signer": s.Signer, "source": g.key.Source}}
			}
		}
		opt := p.Signing
		opt.Out, opt.Now, opt.Progress = g.bench.path(pdf.Name), p.Now(), p.Observe
		opt.Reason = cmp.Or(reason, opt.Reason)
		made, err := sign.Sign(ctx, &packager.Bundle{Path: filepath.Join(out, pdf.Name), SHA256: pdf.SHA256}, g.key, opt)
		if err != nil {
			return nil, packager.Signature{}, err
		}
		return &packager.File{Path: made.Path, SHA256: made.SHA256, Bytes: made.Bytes}, made.Signature, nil
	})
}

// growth is a finished bundle that gets one more revision.
type growth struct {
	bench   *bench
	verdict *packager.Verdict // on what is there
	pend    pending           // the next publication
	key     *sign.Key
	made    []packager.File // one for each of the bundle's PDFs
}

// grow takes a finished bundle that holds, lets add make each of its PDFs
// longer, verifies the result and stores it under the next number.
func (p *Pipeline) grow(ctx context.Context, c *packager.Case, out, what string, add func(*growth, packager.PartRef) (*packager.File, packager.Signature, error)) (*packager.Receipt, Paths, error) {
	b, err := newState(c.Dir, p)
	if err != nil {
		return nil, Paths{}, err
	}
	defer b.clear()
	g := &growth{bench: b}
	// The log of the case is compared too: what grows is what was made here.
	if g.verdict, err = verify.Folder(ctx, out, c.Dir, verify.Options{Now: p.Now()}); err != nil {
		return nil, Paths{}, err
	}
	if !g.verdict.OK {
		return nil, Paths{}, refused(g.verdict)
	}
	if g.pend, err = pendingOf(out); err != nil {
		return nil, Paths{}, err
	}
	if of := g.pend.Receipt.Case; of != c.ID {
		return nil, Paths{}, &packager.Fault{Class: packager.ClassVerification, Code: "GROW_OTHER_CASE", Args: packager.Args{"out": out, "of": of, "case": c.ID}}
	}
	if err := p.regainLog(b, out); err != nil {
		return nil, Paths{}, diskFault(err, c.Dir)
	}
	if g.pend.wasSealed && !p.Store.Terms.Sealed() && !p.Store.Terms.Clear {
		return nil, Paths{}, &packager.Fault{Class: packager.ClassUsage, Code: "EXTEND_SEALED", Args: packager.Args{"case": c.Dir}}
	}
	g.pend.Terms = p.Store.Terms.pending()
	if g.key, err = p.Key(ctx); err != nil {
		return nil, Paths{}, err
	}
	b.key = g.key
	if b.dir, err = os.MkdirTemp(out, ".making-*"); err != nil {
		return nil, Paths{}, diskFault(err, out)
	}
	p.begin(packager.StepSign)
	var signature packager.Signature
	for _, pdf := range g.pend.Receipt.Bundle.Files(bundleStem) {
		made, s, err := add(g, pdf)
		if err != nil {
			return nil, Paths{}, diskFault(err, out)
		}
		if len(g.made) == 0 {
			signature = s
		}
		g.made = append(g.made, *made)
	}
	g.pend.Receipt.Signature = signature
	if err := p.releaseGrown(ctx, g, out, what); err != nil {
		return nil, Paths{}, err
	}
	receipt, err := p.publishPending(ctx, c.Dir, g.pend, b.state, g.key, b.log)
	return receipt, pathsIn(out), err
}

// regainLog lets the log of a case that has lost its own go on from the copy
// beside the bundle, which holds: the PDF shows its head.
func (p *Pipeline) regainLog(b *bench, out string) error {
	path := filepath.Join(b.state, eventsName)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	log, err := os.ReadFile(filepath.Join(out, eventsName))
	if err != nil {
		return err
	}
	if err := writeFile(path, log); err != nil {
		return err
	}
	if b.log, err = audit.Open(path, p.Actor, p.Now); err != nil {
		return err
	}
	return p.seal(b)
}

// releaseGrown verifies the longer files, puts them and the longer log under
// their names and writes all into the coming receipt.
func (p *Pipeline) releaseGrown(ctx context.Context, g *growth, out, what string) error {
	p.begin(packager.StepVerify)
	var paths []string
	for _, m := range g.made {
		paths = append(paths, m.Path)
	}
	verdict, err := verify.PDFs(ctx, paths, verify.Options{Now: p.Now()})
	if err != nil {
		return err
	}
	if !verdict.OK {
		return refused(verdict)
	}
	r := &g.pend.Receipt
	was := pdfs(r.Bundle)
	r.Bundle = grown(r.Bundle, g.made)
	if err := p.note(g.bench.log, packager.Event{
		What: what, Case: r.Case, Inputs: was, Output: pdfs(r.Bundle),
		Data: map[string]string{
			"bundle": r.Bundle.ID, "level": r.Signature.Level, "signer": r.Signature.Signer, "certificate": r.Signature.SHA256Fingerprint,
		},
	}); err != nil {
		return err
	}
	log, err := os.ReadFile(filepath.Join(g.bench.state, eventsName))
	if err != nil {
		return err
	}
	if err := removeIfThere(filepath.Join(out, receiptName)); err != nil {
		return diskFault(err, out)
	}
	for _, m := range g.made {
		if err := os.Rename(m.Path, filepath.Join(out, filepath.Base(m.Path))); err != nil {
			return diskFault(err, out)
		}
	}
	if err := writeFile(filepath.Join(out, eventsName), log); err != nil {
		return diskFault(err, out)
	}
	r.EventsHead = g.bench.log.Head()
	files := map[string]packager.PartRef{}
	for _, f := range r.Bundle.Files(bundleStem) {
		files[f.Name] = f
	}
	events := storage.FromBytes(log)
	files[eventsName] = packager.PartRef{SHA256: events.SHA256, Bytes: events.Bytes}
	for i := range g.pend.Files {
		if f, ok := files[g.pend.Files[i].Name]; ok {
			g.pend.Files[i].SHA256, g.pend.Files[i].Bytes = f.SHA256, f.Bytes
		}
	}
	return nil
}

// grown names a bundle whose PDFs were made longer.
func grown(r packager.BundleRef, made []packager.File) packager.BundleRef {
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
	plain := func(o packager.StoredObject) packager.StoredObject {
		pend.wasSealed = pend.wasSealed || o.Sealed != nil
		sum, n := o.Plain()
		return packager.StoredObject{Key: storage.BlobKey(sum), SHA256: sum, Bytes: n, Name: o.Name}
	}
	for _, f := range r.Files {
		pend.Files = append(pend.Files, plain(f))
	}
	for _, o := range r.Objects {
		o = plain(o)
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

package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/verify"
	"dossier/storage"
)

// Handoff is what a person needs to hand a stored bundle in.
type Handoff struct {
	Case      *packager.Case
	Rules     *packager.RuleSet
	Receipt   *packager.Receipt
	Materials []packager.ManifestItem
	Paths     Paths
	Pages     []string // page pictures, in order
	Keys      []string // of the bundle's PDFs in the store
	Sealed    bool     // the stored bundle is ciphertext: a link to it helps nobody
}

// Handoff gathers it from an out folder that verifies. Without a receipt, and
// for a folder that does not verify, its error is a Fault of
// ClassVerification.
func (p *Pipeline) Handoff(ctx context.Context, o Order) (*Handoff, error) {
	h := &Handoff{Case: o.Case, Paths: pathsIn(o.Out)}
	if h.Paths.Receipt == "" {
		return nil, &packager.Fault{Class: packager.ClassVerification, Code: "HANDOFF_NO_RECEIPT", Args: packager.Args{"case": o.Case.Dir, "dir": o.Out}}
	}
	verdict, err := verify.Folder(ctx, o.Out, o.Case.Dir, verify.Options{Now: p.Now()})
	if err != nil {
		return nil, err
	}
	if !verdict.OK {
		f := refused(verdict).(*packager.Fault)
		f.Code = "HANDOFF_REFUSED"
		f.Args["dir"] = o.Out
		return nil, f
	}
	h.Receipt = &packager.Receipt{}
	if _, err := readJSON(h.Paths.Receipt, h.Receipt); err != nil {
		return nil, err
	}
	if h.Receipt.Case != o.Case.ID {
		return nil, &packager.Fault{Class: packager.ClassVerification, Code: "HANDOFF_OTHER_CASE",
			Args: packager.Args{"dir": o.Out, "got": h.Receipt.Case, "want": o.Case.ID}}
	}
	var m packager.Manifest
	if _, err := readJSON(h.Paths.Manifest, &m); err != nil {
		return nil, err
	}
	h.Materials = m.Materials
	for _, pdf := range h.Receipt.Bundle.Files(bundleStem) {
		for _, f := range h.Receipt.Files {
			if f.Name == pdf.Name {
				h.Keys, h.Sealed = append(h.Keys, f.Key), f.Sealed != nil
			}
		}
	}
	if h.Rules, err = p.Rules.For(o.Case, o.Day, p.Calendar); err != nil {
		return nil, err
	}
	h.Pages, err = pictures(h.Paths.Pages)
	return h, err
}

// pictures are the files of the folder with the page pictures, which is there
// or not.
func pictures(dir string) ([]string, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	var all []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			all = append(all, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(all)
	return all, err
}

// Links makes links that read the bundle's PDFs without any key until they
// expire; none where the store is a folder or they are sealed. store is the one
// that the receipt names.
func (h *Handoff) Links(ctx context.Context, store Store, expires time.Duration) (links []string, err error) {
	if h.Sealed || store.Terms.SSE == "c" { // the key of SSE-C goes with each request
		return nil, nil
	}
	s, err := store.Open(ctx)
	if err != nil {
		return nil, StoreFault(err)
	}
	signer, ok := s.(storage.Presigner)
	if !ok {
		return nil, nil
	}
	for _, key := range h.Keys {
		link, err := signer.Presign(ctx, key, expires)
		if err != nil {
			return nil, StoreFault(err)
		}
		links = append(links, link)
	}
	return links, nil
}

// MarkHandedOff notes in the case's log that the bundle was handed off. Of the
// links only the part before the signature is kept.
func (p *Pipeline) MarkHandedOff(h *Handoff, links []string, until time.Time) error {
	b, err := newState(h.Case.Dir, p)
	if err != nil {
		return err
	}
	defer b.clear()
	data := map[string]string{"bundle": h.Receipt.Bundle.ID, "store": h.Receipt.Store}
	var bare []string
	for _, link := range links {
		place, _, _ := strings.Cut(link, "?")
		bare = append(bare, place)
	}
	if len(bare) > 0 {
		data["link"] = strings.Join(bare, " ")
		data["until"] = until.UTC().Format(time.RFC3339)
	}
	return p.note(b.log, packager.Event{
		What: "handed_off", Case: h.Case.ID,
		Inputs: pdfs(h.Receipt.Bundle), Data: data,
	})
}

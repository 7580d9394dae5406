package inspect

import (
	"context"
	"image"
	"io"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// wants says what to look for in a file, by what it is for: the papers whose
// particulars are compared are read, and so is what nobody has placed, if it
// may be one of them.
func wants(m packager.Material, rs *packager.RuleSet) want {
	w := want{QR: mayBeLetter(m, rs)}
	switch m.Role {
	case packager.RoleMaterial:
		for _, id := range m.IDs {
			switch rs.Catalogue[id].Part {
			case "licence":
				w.QR, w.Text = true, true
			case "letter", "authorisation", "identity":
				w.Text = true
			}
			w.QR = w.QR || id == string(classLicence)
		}
	case packager.RoleUnplaced:
		if strings.HasPrefix(m.Path, "materials/") {
			w.Text = true
		}
	}
	return w
}

// How far PDFs are read: their first pages, rendered fine enough for a code of
// 20 mm with 41 modules.
const (
	pagesText  = 5 // of a text layer
	pagesCodes = 8
	pagesOCR   = 2 // of a scan
	pagesScan  = 20
	renderDPI  = 200
	letterSize = 1400 // points of the longer side; what is larger than A3 is no letter
)

// readPicture reads the codes and the text of a picture.
func (x *Inspector) readPicture(ctx context.Context, img image.Image, orientation, page int, w want, f *facts) {
	if w.QR {
		readQR(img, page, f)
	}
	if !w.Text || !x.ocr.available() {
		return
	}
	lines, err := x.ocr.read(ctx, upright(img, orientation))
	if err != nil {
		return // not read is not wrong: nothing changes
	}
	f.took(lines, page, "ocr")
}

// readPDF reads the text layer of a PDF, and renders its pages for the codes
// on them and, where it is a scan, for their text: scans are pictures of pages
// and drafts are drawn, so that only rendering shows both.
func (x *Inspector) readPDF(ctx context.Context, r io.ReaderAt, size int64, w want, f *facts) {
	layer, ocr := w.Text && f.PDF.Fonts, w.Text && x.ocr.available()
	if !w.QR && !w.Text {
		return
	}
	doc, err := x.pdfium.OpenLocked(ctx, io.NewSectionReader(r, 0, size), size, w.Password)
	if err != nil {
		return // what is wrong with the file has been said
	}
	defer doc.Close()
	for i := 0; layer && i < min(doc.Pages(), pagesText); i++ {
		if text, err := doc.Text(i); err == nil {
			f.tookLayer(text, i+1)
		}
	}
	for i := range min(doc.Pages(), pagesScan) {
		f.scanned(doc, i)
	}
	for i := range min(doc.Pages(), pagesCodes) {
		look := want{QR: w.QR, Text: ocr && !f.PDF.TextLayer && i < pagesOCR}
		pw, ph, err := doc.Size(i)
		if !look.QR && !look.Text || err != nil || max(pw, ph) > letterSize || ctx.Err() != nil {
			continue
		}
		if img, err := doc.Render(i, renderDPI); err == nil {
			x.readPicture(ctx, img, 1, i+1, look, f)
		}
	}
}

// scanned records the resolution that a page, counted from 0, will have in the
// bundle, if it is a scan and the coarsest so far. A page is shown no larger
// than it is.
func (f *facts) scanned(doc *pdfium.Document, page int) {
	dpi, err := doc.ScanDPI(page)
	w, h, sizeErr := doc.Size(page)
	if err != nil || sizeErr != nil || dpi <= 0 {
		return
	}
	n := int(dpi/min(1, packager.PageScale(w, h)) + 0.5)
	if f.PDF.ScanDPI == 0 || n < f.PDF.ScanDPI {
		f.PDF.ScanDPI, f.PDF.ScanPage = n, page+1
	}
}

// tookLayer records the text layer of a page, unless there is next to nothing.
func (f *facts) tookLayer(text string, page int) {
	var lines []line
	for s := range strings.Lines(text) {
		if s = strings.TrimSpace(s); s != "" {
			lines = append(lines, line{{text: s, certain: 1}})
		}
	}
	if len([]rune(plainText(lines))) >= 10 {
		f.PDF.TextLayer = true
		f.took(lines, page, "text")
	}
}

// took records what was read on a page.
func (f *facts) took(lines []line, page int, by string) {
	f.ReadBy = by
	f.Fields = append(f.Fields, extract(lines, page, by)...)
	if f.Class == "" {
		f.Class, f.ClassWord = classify(plainText(lines))
	}
}

// placed gives a file that nobody has placed its requirement, when its content
// says plainly what it is, the case asks for that, and no other file stands
// for it.
func (x *Inspector) place(files []packager.Inspected, all []*facts, c *packager.Collection) []packager.Finding {
	taken := map[string]bool{}
	for _, f := range files {
		for _, id := range f.IDs {
			taken[id] = true
		}
	}
	var found []packager.Finding
	for i := range files {
		f := &files[i]
		if f.Role != packager.RoleUnplaced || f.Unusable != "" {
			continue
		}
		id, word := recognise(all[i], c.Case, c.Rules)
		if id == "" || taken[id] {
			continue
		}
		taken[id] = true
		f.Role, f.IDs, f.Matched = packager.RoleMaterial, []string{id}, packager.Match{By: "content", Word: word}
		found = append(found, packager.Finding{Code: "MATCH_BY_CONTENT", Severity: packager.Info, Requirement: id, Material: f.Path,
			Args: packager.Args{"path": f.Path, "id": id, "word": word}})
	}
	return found
}

// Recognise says which paper of the case a file is by its content, and what in
// it says so; "" when that is not plain.
func (x *Inspector) Recognise(ctx context.Context, abs string, c *packager.Case, rs *packager.RuleSet) (id, word string) {
	m, err := stat(abs)
	if err != nil {
		return "", ""
	}
	w := want{QR: true, Text: true}
	f := x.facts(ctx, m, w)
	if f.locked() {
		f, _ = x.unlock(ctx, m, f, w)
	}
	if f != nil && f.Form == packager.FormOffice {
		f = x.shown(ctx, m, f, w)
	}
	if f == nil {
		return "", ""
	}
	return recognise(f, c, rs)
}

// recognise brings what a content says to bear on a case.
func recognise(f *facts, c *packager.Case, rs *packager.RuleSet) (id, word string) {
	has := func(name string) (string, bool) {
		i := slices.IndexFunc(f.Fields, func(x packager.Field) bool { return x.Name == name })
		if i < 0 {
			return "", false
		}
		return f.Fields[i].Value, true
	}
	if id = letterIn(f.QR, c, rs); id != "" {
		return id, "QR"
	}
	_, qr := has("uscc")
	switch {
	case qr && len(f.QR) > 0:
		id, word = string(classLicence), "QR"
	case f.Class == classPortrait:
		number, _ := has("id_number")
		id, word = holderOf(number, c), f.ClassWord
	case f.Class == classEmblem: // it does not say whose it is
		var open []string
		for _, p := range []string{"legal_rep", "agent", "employee", "holder"} {
			if asked(rs, p+"_id_emblem") {
				open = append(open, p+"_id_emblem")
			}
		}
		if len(open) == 1 {
			id, word = open[0], f.ClassWord
		}
	default:
		id, word = string(f.Class), f.ClassWord
	}
	if !asked(rs, id) {
		return "", ""
	}
	return id, word
}

// holderOf names the portrait side of the person with an identity number.
func holderOf(number string, c *packager.Case) string {
	persons := map[string]*packager.Person{
		"legal_rep_id_portrait": &c.Applicant.LegalRepresentative, "agent_id_portrait": c.Agent,
		"employee_id_portrait": c.Employee, "holder_id_portrait": c.Holder,
	}
	for _, id := range []string{"legal_rep_id_portrait", "agent_id_portrait", "employee_id_portrait", "holder_id_portrait"} {
		if p := persons[id]; p != nil && number != "" && strings.EqualFold(p.IDNumber, number) {
			return id
		}
	}
	return ""
}

func asked(rs *packager.RuleSet, id string) bool {
	return slices.ContainsFunc(rs.Requirements, func(r packager.Requirement) bool { return slices.Contains(r.AnyOf, id) })
}

// doubt takes the proof from a number that a machine read off a picture when
// it is the case's own but for one or two characters: of the misread ones, one
// in eleven to thirty passes its check.
func doubt(fields []packager.Field, c *packager.Case) []packager.Field {
	own := []string{c.Applicant.USCC, c.Applicant.LegalRepresentative.IDNumber}
	for _, p := range []*packager.Person{c.Agent, c.Employee, c.Holder} {
		if p != nil {
			own = append(own, p.IDNumber)
		}
	}
	out := slices.Clone(fields)
	for i, f := range out {
		if f.By != "ocr" || !f.Proven {
			continue
		}
		for _, n := range own {
			if d := substitutions(strings.ToUpper(strings.TrimSpace(n)), f.Value); d == 1 || d == 2 {
				out[i].Proven = false
			}
		}
	}
	return out
}

// substitutions counts the places where two texts of one length differ; -1
// when their lengths differ.
func substitutions(a, b string) int {
	if len(a) != len(b) {
		return -1
	}
	n := 0
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

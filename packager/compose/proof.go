package compose

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// prove opens the finished file with an engine that shares nothing with the
// writer and holds it against what was laid out: number of pages, printed page
// numbers, every character, links, bookmarks, labels, the manifest, and each
// material on the pages that the index gives: its number, and its picture or
// paper page at its place.
func (k *Composer) prove(ctx context.Context, f *os.File, b *book, bundle *packager.Bundle) (packager.Proof, error) {
	var p packager.Proof
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return p, writeFault(err)
	}
	doc, err := k.engine.Open(ctx, f, size)
	if err != nil {
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		return p, proofFault("COMPOSE_PROOF_OPEN", err)
	}
	defer doc.Close()
	if doc.Pages() != bundle.Pages || doc.Pages() != len(b.c.sheets) {
		return p, proofFault("COMPOSE_PROOF_PAGES", nil, "want", strconv.Itoa(bundle.Pages), "got", strconv.Itoa(doc.Pages()))
	}
	held := int64(0)
	for i := range doc.Pages() {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		if held += b.weight(i); held > heldByEngine {
			held = b.weight(i)
			if err := doc.Forget(); err != nil {
				return p, proofFault("COMPOSE_PROOF_OPEN", err)
			}
		}
		if err := b.provePage(doc, i, &p); err != nil {
			return p, err
		}
	}
	p.Pages = doc.Pages()
	marks, err := doc.Bookmarks()
	if err != nil {
		return p, proofFault("COMPOSE_PROOF_OPEN", err)
	}
	if p.Bookmarks, err = proveMarks(b.marks(), marks); err != nil {
		return p, err
	}
	_, content, err := doc.Attachments("manifest.json")
	if err != nil {
		return p, proofFault("COMPOSE_PROOF_OPEN", err)
	}
	if !bytes.Equal(content, bundle.Manifest) {
		return p, proofFault("COMPOSE_PROOF_MANIFEST", nil)
	}
	p.Materials = len(b.items)
	return p, nil
}

// heldByEngine bounds the data of pictures that the engine holds at once.
const heldByEngine = 24 << 20

// weight is about how many bytes of pictures page i (from 0) shows.
func (b *book) weight(i int) (n int64) {
	for _, asset := range b.c.sheets[i].uses {
		n += b.assets.weights[asset]
	}
	return n
}

func proofFault(code string, err error, kv ...string) error {
	args := packager.Args{}
	for i := 0; i+1 < len(kv); i += 2 {
		args[kv[i]] = kv[i+1]
	}
	return &packager.Fault{Class: packager.ClassUnexpected, Code: code, Args: args, Err: err}
}

// provePage checks one page, counted from 0.
func (b *book) provePage(doc *pdfium.Document, i int, p *packager.Proof) error {
	page := strconv.Itoa(i + 1)
	sh := b.c.sheets[i]
	text, err := doc.Text(i)
	if err != nil {
		return proofFault("COMPOSE_PROOF_OPEN", err)
	}
	text = squeeze(text)
	if want := squeeze(b.pageNumber(i + 1)); !strings.Contains(text, want) {
		return proofFault("COMPOSE_PROOF_NUMBER", nil, "page", page)
	}
	for _, it := range b.items {
		s := b.now[itemName(it.No)]
		if i+1 < s.from || i+1 > s.to {
			continue
		}
		if !strings.Contains(text, squeeze(b.t("item.no", "no", strconv.Itoa(it.No)))) {
			return proofFault("COMPOSE_PROOF_ITEM", nil, "page", page, "no", strconv.Itoa(it.No))
		}
	}
	figures, err := doc.Figures(i, len(sh.shows))
	if err != nil {
		return proofFault("COMPOSE_PROOF_OPEN", err)
	}
	if !proveFigures(sh.shows, figures) {
		return proofFault("COMPOSE_PROOF_FIGURE", nil, "page", page)
	}
	n, missing := proveChars(sh.chars, text)
	if missing != 0 {
		return proofFault("COMPOSE_PROOF_TEXT", nil, "page", page, "char", fmt.Sprintf("U+%04X", missing))
	}
	p.Characters += n
	label, err := doc.Label(i)
	if err != nil {
		return proofFault("COMPOSE_PROOF_OPEN", err)
	}
	if label != page {
		return proofFault("COMPOSE_PROOF_LABEL", nil, "page", page, "got", label)
	}
	links, err := doc.Links(i)
	if err != nil {
		return proofFault("COMPOSE_PROOF_OPEN", err)
	}
	n, ok := proveLinks(sh, links, len(b.c.sheets))
	if !ok {
		return proofFault("COMPOSE_PROOF_LINK", nil, "page", page)
	}
	p.Links += n
	return nil
}

// proveFigures holds the pictures and paper pages that a page shows against
// those that were laid out: the same size, at the same place, the same way up.
func proveFigures(want, got []pdfium.Figure) bool {
	return slices.EqualFunc(want, got, func(w, g pdfium.Figure) bool {
		for k := range w.Matrix {
			if math.Abs(w.Matrix[k]-g.Matrix[k]) > 0.05 {
				return false
			}
		}
		return w.Width == g.Width && w.Height == g.Height
	})
}

// squeeze removes what readers add or leave out at will: blanks and line ends.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// proveChars counts the printed characters that were read back; missing is one
// that was not, or 0.
func proveChars(printed map[rune]int, text string) (n int, missing rune) {
	have := map[rune]int{}
	for _, r := range text {
		have[r]++
	}
	want := map[rune]int{}
	for r, k := range printed {
		if presentationForm(r) { // readers give the letters of a ligature
			for _, letter := range norm.NFKC.String(string(r)) {
				want[letter] += k
				have[letter] += have[r]
			}
			continue
		}
		want[r] += k
	}
	for r, k := range want {
		switch {
		case unicode.IsSpace(r):
			continue
		case r == '-' || r == '\u00ad': // a hyphen at the end of a line is taken for a division of a word
		case have[r] < k:
			return n, r
		}
		n += k
	}
	return n, 0
}

// presentationForm reports whether r is a ligature or another shape of letters
// (Unicode blocks Alphabetic and Arabic Presentation Forms).
func presentationForm(r rune) bool {
	return r >= 0xfb00 && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff
}

// proveLinks holds the links of a page against those that were laid out.
func proveLinks(sh *sheet, links []pdfium.Link, pages int) (int, bool) {
	var want []jump
	for _, j := range sh.jumps {
		if j.uri != "" || j.page >= 1 && j.page <= pages {
			want = append(want, j)
		}
	}
	if len(want) != len(links) {
		return 0, false
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.1 }
	for i, j := range want {
		l := links[i]
		page := -1
		if j.uri == "" {
			page = j.page - 1
		}
		if l.Page != page || !near(l.X0, j.x) || !near(l.X1, j.x+j.w) || !near(l.Y1, sh.h-j.y) || !near(l.Y0, sh.h-j.y-j.h) {
			return 0, false
		}
	}
	return len(want), true
}

// proveMarks holds the bookmarks against those that were laid out.
func proveMarks(want []mark, got []pdfium.Bookmark) (int, error) {
	if len(want) != len(got) {
		return 0, proofFault("COMPOSE_PROOF_BOOKMARK", nil, "title", "…")
	}
	n := len(want)
	for i, w := range want {
		if squeeze(clean(w.title)) != squeeze(got[i].Title) || w.page-1 != got[i].Page {
			return 0, proofFault("COMPOSE_PROOF_BOOKMARK", nil, "title", w.title)
		}
		k, err := proveMarks(w.kids, got[i].Kids)
		if err != nil {
			return 0, err
		}
		n += k
	}
	return n, nil
}

// proveGlyphs makes sure that a font subset in the drawn file has an outline
// for every character that is set from it.
func (im *importer) proveGlyphs(cid, desc types.Dict, used map[rune]bool) error {
	gids, err := im.decoded(cid["CIDToGIDMap"])
	if err != nil {
		return err
	}
	file, err := im.decoded(desc["FontFile2"])
	if err != nil {
		return err
	}
	return proveSubset(file, gids, used)
}

func (im *importer) decoded(o types.Object) ([]byte, error) {
	sd, ok := im.deref(o).(types.StreamDict)
	if !ok {
		return nil, fmt.Errorf("a stream is missing in the drawn pages")
	}
	if err := sd.DecodeWithLimit(64 << 20); err != nil {
		return nil, err
	}
	return sd.Content, nil
}

func proveSubset(file, gids []byte, used map[rune]bool) error {
	f, err := sfnt.Parse(file)
	if err != nil {
		return proofFault("COMPOSE_PROOF_GLYPH", err)
	}
	var buf sfnt.Buffer
	for r := range used {
		if unicode.IsSpace(r) {
			continue
		}
		bad := proofFault("COMPOSE_PROOF_GLYPH", nil, "char", fmt.Sprintf("U+%04X", r))
		if 2*int(r)+1 >= len(gids) {
			return bad
		}
		g := sfnt.GlyphIndex(gids[2*r])<<8 | sfnt.GlyphIndex(gids[2*r+1])
		segs, err := f.LoadGlyph(&buf, g, fixed.I(1000), nil)
		if g == 0 || err != nil || len(segs) == 0 {
			return bad
		}
	}
	return nil
}

package check

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// pictures judges whether the pictures of papers can be read.
func (c *checker) pictures() {
	for i := range c.in.Files {
		f := &c.in.Files[i]
		if f.Unusable != "" || !f.Role.InBundle() {
			continue
		}
		if f.Picture != nil {
			c.picture(f)
		} else {
			c.resolution(f)
		}
	}
}

func (c *checker) picture(f *packager.Inspected) {
	id, spec := c.specOf(f)
	p, q := f.Picture, spec.Quality
	say := func(code string, sev packager.Severity, args packager.Args) {
		if args == nil {
			args = packager.Args{}
		}
		args["path"] = f.Path
		x := c.about(code, sev, id, c.paperArgs(id, args))
		x.Material = f.Path
		c.say(x)
	}
	if p.HasGPS {
		say("PICTURE_HAS_GPS", packager.Info, nil)
	}
	measured := func(v float64, limit float64) packager.Args {
		return packager.Args{"value": trim(v), "limit": trim(limit)}
	}
	if p.Blank {
		// A dark photo or pale print measures as blank, and may be read.
		switch {
		case f.Role == packager.RoleMaterial && p.Contrast < q.Even:
			say("PICTURE_BLANK", c.formal(id, packager.Block), nil)
		case p.Brightness < q.Brightness:
			say("PICTURE_DARK", packager.Warn, measured(p.Brightness, q.Brightness))
		case p.Contrast < q.Contrast && p.Contrast >= q.Even:
			say("PICTURE_PALE", packager.Warn, measured(p.Contrast, q.Contrast))
		default:
			say("PICTURE_BLANK", packager.Warn, nil)
		}
		return
	}
	w, h := p.UprightSize()
	short := min(w, h)
	size := func(limit int) packager.Args {
		return packager.Args{"width": strconv.Itoa(w), "height": strconv.Itoa(h), "short": strconv.Itoa(short), "limit": strconv.Itoa(limit)}
	}
	switch {
	case short < spec.MinShortSide:
		say("PICTURE_TOO_SMALL", c.formal(id, packager.Block), size(spec.MinShortSide))
	case short < spec.WarnShortSide:
		say("PICTURE_SMALL", packager.Warn, size(spec.WarnShortSide))
	default: // a picture that has few pixels on its page for its shape alone
		c.resolution(f)
	}
	if f.Role != packager.RoleMaterial || !paper(spec.Part) {
		return // a screenshot of a page is what it is
	}
	if p.Sharpness > 0 && p.Sharpness < q.Sharpness {
		say("PICTURE_BLURRED", packager.Warn, measured(p.Sharpness, q.Sharpness))
	}
	if p.Brightness > 0 && p.Brightness < q.Brightness {
		say("PICTURE_DARK", packager.Warn, measured(p.Brightness, q.Brightness))
	}
	if p.Contrast > 0 && p.Contrast < q.Contrast {
		say("PICTURE_PALE", packager.Warn, measured(p.Contrast, q.Contrast))
	}
	if q.Glare > 0 && p.Glare > q.Glare {
		say("PICTURE_GLARE", packager.Warn, packager.Args{"value": strconv.Itoa(int(math.Round(p.Glare * 100)))})
	}
	if q.Skew > 0 && math.Abs(p.SkewDegrees) > q.Skew {
		say("PICTURE_SKEWED", packager.Warn, measured(p.SkewDegrees, q.Skew))
	}
	switch {
	case p.Screenshot:
		say("PICTURE_SCREENSHOT", packager.Warn, nil)
	case p.ScreenPhoto:
		say("PICTURE_OF_SCREEN", packager.Warn, nil)
	}
}

// resolution judges how fine a photo or a scan is on its page of the bundle, by
// the thresholds of the paper. inspect's calibration set says which they are: of
// an A4 page, print of 9 points is read without a fault from 85 pixels an inch
// of the paper on (107 on the page, which shows it smaller), by half at 51 (64),
// and next to nothing of it at 43 (54).
func (c *checker) resolution(f *packager.Inspected) {
	id, spec := c.specOf(f)
	dpi := f.DPI()
	code, sev, limit := "", packager.Warn, spec.WarnDPI
	switch {
	case dpi == 0 || f.Role != packager.RoleMaterial:
	case dpi < spec.MinDPI:
		code, sev, limit = "RESOLUTION_TOO_LOW", c.formal(id, packager.Block), spec.MinDPI
	case dpi < spec.WarnDPI:
		code = "RESOLUTION_LOW"
	}
	if code == "" {
		return
	}
	page := 1
	if f.PDF != nil {
		page = f.PDF.ScanPage
	}
	x := c.about(code, sev, id, c.paperArgs(id, packager.Args{
		"path": f.Path, "dpi": strconv.Itoa(dpi), "limit": strconv.Itoa(limit), "page": strconv.Itoa(page)}))
	x.Material = f.Path
	c.say(x)
}

// unread are the papers whose particulars only a person has compared: there is
// no Tesseract, or it was switched off.
func (c *checker) unread() []string {
	var out []string
	for _, f := range c.in.Files {
		_, spec := c.specOf(&f)
		if f.Role == packager.RoleMaterial && paper(spec.Part) && f.Unusable == "" && f.ReadBy == "" {
			out = append(out, f.Path)
		}
	}
	return out
}

// paper reports whether a part of the bundle holds papers that are
// photographed, not pages that are shown on a screen.
func paper(part string) bool {
	return part == "letter" || part == "authorisation" || part == "licence" || part == "identity"
}

func trim(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

// specOf returns the paper that a file stands for, the one with the strictest
// demands if there are several.
func (c *checker) specOf(f *packager.Inspected) (string, packager.MaterialSpec) {
	best, spec := "", packager.MaterialSpec{}
	for _, id := range f.IDs {
		s := c.rs.Catalogue[id]
		if best == "" || s.MinShortSide > spec.MinShortSide {
			best, spec = id, s
		}
	}
	return best, spec
}

// duplicates looks for one picture that stands for two different things.
func (c *checker) duplicates() {
	var files []*packager.Inspected
	for i := range c.in.Files {
		if f := &c.in.Files[i]; f.Role == packager.RoleMaterial && len(f.IDs) > 0 && f.Bytes > 0 {
			files = append(files, f)
		}
	}
	for i, a := range files {
		c.twice(a)
		for _, b := range files[i+1:] {
			c.pair(a, b)
		}
	}
	c.sharedExports()
}

// twice judges one file that stands under several ids. A picture of both sides
// of a card may, and a scan of several pages.
func (c *checker) twice(f *packager.Inspected) {
	if f.Form != packager.FormPicture || f.Pages > 1 || f.Picture != nil && f.Picture.Frames > 1 {
		return
	}
	for i, x := range f.IDs {
		for _, y := range f.IDs[i+1:] {
			if c.kinship(x, y) == stranger {
				c.repeated("SAME_FILE_TWICE", packager.Block, x, y, f.Path, f.Path)
				return
			}
		}
	}
}

// kinship of two ids: what it means when one picture stands for both.
type kinship int

const (
	identical kinship = iota // the same thing
	sides                    // the two sides of one card
	relative                 // one requirement takes either, or the same part of the bundle
	stranger                 // different things
)

func (c *checker) kinship(x, y string) kinship {
	if x == y {
		return identical
	}
	rx, ry := roleOf(x), roleOf(y)
	if rx != "" && rx == ry && card(x) && card(y) {
		return sides
	}
	if rx != "" && ry != "" && rx != ry && strings.TrimPrefix(x, rx) == strings.TrimPrefix(y, ry) {
		a, okA := c.person(rx)
		b, okB := c.person(ry)
		if okA && okB && samePerson(a.Person, b.Person, c.day) {
			return identical
		}
		return stranger
	}
	if r := c.asking[x]; r != nil && slices.Contains(r.AnyOf, y) {
		return relative
	}
	if p := c.rs.Catalogue[x].Part; p != "" && p != "identity" && p == c.rs.Catalogue[y].Part {
		return relative
	}
	return stranger
}

// pair judges two files that have the same bytes, or look the same. A wrong
// paper blocks, even where it is only advised: what is brought goes into the
// bundle.
//
// Looks count only between the two sides of a card, and between cards and
// licences. Two pictures look the same when their hashes differ in few bits of
// 64 (Quality.Alike): a card saved anew at lower quality, scaled or blurred
// measures 0 to 2, cropped by some percent 4, the other side of the card 24.
// Pages of text are no use: two letters of different words are 2 bits apart.
// Nor are the same sides of two persons' cards, which are printed alike.
func (c *checker) pair(a, b *packager.Inspected) {
	if a.Path == b.Path {
		return
	}
	exact := a.SHA256 != "" && a.SHA256 == b.SHA256
	if !exact && !looksAlike(a.Picture, b.Picture, max(c.rs.Catalogue[a.IDs[0]].Quality.Alike, c.rs.Catalogue[b.IDs[0]].Quality.Alike)) {
		return
	}
	worst, x, y := identical, a.IDs[0], b.IDs[0]
	for _, p := range a.IDs {
		for _, q := range b.IDs {
			if k := c.kinship(p, q); k > worst {
				worst, x, y = k, p, q
			}
		}
	}
	if shared(a.IDs, b.IDs) { // copies of one paper
		worst = identical
	}
	switch {
	case exact && worst == identical:
		c.repeated("FILE_REPEATED", packager.Info, x, y, a.Path, b.Path)
	case exact && (worst == relative || a.Pages > 1): // a scan of several papers, brought under two names
		c.repeated("SAME_FILE_TWICE", packager.Warn, x, y, a.Path, b.Path)
	case exact:
		c.repeated("SAME_FILE_TWICE", packager.Block, x, y, a.Path, b.Path)
	case shared(a.IDs, b.IDs) && c.pictorial(x): // one photo, saved twice
		c.repeated("SAME_PICTURE_TWICE", packager.Warn, x, y, a.Path, b.Path)
	case worst == sides, worst == stranger && c.pictorial(x) && c.pictorial(y) && !sameSide(x, y):
		c.repeated("SAME_PICTURE_TWICE", c.formalPair(x, y, packager.Block), x, y, a.Path, b.Path)
	}
}

// sameSide reports whether two ids are the same side of two persons' cards.
func sameSide(x, y string) bool {
	return roleOf(x) != "" && roleOf(y) != "" && strings.TrimPrefix(x, roleOf(x)) == strings.TrimPrefix(y, roleOf(y))
}

func shared(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func (c *checker) pictorial(id string) bool {
	p := c.rs.Catalogue[id].Part
	return p == "identity" || p == "licence"
}

// formalPair takes the stricter of two papers: one of them is missing.
func (c *checker) formalPair(x, y string, sev packager.Severity) packager.Severity {
	return stricter(c.formal(x, sev), c.formal(y, sev))
}

func (c *checker) repeated(code string, sev packager.Severity, x, y, first, second string) {
	args := c.paperArgs(y, packager.Args{"first": first, "second": second})
	other := c.paperArgs(x, nil)
	args["other_zh"], args["other_en"] = other["paper_zh"], other["paper_en"]
	f := c.about(code, sev, y, args)
	f.Material = second
	c.say(f)
}

func looksAlike(a, b *packager.Picture, bitsApart int) bool {
	if a == nil || b == nil || a.PHash == 0 || b.PHash == 0 || a.Blank || b.Blank {
		return false
	}
	aw, ah := a.UprightSize()
	bw, bh := b.UprightSize()
	if ah == 0 || bh == 0 || bw == 0 {
		return false
	}
	ra, rb := float64(aw)/float64(ah), float64(bw)/float64(bh)
	const shapeApart = 0.03 // see pair
	return bits.OnesCount64(a.PHash^b.PHash) <= bitsApart && math.Abs(ra-rb) <= shapeApart*ra
}

// sharedExports finds one export that stands for two backups.
func (c *checker) sharedExports() {
	seen := map[string]*packager.Inspected{}
	for i := range c.in.Files {
		f := &c.in.Files[i]
		if f.Role != packager.RoleBackup || f.SHA256 == "" || f.Bytes == 0 || len(f.IDs) == 0 {
			continue
		}
		first, ok := seen[f.SHA256]
		if !ok {
			seen[f.SHA256] = f
			continue
		}
		if first.Path != f.Path && !shared(first.IDs, f.IDs) {
			c.say(packager.Finding{Code: "BACKUP_SAME_FILE", Severity: packager.Warn, Requirement: f.IDs[0], Material: f.Path,
				Args: packager.Args{"first": first.Path, "second": f.Path}})
		}
	}
}

package compose

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// kindOfFile makes a material of one kind.
type kindOfFile struct {
	name string
	make func(d *desk, path string) packager.Inspected
	// odd files hold content that readers complain of, in the bundle as in
	// the file itself: they are kept as they are.
	odd bool
}

// kindsOfFiles are all the kinds of files that a case may hold.
func kindsOfFiles(t *testing.T) []kindOfFile {
	var kinds []kindOfFile
	add := func(name string, make func(d *desk, path string) packager.Inspected) {
		kinds = append(kinds, kindOfFile{name: name, make: make})
	}
	for o := 1; o <= 8; o++ {
		raw := jpegOf(t, scene(420, 260, "证件"), o, 80)
		w, h := 420, 260
		if o >= 5 {
			w, h = h, w
		}
		add(fmt.Sprint("photo, orientation ", o), func(d *desk, path string) packager.Inspected {
			return d.picture(path+".jpg", "image/jpeg", raw, w, h, o)
		})
	}
	media := map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".tiff": "image/tiff", ".gif": "image/gif", ".webp": "image/webp", ".bmp": "image/bmp"}
	stored, err := filepath.Glob(filepath.Join("testdata", "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stored {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		add(filepath.Base(name), func(d *desk, path string) packager.Inspected {
			return d.picture(path+filepath.Ext(name), media[filepath.Ext(name)], raw, 60, 40, 1)
		})
	}
	heics, err := filepath.Glob(filepath.Join("..", "..", "templates", "examples", "*", "materials", "*.heic"))
	if err != nil || len(heics) == 0 {
		t.Fatalf("no HEIC picture: %v", err)
	}
	heic, err := os.ReadFile(heics[0])
	if err != nil {
		t.Fatal(err)
	}
	add("photo of an iPhone", func(d *desk, path string) packager.Inspected {
		return d.picture(path+".heic", "image/heic", heic, 1600, 1200, 1)
	})
	jpg := jpegOf(t, scene(420, 260, "截断"), 1, 80)
	add("truncated photo", func(d *desk, path string) packager.Inspected {
		return d.picture(path+".jpg", "image/jpeg", jpg[:len(jpg)*2/3], 420, 260, 1)
	})
	kinds[len(kinds)-1].odd = true
	add("broken photo", func(d *desk, path string) packager.Inspected {
		return d.picture(path+".jpg", "image/jpeg", jpg[:40], 420, 260, 1)
	})
	pdfs := hardPDFs(t)
	pdfs["hidden-layer"] = hiddenLayer(t)
	pdfs["paper"] = paper(t, 3, "A4", "合同")
	pdfs["small-paper"] = paper(t, 1, "A5", "回执")
	maps.Copy(pdfs, variants(t, paper(t, 2, "A4", "合同")))
	for _, name := range slices.Sorted(maps.Keys(pdfs)) {
		add(name, func(d *desk, path string) packager.Inspected { return d.pdf(path+".pdf", pdfs[name]) })
		kinds[len(kinds)-1].odd = name == "unbalanced" || name == "divided-content"
	}
	sound := pdfs["paper"]
	for name, raw := range map[string][]byte{
		"no-xref":   sound[:bytes.LastIndex(sound, []byte("xref\n0"))],
		"no-endobj": bytes.ReplaceAll(sound, []byte("endobj"), []byte("      ")),
		"half":      sound[:len(sound)/2],
		"text":      []byte("this is not a PDF at all"),
	} {
		add(name, func(d *desk, path string) packager.Inspected { return d.pdf(path+".pdf", raw) })
	}
	add("signed paper", func(d *desk, path string) packager.Inspected {
		f := d.pdf(path+".pdf", sound)
		f.PDF.Signatures = 1
		f.PDF.Signed = []packager.MaterialSignature{{Kind: "approval", State: packager.SignatureIntact, Signer: "王𬍛", Issuer: "样本 CA"}}
		return f
	})
	for ext, m := range map[string]string{".docx": "application/msword", ".zip": "application/zip", ".mp4": "video/mp4"} {
		add("file "+ext, func(d *desk, path string) packager.Inspected {
			f := d.file(path+ext, []byte(path))
			f.Form, f.Media, f.Unusable = packager.FormOffice, m, "OFFICE"
			return f
		})
	}
	slices.SortStableFunc(kinds, func(a, b kindOfFile) int { return strings.Compare(a.name, b.name) })
	return kinds
}

// hardWords are names and sentences that fonts and layouts stumble over.
var hardWords = []string{
	"李䶮", "王𬍛", "买买提·吐尔逊", "阿卜杜热合曼·买买提吐尔逊", "𠮷田㐀㛃", "O’Neil–Šmíd", "😀", "\u200fabc\u202e", "a\x00b\xff", "٣", "ﬁ", "e\u0301", "𝒜",
	"营业执照（加盖公章）", "“关联设置”中的绑定关系", "verylongwordwithoutanyblank/and_some-marks@example.com?x=1&y=2", "%s {n} \\( ) < >", "第 60 天",
}

func words(rnd *rand.Rand, most int) string {
	var s []string
	for range rnd.IntN(most) + 1 {
		s = append(s, hardWords[rnd.IntN(len(hardWords))])
	}
	return strings.Join(s, []string{"", " ", "、"}[rnd.IntN(3)])
}

// anyCase generates a case of n materials: of any kinds, with any texts, and
// with everything else that a case may have.
func anyCase(t *testing.T, rnd *rand.Rand, kinds []kindOfFile, n int) (d *desk, odd bool) {
	d = newDesk(t)
	once := func() bool { return rnd.IntN(3) == 0 }
	parts := []string{"letter", "authorisation", "licence", "identity", "ownership", "settlement", "special"}
	states := []packager.Severity{packager.StateOK, packager.StateOK, packager.Warn, packager.Info, packager.Block}
	d.rs.Watermark = []packager.WatermarkMode{packager.WatermarkOn, packager.WatermarkOff, packager.WatermarkBoth}[rnd.IntN(3)]
	d.cs.Applicant.Name, d.cs.Account.Name = words(rnd, 4), words(rnd, 3)
	d.cs.Applicant.LegalRepresentative.Name, d.cs.Agent.Name = words(rnd, 2), words(rnd, 2)
	if once() {
		d.cs.Employee, d.cs.Reason = &packager.Person{Name: words(rnd, 2)}, words(rnd, 40)
	}
	for i := range n {
		id := fmt.Sprintf("m%d", i)
		d.spec(id, parts[i*len(parts)/n], words(rnd, 6), rnd.IntN(2) == 0, packager.Zone{X: rnd.Float64() / 2, Y: rnd.Float64() / 2, W: rnd.Float64() / 2, H: rnd.Float64() / 2})
		kind := kinds[rnd.IntN(len(kinds))]
		odd = odd || kind.odd
		ids := []string{id}
		if i > 0 && once() { // one file for two requirements
			ids = append(ids, fmt.Sprintf("m%d", i-1))
		}
		it := d.item(kind.make(d, fmt.Sprintf("materials/%d %s", i, strings.NewReplacer("\x00", "", "/", "", "\xff", "").Replace(hardWords[rnd.IntN(len(hardWords))]))), ids...)
		it.Requirements = ids
		state := states[rnd.IntN(len(states))]
		d.require(id, packager.KindMaterial, words(rnd, 8), state, it.File.Path)
		if state == packager.Warn || state == packager.Block {
			msg := words(rnd, 10)
			f := packager.Finding{Code: "ID_EXPIRES_SOON", Severity: state, Requirement: id, Args: packager.Args{"message_zh": msg, "message_en": msg}}
			if once() {
				f.Accepted = words(rnd, 5)
			}
			d.plan.Report.Findings = append(d.plan.Report.Findings, f)
		}
	}
	for _, k := range []packager.Kind{packager.KindPrecondition, packager.KindDeclaration, packager.KindBackup} {
		for i := range rnd.IntN(20) {
			d.require(fmt.Sprint(k, i), k, words(rnd, 6), states[rnd.IntN(len(states))])
		}
	}
	for i := range rnd.IntN(6) * rnd.IntN(6) {
		f := d.file(fmt.Sprintf("backups/%d.zip", i), fmt.Append(nil, i))
		f.Form, f.Media, f.Role = packager.FormArchive, "application/zip", packager.RoleBackup
		d.plan.Backups = append(d.plan.Backups, packager.BackupLine{Requirement: fmt.Sprint(packager.KindBackup, i), Title: packager.Text{ZH: words(rnd, 4)}, File: f})
	}
	for i := range rnd.IntN(8) {
		a := packager.Agreement{Field: []string{"name", "uscc", "legal_representative", "account_id", "agent"}[i%5], Stated: words(rnd, 4)}
		for range rnd.IntN(5) {
			a.Read = append(a.Read, packager.AgreementCell{Material: d.plan.Items[rnd.IntN(n)].File.Path, Value: words(rnd, 4),
				By: []string{"qr", "ocr"}[:rnd.IntN(2)+1], State: []packager.Severity{packager.StateOK, packager.Warn, packager.Info}[rnd.IntN(3)]})
		}
		d.plan.Report.Agreement = append(d.plan.Report.Agreement, a)
	}
	for i := range rnd.IntN(30) {
		d.rs.Timeline = append(d.rs.Timeline, packager.TimelineEntry{ID: fmt.Sprint(i), Kind: "deadline", Title: packager.Text{ZH: words(rnd, 3)}, Note: packager.Text{ZH: words(rnd, 3)}, From: d.rs.Day, Earliest: d.rs.Day.AddDays(i)})
	}
	if d.plan.Draft = once(); d.plan.Draft {
		for _, q := range d.plan.Report.Requirements {
			if q.State == packager.Block && once() {
				d.plan.Gaps = append(d.plan.Gaps, packager.Gap{Requirement: q})
			}
		}
	} else if once() {
		d.plan.Revision = &packager.Revision{Bundle: "DS-20261101-AAAAAAAA", Day: d.rs.Day.AddDays(-20), Reason: words(rnd, 20)}
		for i, it := range d.plan.Items {
			if once() {
				d.plan.Revision.Changes = append(d.plan.Revision.Changes, packager.Change{What: []string{"added", "replaced"}[i%2], Item: it.No, Title: it.Title, After: it.File.SHA256})
			}
		}
	}
	return d, odd
}

// Any case gives a bundle that proves itself (Compose fails otherwise), that
// says on every page which one it is, and that other readers take without a
// complaint. DOSSIER_CASES=200 makes so many more.
func TestAnyCase(t *testing.T) {
	kinds := kindsOfFiles(t)
	sizes := []int{1, 2, 17, 120}
	if s := os.Getenv("DOSSIER_CASES"); s != "" {
		more, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(uint64(more), 7))
		for range more {
			sizes = append(sizes, 1+rnd.IntN(1+rnd.IntN(120)))
		}
	}
	for seed, n := range sizes {
		t.Run(fmt.Sprintf("case %d of %d", seed, n), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(seed), 1))
			d, odd := anyCase(t, rnd, kinds, n)
			k := composer(t)
			if rnd.IntN(3) == 0 {
				k.opt.Printer = printer(t, "en")
			}
			b, err := k.Compose(t.Context(), d.plan, filepath.Join(t.TempDir(), "out.pdf"), nil)
			if err != nil {
				t.Fatal(err)
			}
			taken(t, k, b, odd)
			if rnd.IntN(4) > 0 {
				return
			}
			// The same within a limit, in volumes if need be, or refused with
			// the numbers.
			d.plan.MaxBytes = signatureRoom + b.Bytes*int64(40+rnd.IntN(50))/100
			less, err := k.Compose(t.Context(), d.plan, filepath.Join(t.TempDir(), "less.pdf"), nil)
			var fault *packager.Fault
			if errors.As(err, &fault) && strings.HasSuffix(fault.Code, "_TOO_LARGE") {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range less.Volumes() {
				if v.Bytes+signatureRoom > d.plan.MaxBytes {
					t.Errorf("volume %d has %d bytes, the limit is %d", v.No, v.Bytes, d.plan.MaxBytes)
				}
			}
			taken(t, k, less, odd)
		})
	}
}

// taken fails unless the volumes of a bundle hold all materials and other
// readers take them.
func taken(t *testing.T, k *Composer, b *packager.Bundle, odd bool) {
	t.Helper()
	materials := 0
	for _, v := range b.Volumes() {
		materials += v.Proof.Materials
		if v.Proof.Pages != v.Pages {
			t.Errorf("proof %+v of %d pages", v.Proof, v.Pages)
		}
		out := filepath.Join(t.TempDir(), "clean.pdf")
		uncomplaining(t, "mutool", "clean", v.Path, out)
		uncomplaining(t, "pdfinfo", v.Path)
		fonts(t, v.Path)
		judge(t, "qpdf", "--check", v.Path)
		if !odd {
			uncomplaining(t, "qpdf", "--check", v.Path)
			uncomplaining(t, "mutool", "draw", "-q", "-F", "txt", "-o", filepath.Join(t.TempDir(), "text"), v.Path)
			numbersAtTheFoot(t, k, v)
		}
		backToTheIndex(t, v)
	}
	if want := len(b.Plan.Items); materials != want {
		t.Errorf("%d materials of %d", materials, want)
	}
	for _, it := range b.Plan.Items { // nothing is dropped without a page
		if !slices.ContainsFunc(b.Volumes(), func(v *packager.Bundle) bool {
			return slices.ContainsFunc(v.Map, func(r packager.PageRange) bool { return r.Item == it.No })
		}) {
			t.Errorf("material %d (%s) is nowhere", it.No, it.File.Path)
		}
	}
}

// uncomplaining runs a judge that must not say a word of warning.
func uncomplaining(t *testing.T, name string, args ...string) string {
	t.Helper()
	installed(t, name)
	var out, complaints bytes.Buffer
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = &out, &complaints
	err := c.Run()
	// mutool as Debian builds it says so of every file with a colour profile.
	said := strings.ReplaceAll(complaints.String(), "warning: ICC support is not available\n", "")
	if err != nil || said != "" || strings.Contains(out.String(), "WARNING") {
		t.Errorf("%s %v: %v\n%s%s", name, args, err, said, out.String())
	}
	return out.String()
}

// fonts fails unless dossier's own fonts are embedded, subset, and readable.
func fonts(t *testing.T, path string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(uncomplaining(t, "pdffonts", path)), "\n")[2:] {
		f := strings.Fields(line)
		if n := len(f); n < 6 || strings.Contains(line, "DOSSI") && (f[n-5] != "yes" || f[n-4] != "yes" || f[n-3] != "yes") {
			t.Errorf("font: %s", line)
		}
	}
}

// numbersAtTheFoot fails unless every page bears its number, and no other, in
// its lower right corner, the right way up, as poppler finds it.
func numbersAtTheFoot(t *testing.T, k *Composer, b *packager.Bundle) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "boxes.html")
	uncomplaining(t, "pdftotext", "-bbox", b.Path, out)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	type word struct {
		X0 float64 `xml:"xMin,attr"`
		X1 float64 `xml:"xMax,attr"`
		Y0 float64 `xml:"yMin,attr"`
		Y1 float64 `xml:"yMax,attr"`
		S  string  `xml:",chardata"`
	}
	var doc struct {
		Pages []struct {
			W     float64 `xml:"width,attr"`
			H     float64 `xml:"height,attr"`
			Words []word  `xml:"word"`
		} `xml:"body>doc>page"`
	}
	dec := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(raw, nil)))
	dec.Strict, dec.Entity = false, xml.HTMLEntity
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Pages) != b.Pages {
		t.Fatalf("%d pages, poppler sees %d", b.Pages, len(doc.Pages))
	}
	for i, p := range doc.Pages {
		foot, words := "", p.Words
		slices.SortFunc(words, func(a, b word) int { return cmp.Compare(a.X0, b.X0) })
		for _, w := range words {
			if w.Y0 > p.H-footGap-12 && w.Y1 < p.H-footGap+8 && w.X1 > p.W/2 && w.X1 < p.W-marginX+2 {
				foot += w.S
			}
		}
		want := k.opt.Printer.Text("compose.page_of", packager.Args{"page": strconv.Itoa(i + 1), "pages": strconv.Itoa(b.Pages)})
		if !strings.HasSuffix(squeeze(foot), squeeze(want)) {
			t.Errorf("page %d has %q at its foot", i+1, foot)
		}
	}
}

// backToTheIndex fails unless every page but the cover and the index itself
// leads back to the index.
func backToTheIndex(t *testing.T, b *packager.Bundle) {
	t.Helper()
	i := slices.IndexFunc(b.Map, func(r packager.PageRange) bool { return r.Name == "index" })
	index := b.Map[i]
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		for i := 1; i < b.Pages; i++ {
			if i+1 == index.From {
				continue
			}
			links, err := doc.Links(i)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(links, func(l pdfium.Link) bool { return l.Page == index.From-1 && l.Y1 < bodyGap }) {
				t.Errorf("page %d does not lead back to the index", i+1)
			}
		}
	})
}

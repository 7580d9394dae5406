package stamp

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"

	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/testpki"
)

func font(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../templates/fonts/NotoSansSC-Regular.ttf")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// onPage writes a PDF of one page that shows the stamp.
func onPage(t testing.TB, lines []string, w, h float64, rotate int) string {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate %d>>", rotate)} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	b.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, off := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	f, err := pdfinc.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	u := f.NewUpdate()
	form, err := Form(u, font(t), lines, w, h, rotate)
	if err != nil {
		t.Fatal(err)
	}
	page, err := f.Page(1)
	if err != nil {
		t.Fatal(err)
	}
	widget := u.Add(fmt.Sprintf("<</Type/Annot/Subtype/Stamp/F 4/Rect[50 50 %g %g]/AP<</N %v>>>>", 50+w, 50+h, form))
	if err := u.Append(page.Dict, page.Ref, "Annots", widget.String()); err != nil {
		t.Fatal(err)
	}
	tail, err := u.Tail(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stamp.pdf")
	if err := os.WriteFile(path, append(b.Bytes(), tail.Bytes...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Characters above U+FFFF, one that the font does not have, and accents made
// of parts are read back as they are.
func TestTextIsReadBack(t *testing.T) {
	for _, rotate := range []int{0, 90, 180, 270} {
		path := onPage(t, []string{"签名人：𬍛某某（样本）", "𪚥 Ünïcödé é", "fi 2026-11-22"}, 200, 120, rotate)
		text := testpki.MustRun(t, "pdftotext", path, "-")
		for _, want := range []string{"签名人：𬍛某某（样本）", "𪚥", "Ünïcödé", "2026-11-22"} {
			if !strings.Contains(text, want) {
				t.Errorf("rotated by %d, %q is not in %q", rotate, want, text)
			}
		}
		if fonts := testpki.MustRun(t, "pdffonts", path); !strings.Contains(fonts, "CID TrueType      Identity-H       yes yes yes") {
			t.Error(fonts)
		}
		if out := testpki.MustRun(t, "mutool", "draw", "-q", "-o", filepath.Join(t.TempDir(), "o.png"), path); strings.Contains(out, "error") || strings.Contains(out, "font") {
			t.Error(out)
		}
	}
}

// The cut-down font draws the same outlines as the full one, composites too.
func TestSubsetKeepsOutlines(t *testing.T) {
	full, err := sfnt.Parse(font(t))
	if err != nil {
		t.Fatal(err)
	}
	f, err := openFace(font(t))
	if err != nil {
		t.Fatal(err)
	}
	text := []rune("测试样本ÀÉÖéü0123，。（）〓")
	for _, r := range text {
		if _, err := f.glyph(r); err != nil {
			t.Fatal(err)
		}
	}
	program, err := f.program()
	if err != nil {
		t.Fatal(err)
	}
	if len(program) > 50_000 {
		t.Errorf("%d bytes for %d characters", len(program), len(text))
	}
	if sum := checksum(program); sum != 0xB1B0AFBA {
		t.Errorf("checksum of the file is %X", sum)
	}
	// sfnt wants tables that a PDF does not need: lend them.
	var tables []table
	for _, tag := range []string{"OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name", "post"} {
		data := f.tables[tag]
		if i := bytes.Index(program[:12+16*10], []byte(tag)); i > 0 {
			data = program[be.Uint32(program[i+8:]):][:be.Uint32(program[i+12:])]
		}
		tables = append(tables, table{tag, data})
	}
	cut, err := sfnt.Parse(assemble(tables))
	if err != nil {
		t.Fatal(err)
	}
	var a, b sfnt.Buffer
	for _, r := range text {
		g, err := full.GlyphIndex(&a, r)
		if err != nil || g == 0 {
			t.Fatal(string(r), g, err)
		}
		want, err := full.LoadGlyph(&a, g, 1000<<6, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cut.LoadGlyph(&b, sfnt.GlyphIndex(f.ids[r]), 1000<<6, nil)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%c: %v", r, err)
		}
	}
}

func TestFit(t *testing.T) {
	f, err := openFace(font(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		w, h float64
		err  error
	}{
		{"短", 100, 20, nil},
		{strings.Repeat("长", 100), 100, 100, nil},
		{strings.Repeat("长", 1000), 100, 100, ErrTooLong},
		{strings.Repeat("0123456789abcdef", 4), 120, 40, nil},
		{"短", 1, 100, ErrTooLong},
		{"", 100, 20, nil},
	} {
		size, set, err := fit(f, []string{c.text}, c.w, c.h)
		if !errors.Is(err, c.err) {
			t.Errorf("%.20q in %v×%v: %v", c.text, c.w, c.h, err)
			continue
		}
		ids := 0
		for _, line := range set {
			ids += len(line) / 4
		}
		if err == nil && (ids != len([]rune(c.text)) || size > maxSize || float64(len(set))*size*leading > c.h) {
			t.Errorf("%.20q: %d characters in %d lines at %v", c.text, ids, len(set), size)
		}
	}
}

func FuzzFont(f *testing.F) {
	f.Add(font(f)[:4096])
	f.Fuzz(func(_ *testing.T, b []byte) {
		face, err := openFace(b)
		if err != nil {
			return
		}
		face.glyph('A')
		face.program()
	})
}

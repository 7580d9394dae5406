package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/casefile"
	"dossier/packager/compose/letter"
	"dossier/packager/identity"
	"dossier/packager/inspect"
	"dossier/packager/pdfium"
	"dossier/packager/rules"
	"dossier/templates"
)

var today = packager.Day{Year: 2026, Month: 11, Dom: 22}

// wasmCache keeps the compiled PDF engine for all tests of this package.
var wasmCache string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dossier-pipeline-*")
	if err != nil {
		panic(err)
	}
	wasmCache = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// letterBench is a pipeline that can check and draft, and a case folder with
// nothing but a case file.
type letterBench struct {
	t    *testing.T
	p    *Pipeline
	dir  string
	text string
}

func newLetterBench(t *testing.T, example string) *letterBench {
	t.Helper()
	lib, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	cal, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	sub, err := fs.Sub(templates.FS, letter.Dir)
	if err != nil {
		t.Fatal(err)
	}
	wordings, err := letter.Load(letter.Source{FS: sub, Name: "letters"})
	if err != nil {
		t.Fatal(err)
	}
	x := inspect.New(inspect.Options{Tesseract: "off", CacheDir: t.TempDir(), EngineCacheDir: wasmCache})
	t.Cleanup(func() { x.Close() })
	text, err := templates.Examples.ReadFile("examples/" + example + "/case.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := &letterBench{t: t, dir: t.TempDir(), p: &Pipeline{
		Rules: lib, Calendar: cal, Inspector: x, Letters: wordings,
		Press: &letter.Press{Regular: templates.Regular, Bold: templates.Bold},
		Actor: audit.Actor{User: "tester", Host: "host"}, Tool: "test",
		Now: func() time.Time { return time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC) },
	}}
	b.text, _, _ = strings.Cut(string(text), "materials:") // what the case states, without files
	b.write(b.text)
	return b
}

func (b *letterBench) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, casefile.Name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *letterBench) load() *packager.Case {
	b.t.Helper()
	c, err := casefile.Load(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *letterBench) draft(ids ...string) map[string]Drafted {
	b.t.Helper()
	list, err := b.p.Draft(b.t.Context(), b.load(), today, ids)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]Drafted{}
	for _, d := range list {
		out[d.Letter.ID] = d
	}
	return out
}

func (b *letterBench) check() *packager.Report {
	b.t.Helper()
	r, err := b.p.Check(b.t.Context(), b.load(), today)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// codes are the findings about letters: code and severity.
func codes(r *packager.Report) []string {
	var out []string
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Code, "LETTER_") {
			out = append(out, f.Code+" "+string(f.Severity))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func expect(t *testing.T, what string, r *packager.Report, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := codes(r); !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// photo says how a page is photographed.
type photo struct {
	dpi     int
	degrees float64
	noise   float64
	quality int
}

var phone = photo{160, 2.2, 14, 65}

// shoot renders the pages of a drafted letter and photographs them into the
// materials folder: turned, unevenly lit, noisy, as JPEG.
func (b *letterBench) shoot(pdf, name string, ph photo, pages ...int) {
	b.t.Helper()
	engine := pdfium.New(pdfium.Options{CacheDir: wasmCache})
	defer engine.Close()
	raw, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(pdf)))
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := engine.Open(context.Background(), bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		b.t.Fatal(err)
	}
	defer doc.Close()
	if len(pages) == 0 {
		for i := range doc.Pages() {
			pages = append(pages, i+1)
		}
	}
	for _, n := range pages {
		page, err := doc.Render(n-1, ph.dpi)
		if err != nil {
			b.t.Fatal(err)
		}
		var out bytes.Buffer
		if err := jpeg.Encode(&out, spoil(page, ph, uint64(n)), &jpeg.Options{Quality: ph.quality}); err != nil {
			b.t.Fatal(err)
		}
		b.material(strings.ReplaceAll(name, "#", string(rune('0'+n))), out.Bytes())
	}
}

func (b *letterBench) material(name string, content []byte) {
	b.t.Helper()
	file := filepath.Join(b.dir, "materials", name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, content, 0o600)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *letterBench) clear() {
	b.t.Helper()
	if err := os.RemoveAll(filepath.Join(b.dir, "materials")); err != nil {
		b.t.Fatal(err)
	}
}

// spoil turns a page about its middle on a desk and adds shade and noise.
func spoil(page *image.RGBA, ph photo, seed uint64) image.Image {
	rnd := rand.New(rand.NewPCG(7, seed))
	w, h := page.Rect.Dx(), page.Rect.Dy()
	sin, cos := math.Sincos(ph.degrees * math.Pi / 180)
	ow := int(math.Abs(float64(w)*cos)+math.Abs(float64(h)*sin)) + 60
	oh := int(math.Abs(float64(w)*sin)+math.Abs(float64(h)*cos)) + 60
	out := image.NewGray(image.Rect(0, 0, ow, oh))
	for y := range oh {
		for x := range ow {
			dx, dy := float64(x-ow/2), float64(y-oh/2)
			sx, sy := dx*cos+dy*sin+float64(w)/2, -dx*sin+dy*cos+float64(h)/2
			v := 70.0 // the desk
			if sx >= 0 && sy >= 0 && sx < float64(w-1) && sy < float64(h-1) {
				v = bilinear(page, sx, sy)
			}
			v = v*(0.72+0.25*float64(x)/float64(ow)) + rnd.NormFloat64()*ph.noise
			out.SetGray(x, y, color.Gray{Y: uint8(min(255, max(0, v)))})
		}
	}
	return out
}

func bilinear(m *image.RGBA, x, y float64) float64 {
	ix, iy := int(x), int(y)
	fx, fy := x-float64(ix), y-float64(iy)
	at := func(x, y int) float64 { return float64(m.Pix[m.PixOffset(x, y)]) }
	return (at(ix, iy)*(1-fx)+at(ix+1, iy)*fx)*(1-fy) + (at(ix, iy+1)*(1-fx)+at(ix+1, iy+1)*fx)*fy
}

// TestLetterComesBack is the whole way: draft, print, photograph, recognise,
// compare with what the case says.
func TestLetterComesBack(t *testing.T) {
	b := newLetterBench(t, "douyin_employee")
	first := b.draft()
	if got := slices.Sorted(maps.Keys(first)); !slices.Equal(got, []string{"application_letter", "consent-employee"}) {
		t.Fatalf("drafted %v", got)
	}
	d := first["application_letter"]
	if !d.Made || d.State != LetterOut || d.Pages != 2 || d.File != "letters/注销申请函.pdf" {
		t.Fatalf("%+v", d)
	}
	if again := b.draft()["application_letter"]; again.Made || again.State != LetterOut {
		t.Errorf("drafted twice: %+v", again)
	}

	b.shoot(d.File, "IMG_204#.jpg", phone)
	r := b.check()
	expect(t, "as drafted", r, "LETTER_RECOGNISED info")
	for _, f := range r.Files {
		if f.Role != packager.RoleMaterial || !slices.Equal(f.IDs, []string{"application_letter"}) || f.Matched.By != "content" {
			t.Errorf("%s: %s %v by %s", f.Path, f.Role, f.IDs, f.Matched.By)
		}
	}
	states := map[string]LetterState{}
	for _, s := range Letters(r) {
		states[s.Letter.ID] = s.State
	}
	if states["application_letter"] != LetterReturned || states["consent-employee"] != LetterOut {
		t.Errorf("states: %v", states)
	}
	if after := b.draft()["application_letter"]; after.Made || after.State != LetterReturned || len(after.Returned) != 2 {
		t.Errorf("%+v", after)
	}

	// The case changes after the letter was sealed.
	b.write(strings.Replace(b.text, "ceshi_yangben_c", "ceshi_yangben_d", 1))
	r = b.check()
	expect(t, "another account", r, "LETTER_CASE_CHANGED warn") // the paper is only advised
	for _, f := range r.Findings {
		if f.Code == "LETTER_CASE_CHANGED" && (f.Args["what_zh"] != "账号标识" || f.Args["date"] != "2026-11-22") {
			t.Errorf("args: %v", f.Args)
		}
	}
	b.write(strings.Replace(b.text, "reason: 员工岗位调整", "reason: 停业", 1))
	expect(t, "another reason", b.check(), "LETTER_CASE_CHANGED warn")
	b.write(strings.Replace(b.text, "id: example-douyin-employee", "id: another-case", 1))
	if got := codes(b.check()); !slices.Contains(got, "LETTER_OTHER_CASE warn") {
		t.Errorf("unplaced, of another case: %v", got)
	}
	b.write(b.text)

	// One page is not there; then the pages come in one PDF under a wrong name.
	if err := os.Remove(filepath.Join(b.dir, "materials", "IMG_2042.jpg")); err != nil {
		t.Fatal(err)
	}
	expect(t, "a page missing", b.check(), "LETTER_PAGES_MISSING warn", "LETTER_RECOGNISED info")

	b.clear()
	draft, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(d.File)))
	if err != nil {
		t.Fatal(err)
	}
	b.material("注销申请函.pdf", draft)
	expect(t, "the draft itself", b.check(), "LETTER_NOT_SEALED warn")

	b.clear()
	b.shoot(d.File, "营业执照#.jpg", phone, 1)
	expect(t, "under a wrong name", b.check(), "LETTER_OTHER_PAPER block", "LETTER_PAGES_MISSING warn")
	b.clear()
	b.shoot(d.File, "注销申请函#.jpg", phone)
	b.write(strings.Replace(b.text, "id: example-douyin-employee", "id: another-case", 1))
	expect(t, "a letter of another case", b.check(), "LETTER_OTHER_CASE warn")
}

// TestLetterBlocks: where the letter is a must, one that says who or which
// account otherwise than the case blocks.
func TestLetterBlocks(t *testing.T) {
	b := newLetterBench(t, "wechat_oa")
	d := b.draft("application_letter")["application_letter"]
	b.shoot(d.File, "注销申请函#.jpg", photo{120, 0.5, 4, 75})
	expect(t, "as drafted", b.check(), "LETTER_RECOGNISED info")
	b.write(strings.Replace(b.text, "gh_0123456789ab", "gh_other", 1))
	expect(t, "another account", b.check(), "LETTER_CASE_CHANGED block")
	b.write(strings.Replace(b.text, "ops@example.com", "new@example.com", 1))
	expect(t, "another mailbox", b.check(), "LETTER_CASE_CHANGED warn")
	b.write(strings.Replace(b.text, "id: example-wechat-oa", "id: another-case", 1))
	expect(t, "another case", b.check(), "LETTER_OTHER_CASE block")
	b.write(b.text)
	if err := os.RemoveAll(filepath.Join(b.dir, StateDir)); err != nil { // drafted on another machine
		t.Fatal(err)
	}
	expect(t, "without the record", b.check(), "LETTER_RECOGNISED info")
	b.write(strings.Replace(b.text, "gh_0123456789ab", "gh_other", 1))
	expect(t, "without the record, changed", b.check(), "LETTER_DIFFERS warn")
}

// TestCodeInPhotos: the code in the foot is read from a sheet that lies at any
// angle, from a coarse scan, and in noise.
func TestCodeInPhotos(t *testing.T) {
	b := newLetterBench(t, "wechat_oa")
	d := b.draft("authorization_letter")["authorization_letter"]
	for name, ph := range map[string]photo{
		"fax":         {100, 0, 4, 60},
		"scan":        {200, 0.4, 3, 80},
		"tilted":      {170, -11, 10, 70},
		"sideways":    {150, 90, 10, 70},
		"upside down": {150, 181, 10, 70},
		"night":       {220, 4, 24, 75},
	} {
		b.clear()
		b.shoot(d.File, "x#.jpg", ph, 1)
		if got := codes(b.check()); !slices.Equal(got, []string{"LETTER_PAGES_MISSING warn", "LETTER_RECOGNISED info"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRecogniseForImport(t *testing.T) {
	b := newLetterBench(t, "wechat_oa")
	d := b.draft("authorization_letter")["authorization_letter"]
	b.shoot(d.File, "x#.jpg", phone, 2)
	c := b.load()
	rs, err := b.p.Rules.For(c, today, b.p.Calendar)
	if err != nil {
		t.Fatal(err)
	}
	photo := filepath.Join(b.dir, "materials", "x2.jpg")
	if id, word := b.p.Inspector.Recognise(t.Context(), photo, c, rs); id != "authorization_letter" || word != "QR" {
		t.Errorf("recognised as %q by %q", id, word)
	}
	other := *c
	other.ID = "another"
	if id, _ := b.p.Inspector.Recognise(t.Context(), photo, &other, rs); id != "" {
		t.Errorf("a letter of another case is this one's %q", id)
	}
}

// TestLetterRecord: the log tells of the drafting, and neither the record nor
// the log holds a number of a person.
func TestLetterRecord(t *testing.T) {
	b := newLetterBench(t, "wechat_oa")
	b.draft()
	record, err := os.ReadFile(filepath.Join(b.dir, StateDir, lettersName))
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(b.dir, StateDir, eventsName))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"110199198001010016", "310199198512310026", "13800138000", "测试甲"} {
		if bytes.Contains(record, []byte(secret)) || bytes.Contains(log, []byte(secret)) {
			t.Errorf("%s… is written down", secret[:3])
		}
	}
	var first packager.Event
	line, _, _ := bytes.Cut(log, []byte("\n"))
	if err := json.Unmarshal(line, &first); err != nil || first.What != "drafted" || first.Data["letter"] == "" || len(first.Output) != 1 {
		t.Errorf("%v %+v", err, first)
	}
	if err := os.WriteFile(filepath.Join(b.dir, StateDir, lettersName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f *packager.Fault
	if _, err := b.p.Check(t.Context(), b.load(), today); !errors.As(err, &f) || f.Code != "LETTERS_RECORD_DAMAGED" {
		t.Errorf("damaged record: %v", err)
	}
}

// TestAnsweredOtherwise: what another paper answers is not drafted.
func TestAnsweredOtherwise(t *testing.T) {
	b := newLetterBench(t, "wechat_oa")
	before, rest, _ := strings.Cut(b.text, "agent:")
	_, after, _ := strings.Cut(rest, "\nreason:")
	b.write(before + "reason:" + after) // the representative files: authorisation or certificate
	if d := b.draft(); !d["authorization_letter"].Made {
		t.Errorf("no authorisation: %v", slices.Sorted(maps.Keys(d)))
	}
	b.shoot("letters/授权委托书.pdf", "工商注销证明#.png", photo{40, 0, 3, 90}, 1) // a picture, too coarse for its code
	if d, ok := b.draft()["authorization_letter"]; ok {
		t.Errorf("the certificate is there, and yet: %+v", d.LetterStatus)
	}
}

func TestUnknownLetter(t *testing.T) {
	b := newLetterBench(t, "wechat_oa")
	var f *packager.Fault
	_, err := b.p.Draft(t.Context(), b.load(), today, []string{"aplication_letter"})
	if !errors.As(err, &f) || f.Code != "LETTER_UNKNOWN" || !strings.Contains(f.Args["list"], "application_letter") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, LettersDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made for nothing: %v", err)
	}
}

package inspect

import (
	"flag"
	"fmt"
	"image"
	"image/draw"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/inspect/samples"
	"dossier/packager/rules"
	"dossier/templates"
)

var calibrate = flag.Bool("calibrate", false, "read the calibration set with Tesseract and write testdata/calibration.tsv")

// shot is one member of the calibration set.
type shot struct {
	name   string
	camera samples.Camera
}

// shots is a printed page as seen by a camera, in steps from good to useless:
// smaller, turned, blurred, darker, with a lamp's reflection, noisy. The page
// is A4 at 171 dots an inch, 2000 pixels high.
func shots() []shot {
	var out []shot
	add := func(name string, camera func(v float64) samples.Camera, values ...float64) {
		for _, v := range values {
			out = append(out, shot{fmt.Sprintf("%s %g", name, v), camera(v)})
		}
	}
	add("scale", func(v float64) samples.Camera { return samples.Camera{Scale: v} }, 1, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2)
	add("rotate", func(v float64) samples.Camera { return samples.Camera{Rotate: v, Desk: 0.1} }, -12, -5, 0, 1, 2, 3, 5, 8, 12, 20, 30)
	add("blur", func(v float64) samples.Camera { return samples.Camera{Blur: v} }, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8)
	add("dark", func(v float64) samples.Camera { return samples.Camera{Dark: v} }, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03)
	add("glare", func(v float64) samples.Camera { return samples.Camera{Glare: v} }, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3)
	add("noise", func(v float64) samples.Camera { return samples.Camera{Noise: v} }, 5, 10, 20, 40, 60)
	add("dark and noise", func(v float64) samples.Camera { return samples.Camera{Dark: v, Noise: 6} }, 0.5, 0.25, 0.12, 0.08)
	add("dark and blur 1.5", func(v float64) samples.Camera { return samples.Camera{Dark: v, Blur: 1.5} }, 0.5, 0.25, 0.12)
	add("scale and blur 1", func(v float64) samples.Camera { return samples.Camera{Scale: v, Blur: 1} }, 0.8, 0.6, 0.5, 0.4)
	add("noise 10 and blur", func(v float64) samples.Camera { return samples.Camera{Noise: 10, Blur: v} }, 1, 2, 3, 4)
	add("uneven", func(v float64) samples.Camera { return samples.Camera{Tilting: v} }, 0.3, 0.6, 0.9)
	add("scan", func(v float64) samples.Camera { return samples.Camera{Paper: v} }, 1)
	add("screen", func(v float64) samples.Camera { return samples.Camera{Screen: v} }, 2.2, 2.7, 3.3, 4.1, 5.3)
	return out
}

func measured(c samples.Camera) (*packager.Picture, []byte) {
	img := samples.Shoot(samples.Sheet(171), c)
	p := &packager.Picture{Format: "jpeg", Width: img.Rect.Dx(), Height: img.Rect.Dy(), Orientation: 1, Frames: 1}
	measure(p, img)
	return p, samples.JPEG(img, 90)
}

// readable returns how much of the smallest print Tesseract reads, 0 to 1.
func readable(t *testing.T, jpg []byte) float64 {
	t.Helper()
	p := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(p, jpg, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tesseract", p, "-", "-l", "chi_sim", "--psm", "6")
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []rune(strings.ReplaceAll(samples.Smallest, " ", ""))
	best := 0.0
	for line := range strings.Lines(string(b)) {
		got := []rune(strings.ReplaceAll(strings.TrimSpace(line), " ", ""))
		best = max(best, float64(common(want, got))/float64(len(want)))
	}
	return best
}

// common is the length of the longest common subsequence.
func common(a, b []rune) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		prev := 0
		for j, y := range b {
			up := row[j+1]
			if x == y {
				row[j+1] = prev + 1
			} else {
				row[j+1] = max(up, row[j])
			}
			prev = up
		}
	}
	return row[len(b)]
}

const calibration = "testdata/calibration.tsv"

// TestCalibrate makes the calibration set, measures it and has Tesseract read
// it. It takes minutes and is run by hand, with -calibrate, when a measurement
// changes.
func TestCalibrate(t *testing.T) {
	if !*calibrate {
		t.Skip("-calibrate is not given")
	}
	var sb strings.Builder
	sb.WriteString("shot\tread\tsharpness\tbrightness\tcontrast\tglare\tskew\tblank\tscreen\n")
	for _, s := range shots() {
		p, jpg := measured(s.camera)
		line := fmt.Sprintf("%s\t%.2f\t%.1f\t%.3f\t%.3f\t%.3f\t%.2f\t%v\t%v\n", s.name, readable(t, jpg), p.Sharpness, p.Brightness, p.Contrast, p.Glare, p.SkewDegrees, p.Blank, p.ScreenPhoto)
		sb.WriteString(line)
		t.Log(line)
	}
	if err := os.WriteFile(calibration, []byte(sb.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// row is one line of the calibration table.
type row struct {
	read, sharpness, brightness, contrast, glare, skew float64
	blank, screen                                      bool
}

func table(t *testing.T) map[string]row {
	t.Helper()
	b, err := os.ReadFile(calibration)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]row{}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if i == 0 {
			continue
		}
		var r row
		name, rest, _ := strings.Cut(line, "\t")
		if _, err := fmt.Sscan(rest, &r.read, &r.sharpness, &r.brightness, &r.contrast, &r.glare, &r.skew, &r.blank, &r.screen); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out[name] = r
	}
	return out
}

// shippedQuality are the thresholds of a letter in the shipped rule packs.
func shippedQuality(t *testing.T) packager.Quality {
	t.Helper()
	lib, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	papers, err := lib.Catalogue("wechat_oa")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(papers, func(m packager.MaterialSpec) bool { return m.ID == "application_letter" })
	return papers[i].Quality
}

// The thresholds of the rule packs, held against the table: nothing whose
// smallest print is read without a fault is called blurred, blank, glaring or
// tilted, and what cannot be read for blur or tilt is called so. Darkness alone
// does not make print unreadable, noise in the dark does; so it only warns.
func TestThresholds(t *testing.T) {
	q := shippedQuality(t)
	rows := table(t)
	if len(rows) != len(shots()) {
		t.Fatalf("the table has %d shots, the set %d: run with -calibrate", len(rows), len(shots()))
	}
	for name, r := range rows {
		if r.read >= 0.95 && r.sharpness > 0 && r.sharpness < q.Sharpness {
			t.Errorf("%s: read %.2f, yet called blurred (%.1f)", name, r.read, r.sharpness)
		}
		if strings.HasPrefix(name, "blur ") && r.read < 0.6 && r.sharpness >= q.Sharpness {
			t.Errorf("%s: read %.2f, yet not called blurred (%.1f)", name, r.read, r.sharpness)
		}
		// a reflection over nearly everything is not told from a white ground
		if strings.HasPrefix(name, "glare") && r.read < 0.8 && r.glare <= q.Glare && r.brightness < 0.95 {
			t.Errorf("%s: read %.2f, yet not called glaring (%.3f)", name, r.read, r.glare)
		}
		if !strings.HasPrefix(name, "glare") && r.glare > 0 {
			t.Errorf("%s: glare %.3f where there is none", name, r.glare)
		}
		if !strings.HasPrefix(name, "dark") && (r.brightness < q.Brightness || r.contrast < q.Contrast) {
			t.Errorf("%s: called dark or pale (%.3f, %.3f)", name, r.brightness, r.contrast)
		}
		if strings.HasPrefix(name, "dark and noise") && r.read < 0.5 && r.brightness >= q.Brightness {
			t.Errorf("%s: read %.2f, yet not called dark (%.3f)", name, r.read, r.brightness)
		}
		if r.screen != strings.HasPrefix(name, "screen") {
			t.Errorf("%s: photo of a screen: %v", name, r.screen)
		}
		if r.blank && r.brightness > 0.03 {
			t.Errorf("%s: blank, with print on it", name)
		}
		if r.contrast < q.Even {
			t.Errorf("%s: refused as an even surface", name)
		}
		if strings.HasPrefix(name, "rotate") && r.read < 0.4 && math.Abs(r.skew) <= q.Skew {
			t.Errorf("%s: read %.2f, yet not called tilted (%.1f)", name, r.read, r.skew)
		}
		// the thresholds min_dpi and warn_dpi of A4 papers (templates/platforms/_common)
		var scale float64
		if _, err := fmt.Sscanf(name, "scale %g", &scale); err == nil && !strings.Contains(name, "blur") {
			const tooCoarse, coarse = 55, 105
			page := samples.Sheet(171).Rect
			dpi := packager.PageDPI(int(scale*float64(page.Dx())), int(scale*float64(page.Dy())))
			if r.read >= 0.95 && dpi < coarse {
				t.Errorf("%s: read %.2f, yet called coarse (%d)", name, r.read, dpi)
			}
			if r.read < 0.9 && dpi >= coarse || r.read < 0.5 && dpi >= tooCoarse || r.read >= 0.5 && dpi < tooCoarse {
				t.Errorf("%s: read %.2f at %d dots an inch", name, r.read, dpi)
			}
		}
		var turned float64
		if _, err := fmt.Sscanf(name, "rotate %g", &turned); err == nil && math.Abs(r.skew-turned) > 0.3 {
			t.Errorf("%s: skew %.2f", name, r.skew)
		}
	}
}

// The measurements are still those of the table. A few shots are enough.
func TestMeasurementsHold(t *testing.T) {
	rows := table(t)
	some := map[string]bool{"scale 0.5": true, "rotate 8": true, "blur 2.5": true, "dark 0.12": true, "glare 0.15": true, "screen 3.3": true}
	for _, s := range shots() {
		if !some[s.name] {
			continue
		}
		p, _ := measured(s.camera)
		r := rows[s.name]
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 0.05*math.Abs(want)+0.002 {
				t.Errorf("%s: %s is %.3f, the table has %.3f: run with -calibrate", s.name, what, got, want)
			}
		}
		near("sharpness", p.Sharpness, r.sharpness)
		near("brightness", p.Brightness, r.brightness)
		near("contrast", p.Contrast, r.contrast)
		near("glare", p.Glare, r.glare)
		near("skew", p.SkewDegrees, r.skew)
		if p.Blank != r.blank || p.ScreenPhoto != r.screen {
			t.Errorf("%s: blank %v, screen %v", s.name, p.Blank, p.ScreenPhoto)
		}
	}
}

// A card scanned on the white of a scanner has no glare.
func TestCardOnScanner(t *testing.T) {
	sheet := image.NewGray(image.Rect(0, 0, 1240, 1754))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	card := samples.Shoot(samples.Card(150, "姓名 测试甲", "公民身份号码 110199198001010016"), samples.Camera{Paper: 0.7})
	draw.Draw(sheet, card.Rect.Add(image.Pt(200, 150)), card, image.Point{}, draw.Src)
	p := &packager.Picture{Orientation: 1}
	measure(p, sheet)
	if p.Glare != 0 || p.Blank || p.ScreenPhoto {
		t.Errorf("%+v", p)
	}
}

// A page with nothing on it is blank, also with the noise of a camera.
func TestBlank(t *testing.T) {
	for _, c := range []samples.Camera{{}, {Paper: 1}, {Noise: 4}, {Dark: 0.5, Tilting: 0.3}} {
		img := samples.Shoot(samples.Print(210, 297, 100), c)
		p := &packager.Picture{Orientation: 1}
		measure(p, img)
		if !p.Blank {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

// A phone's screenshot is told by its size and its flat areas; a photo of that
// size is not one.
func TestScreenshot(t *testing.T) {
	shot := image.NewGray(image.Rect(0, 0, 1170, 2532))
	draw.Draw(shot, shot.Rect, image.White, image.Point{}, draw.Src)
	page := samples.Sheet(120)
	draw.Draw(shot, image.Rect(80, 300, 80+page.Rect.Dx(), 300+page.Rect.Dy()), page, image.Point{}, draw.Src)
	for name, test := range map[string]struct {
		img  *image.Gray
		want bool
	}{
		"screenshot":       {shot, true},
		"photo, same size": {samples.Shoot(shot, samples.Camera{Noise: 4}), false},
		"scan":             {page, false},
	} {
		p := &packager.Picture{Orientation: 1, Width: test.img.Rect.Dx(), Height: test.img.Rect.Dy()}
		measure(p, test.img)
		if p.Screenshot != test.want {
			t.Errorf("%s: %v", name, p.Screenshot)
		}
	}
}

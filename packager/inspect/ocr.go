package inspect

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	ocrLong = 2400 // pixels of the longer side that Tesseract gets: A4 at 205 dots an inch
	ocrTime = 30 * time.Second
)

// tesseract is the program that reads pictures. It is given a picture through
// a pipe and has a time limit.
type tesseract struct {
	path  string
	check sync.Once
	model bool // it has the model for simplified Chinese
}

func newTesseract(path string) *tesseract {
	switch path {
	case "off":
		path = ""
	case "":
		path, _ = exec.LookPath("tesseract")
	}
	return &tesseract{path: path}
}

// available reports whether the program and its Chinese model are there.
func (t *tesseract) available() bool {
	if t.path == "" {
		return false
	}
	t.check.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), ocrTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, t.path, "--list-langs")
		cmd.Env = passed(os.Environ())
		out, err := cmd.CombinedOutput()
		t.model = err == nil && bytes.Contains(out, []byte("chi_sim"))
	})
	return t.model
}

// word is a piece of text on a page, with its place in fractions of the
// upright page; the place is empty where it is not known.
type word struct {
	text           string
	certain        float64 // 0 to 1
	x0, y0, x1, y1 float64
}

// line is a run of words that are set close together.
type line []word

// read returns the lines of an upright grey page.
func (t *tesseract) read(ctx context.Context, g *grey) ([]line, error) {
	ctx, cancel := context.WithTimeout(ctx, ocrTime)
	defer cancel()
	level, back := straighten(g)
	var in bytes.Buffer
	fmt.Fprintf(&in, "P5\n%d %d\n255\n", level.w, level.h)
	in.Write(level.pix)
	cmd := exec.CommandContext(ctx, t.path, "stdin", "stdout", "-l", "chi_sim", "--psm", "3", "tsv")
	cmd.Env = append(passed(os.Environ()), "OMP_THREAD_LIMIT=1") // several files are read at once
	cmd.Stdin = &in
	cmd.WaitDelay = time.Second
	tether(cmd)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tesseract: %w", err)
	}
	return parseTSV(string(out), back), nil
}

// parseTSV reads Tesseract's table of words: level, page, block, paragraph,
// line, word, left, top, width, height, confidence, text. A line is cut where
// a gap is wider than three characters: licences are set in columns.
func parseTSV(s string, back func(x, y float64) (float64, float64)) []line {
	var out []line
	var current line
	var last string
	right := 0.0
	flush := func() {
		if len(current) > 0 {
			out = append(out, current)
		}
		current = nil
	}
	for row := range strings.Lines(s) {
		c := strings.SplitN(strings.TrimRight(row, "\r\n"), "\t", 12)
		if len(c) != 12 || c[0] != "5" || strings.TrimSpace(c[11]) == "" {
			continue
		}
		var n [5]float64 // left, top, width, height, confidence
		bad := false
		for i := range n {
			v, err := strconv.ParseFloat(c[6+i], 64)
			n[i], bad = v, bad || err != nil
		}
		if bad {
			continue
		}
		place := strings.Join(c[1:5], ".")
		if place != last || n[0]-right > 3*n[3] {
			flush()
		}
		last, right = place, n[0]+n[2]
		w := word{text: strings.TrimSpace(c[11]), certain: min(1, max(0, n[4]/100))}
		w.x0, w.y0, w.x1, w.y1 = around(back, n[0], n[1], n[0]+n[2], n[1]+n[3])
		current = append(current, w)
	}
	flush()
	return out
}

// around maps a rectangle and returns the upright one around it.
func around(m func(x, y float64) (float64, float64), x0, y0, x1, y1 float64) (float64, float64, float64, float64) {
	ax, ay := m(x0, y0)
	bx, by := m(x1, y0)
	cx, cy := m(x0, y1)
	dx, dy := m(x1, y1)
	return min(ax, bx, cx, dx), min(ay, by, cy, dy), max(ax, bx, cx, dx), max(ay, by, cy, dy)
}

// straighten turns a tilted page level, for a tilt of 1 to 30 degrees, and
// returns the way back to fractions of the page as it was.
func straighten(g *grey) (*grey, func(x, y float64) (float64, float64)) {
	tilt := skew(g)
	w, h := float64(g.w), float64(g.h)
	if math.Abs(tilt) < 1 || math.Abs(tilt) > 30 {
		return g, func(x, y float64) (float64, float64) { return x / w, y / h }
	}
	sin, cos := math.Sincos(tilt * math.Pi / 180)
	// the page stays in its frame: what tilts out of it is desk
	from := func(x, y float64) (float64, float64) {
		dx, dy := x-w/2, y-h/2
		return dx*cos - dy*sin + w/2, dx*sin + dy*cos + h/2
	}
	out := &grey{w: g.w, h: g.h, pix: bytes.Repeat([]byte{255}, len(g.pix))}
	for y := range g.h {
		for x := range g.w {
			sx, sy := from(float64(x), float64(y))
			if x0, y0 := int(sx), int(sy); sx >= 0 && sy >= 0 && x0 < g.w-1 && y0 < g.h-1 {
				fx, fy := sx-float64(x0), sy-float64(y0)
				top := float64(g.at(x0, y0))*(1-fx) + float64(g.at(x0+1, y0))*fx
				low := float64(g.at(x0, y0+1))*(1-fx) + float64(g.at(x0+1, y0+1))*fx
				out.pix[y*g.w+x] = uint8(top*(1-fy) + low*fy)
			}
		}
	}
	return out, func(x, y float64) (float64, float64) {
		sx, sy := from(x, y)
		return sx / w, sy / h
	}
}

// upright reduces a picture for reading and turns it as its EXIF says.
func upright(img image.Image, orientation int) *grey {
	return reduce(img, ocrLong).turn(orientation)
}

package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"dossier/packager"
	"dossier/packager/compose/typeface"
)

// Page pictures: what platforms take that take no PDF.
const (
	pictureLimit  = 2_000_000 // bytes, where the platform states none
	pictureDPI    = 300       // at most; a photo has no more to give than its pixels
	documentDPI   = 220       // of a page of a PDF: 8 point print stays sharp
	smallestSide  = 900       // pixels of the longer side below which print cannot be read
	plainPictures = "无水印"     // folder of the variant without the watermark
)

// Pages writes every page of every material of the bundle as a JPEG into dir,
// which must not exist: named in the order of the bundle, upright, each within
// the platform's limit. Where the platform is known to take copies with and
// without the watermark, those without stand in a folder of their own. The
// files are returned in the order of the bundle, those without after the others.
//
// Pictures are made from the material itself, several at once; pages of PDFs
// are rendered from the bundle, one after the other.
func (k *Composer) Pages(ctx context.Context, b *packager.Bundle, dir string, limits packager.Limits, obs packager.Observer) (files []packager.File, err error) {
	j := &album{k: k, plan: b.Plan, sheets: sheetsOf(b), dir: dir, limit: limits.PictureBytes, obs: obs}
	j.made = make([][2]packager.File, len(j.sheets))
	if j.limit == 0 {
		j.limit = pictureLimit
	}
	j.both = b.Plan.Report.Rules.Watermark == packager.WatermarkBoth && slices.ContainsFunc(j.sheets, func(p page) bool { return p.Marked })
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, writeFault(err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if j.both {
		if err := os.Mkdir(filepath.Join(dir, plainPictures), 0o700); err != nil {
			return nil, writeFault(err)
		}
	}
	if err := j.direct(ctx); err != nil {
		return nil, err
	}
	if err := j.rendered(ctx); err != nil {
		return nil, err
	}
	for v := range 2 {
		for _, m := range j.made {
			if m[v].Path != "" {
				files = append(files, m[v])
			}
		}
	}
	return files, nil
}

// album is the making of the page pictures of one bundle.
type album struct {
	k      *Composer
	plan   *packager.Plan
	sheets []page
	dir    string
	limit  int64 // bytes of a picture
	both   bool  // marked pages also without the watermark
	obs    packager.Observer
	made   [][2]packager.File // by page: as in the bundle, without the watermark
}

// page is a page of a material and the PDF that shows it.
type page struct {
	packager.Placed
	path string
}

// sheetsOf lists the pages of the materials in all volumes.
func sheetsOf(b *packager.Bundle) (out []page) {
	for _, v := range b.Volumes() {
		for _, p := range v.Placed {
			out = append(out, page{p, v.Path})
		}
	}
	return out
}

// The two forms of a page picture.
const (
	inBundle = iota
	unmarked
)

// wants reports whether a form of a page is to be made and is not made yet.
func (j *album) wants(i, form int) bool {
	return j.made[i][form].Path == "" && (form == inBundle || j.both && j.sheets[i].Marked)
}

func (j *album) item(p page) *packager.Item {
	i := slices.IndexFunc(j.plan.Items, func(it packager.Item) bool { return it.No == p.Item })
	return &j.plan.Items[i]
}

// save writes one picture.
func (j *album) save(i, form int, raw []byte) error {
	name := filepath.Join(j.dir, []string{"", plainPictures}[form], j.name(j.sheets[i]))
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		return writeFault(err)
	}
	sum := sha256.Sum256(raw)
	j.made[i][form] = packager.File{Path: name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(raw))}
	j.obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "advance", Item: filepath.Base(name), Unit: "items"})
	return nil
}

// encode writes what was drawn within the limit.
func (j *album) encode(i, form int, s *shot) error {
	raw, err := s.encode(j.limit)
	if err != nil {
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_PICTURE_LIMIT", Err: err,
			Args: packager.Args{"path": j.item(j.sheets[i]).File.Path, "limit": byteSize(j.limit)}}
	}
	return j.save(i, form, raw)
}

// developing bounds the bytes of pixels that are in hand at once.
const developing = 40 << 20

// direct makes the pictures of pictures. A draft's pages carry more than the
// material.
func (j *album) direct(ctx context.Context) error {
	if j.plan.Draft {
		return nil
	}
	room := semaphore.NewWeighted(developing)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(j.k.opt.Workers)
	for i, p := range j.sheets {
		if p.Pixels == 0 {
			continue
		}
		cost := min(int64(float64(p.Pixels)*float64(p.Pixels)*p.H/p.W)*6, developing)
		if room.Acquire(gctx, cost) != nil {
			break // ended: Wait says why
		}
		g.Go(func() error {
			defer room.Release(cost)
			return j.picture(gctx, i)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// picture makes what is wanted of one page of a picture file and leaves out
// what only the engine can show.
func (j *album) picture(ctx context.Context, i int) error {
	p := j.sheets[i]
	it := j.item(p)
	plain := inBundle
	if p.Marked {
		plain = unmarked
	}
	if j.wants(i, plain) {
		raw, err := ownBytes(it.File, j.limit)
		if err == nil && raw != nil {
			err = j.save(i, plain, raw)
		}
		if err != nil {
			return err
		}
	}
	if !j.wants(i, inBundle) && !j.wants(i, unmarked) {
		return nil
	}
	s, err := develop(ctx, it.File, p.Placed)
	if err != nil || s == nil {
		return err
	}
	if j.wants(i, plain) {
		if err := j.encode(i, plain, s); err != nil {
			return err
		}
	}
	if !p.Marked {
		return nil
	}
	f, err := typeface.New(j.k.opt.Regular)
	if err != nil {
		return err
	}
	if newWatermark(j.plan, j.k.opt.Printer, it, p.Leaf-1, j.pagesOf(p.Item), p.W, p.H).drawOn(s.RGBA, f) {
		return j.encode(i, inBundle, s)
	}
	return nil
}

// ownBytes returns the bytes of a JPEG file where they will do as they are, but
// for what a camera wrote into them; else nil.
func ownBytes(f packager.Inspected, limit int64) ([]byte, error) {
	if f.Media != "image/jpeg" || f.Picture == nil || f.Picture.Orientation > 1 || f.Bytes > 2*limit {
		return nil, nil
	}
	raw, err := readMaterial(f)
	if err != nil {
		return nil, err
	}
	parts, err := splitJPEG(raw)
	if err != nil || parts.components == 4 || parts.cut {
		return nil, nil
	}
	out := bytes.Join(parts.keep, nil)
	if int64(len(out)) > limit {
		return nil, nil
	}
	return out, nil
}

// rendered makes what is left from the bundle, and from one without watermarks.
func (j *album) rendered(ctx context.Context) error {
	defer j.k.engine.Rest()
	for _, form := range []int{inBundle, unmarked} {
		var left []int
		for i := range j.made {
			if j.wants(i, form) {
				left = append(left, i)
			}
		}
		if len(left) == 0 {
			continue
		}
		sheets := j.sheets
		if form == unmarked {
			bare, done, err := j.unmarkedBundle(ctx)
			if err != nil {
				return err
			}
			defer done()
			sheets = sheetsOf(bare)
		}
		j.k.engine.Rest()
		if err := j.render(ctx, sheets, left, form); err != nil {
			return err
		}
	}
	return nil
}

// unmarkedBundle composes the bundle without watermarks, whatever its size;
// done removes it.
func (j *album) unmarkedBundle(ctx context.Context) (b *packager.Bundle, done func(), err error) {
	plan, report, rules := *j.plan, *j.plan.Report, *j.plan.Report.Rules
	rules.Watermark, report.Rules, plan.Report, plan.MaxBytes = packager.WatermarkOff, &rules, &report, 0
	tmp, err := os.MkdirTemp(j.k.opt.TempDir, "dossier-*")
	if err != nil {
		return nil, nil, writeFault(err)
	}
	done = func() { os.RemoveAll(tmp) }
	if b, err = j.k.Compose(ctx, &plan, filepath.Join(tmp, "plain.pdf"), nil); err != nil {
		done()
	}
	return b, done, err
}

// render makes pages from sheets, of which there is one for each of j.
func (j *album) render(ctx context.Context, sheets []page, pages []int, form int) error {
	r := &renderer{k: j.k}
	defer r.close()
	for _, i := range pages {
		p := sheets[i]
		dpi := documentDPI
		if p.Pixels > 0 {
			dpi = min(pictureDPI, int(float64(p.Pixels)/p.W*72)+1)
		}
		if r.path != p.path { // the next volume
			r.close()
			*r = renderer{k: j.k, path: p.path}
		}
		err := r.crop(ctx, p.Placed, dpi, func(m *image.RGBA) error { return j.encode(i, form, &shot{RGBA: m}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// pagesOf counts the pages of a material.
func (j *album) pagesOf(no int) (n int) {
	for _, q := range j.sheets {
		if q.Item == no {
			n++
		}
	}
	return n
}

// name is the number of the material, its page where it has several, and its
// title.
func (j *album) name(p page) string {
	no := fmt.Sprintf("%0*d", max(2, len(strconv.Itoa(len(j.plan.Items)))), p.Item)
	if n := j.pagesOf(p.Item); n > 1 {
		no += fmt.Sprintf("-%0*d", len(strconv.Itoa(n)), p.Leaf)
	}
	return no + "-" + fileName(j.item(p).Title.In("zh")) + ".jpg"
}

// fileName makes a title fit for a file name on every system.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || r < 0x20 {
			return '_'
		}
		return r
	}, clean(s))
	if rs := []rune(s); len(rs) > 40 {
		s = string(rs[:40])
	}
	return strings.Trim(s, " .")
}

var errTooSmall = errors.New("no readable size of the picture is within the limit")

// fitJPEG encodes m within limit bytes: first at lower quality, then with
// fewer pixels, never below a size at which print can be read.
func fitJPEG(m image.Image, limit int64) ([]byte, error) {
	for {
		var size int64
		for _, q := range []int{90, 78, 66} {
			if q == 78 && size > 2*limit {
				continue // the step from 90 to 78 does not halve a picture
			}
			var b bytes.Buffer
			if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: q}); err != nil {
				return nil, err
			}
			if size = int64(b.Len()); size <= limit {
				return b.Bytes(), nil
			}
		}
		less := min(max(0.95*math.Sqrt(float64(limit)/float64(size)), 0.5), 0.9)
		w, h := int(less*float64(m.Bounds().Dx())), int(less*float64(m.Bounds().Dy()))
		if max(w, h) < smallestSide {
			return nil, errTooSmall
		}
		m = shrink(m, w, h)
	}
}

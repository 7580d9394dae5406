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

	"golang.org/x/image/draw"
	"golang.org/x/sync/errgroup"

	"dossier/packager"
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
// files are returned in the order of their names.
func (k *Composer) Pages(ctx context.Context, b *packager.Bundle, dir string, limits packager.Limits, obs packager.Observer) (files []packager.File, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, writeFault(err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	limit := limits.PictureBytes
	if limit == 0 {
		limit = pictureLimit
	}
	files, err = k.pictures(ctx, b, b.Placed, dir, limit, obs)
	if err != nil || b.Plan.Report.Rules.Watermark != packager.WatermarkBoth {
		return files, err
	}
	marked := slices.DeleteFunc(slices.Clone(b.Placed), func(p packager.Placed) bool { return !p.Marked })
	if len(marked) == 0 {
		return files, nil
	}
	plain, err := k.plainPictures(ctx, b, marked, filepath.Join(dir, plainPictures), limit, obs)
	return append(files, plain...), err
}

// plainPictures renders the marked pages from a bundle without watermarks.
func (k *Composer) plainPictures(ctx context.Context, b *packager.Bundle, marked []packager.Placed, dir string, limit int64, obs packager.Observer) ([]packager.File, error) {
	plan, report, rules := *b.Plan, *b.Plan.Report, *b.Plan.Report.Rules
	rules.Watermark, report.Rules, plan.Report = packager.WatermarkOff, &rules, &report
	tmp, err := os.MkdirTemp(k.opt.TempDir, "dossier-*")
	if err != nil {
		return nil, writeFault(err)
	}
	defer os.RemoveAll(tmp)
	bare, err := k.Compose(ctx, &plan, filepath.Join(tmp, "plain.pdf"), nil)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, writeFault(err)
	}
	return k.pictures(ctx, bare, marked, dir, limit, obs)
}

func (k *Composer) pictures(ctx context.Context, b *packager.Bundle, places []packager.Placed, dir string, limit int64, obs packager.Observer) ([]packager.File, error) {
	files := make([]packager.File, len(places))
	next := make(chan int)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(next)
		for i := range places {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(k.opt.Workers, len(places)) {
		g.Go(func() error {
			r := &renderer{k: k, path: b.Path}
			defer r.close()
			for i := range next {
				p := places[i]
				name := filepath.Join(dir, pictureName(b, p))
				raw, err := k.onePicture(ctx, b, p, limit, r)
				if err != nil {
					return err
				}
				if err := os.WriteFile(name, raw, 0o600); err != nil {
					return writeFault(err)
				}
				sum := sha256.Sum256(raw)
				files[i] = packager.File{Path: name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(raw))}
				obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "advance", Item: filepath.Base(name), Unit: "items"})
			}
			return nil
		})
	}
	return files, g.Wait()
}

// pictureName is the number of the material, its page where it has several,
// and its title.
func pictureName(b *packager.Bundle, p packager.Placed) string {
	pages := 0
	title := ""
	for _, q := range b.Placed {
		if q.Item == p.Item {
			pages++
		}
	}
	for _, it := range b.Plan.Items {
		if it.No == p.Item {
			title = it.Title.In("zh")
		}
	}
	no := fmt.Sprintf("%0*d", max(2, len(strconv.Itoa(len(b.Plan.Items)))), p.Item)
	if pages > 1 {
		no += fmt.Sprintf("-%0*d", len(strconv.Itoa(pages)), p.Leaf)
	}
	return no + "-" + fileName(title) + ".jpg"
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

// onePicture is the JPEG of one page of a material: the photo's own bytes
// where they will do, else a rendering of the bundle's page.
func (k *Composer) onePicture(ctx context.Context, b *packager.Bundle, p packager.Placed, limit int64, r *renderer) ([]byte, error) {
	i := slices.IndexFunc(b.Plan.Items, func(it packager.Item) bool { return it.No == p.Item })
	f := b.Plan.Items[i].File
	if !p.Marked && f.Media == "image/jpeg" && f.Picture != nil && f.Picture.Orientation <= 1 && !b.Plan.Draft {
		raw, err := readMaterial(f)
		if err != nil {
			return nil, err
		}
		if j, err := splitJPEG(raw); err == nil && j.components != 4 {
			if raw := bytes.Join(j.keep, nil); int64(len(raw)) <= limit {
				return raw, nil
			}
		}
	}
	dpi := documentDPI
	if p.Pixels > 0 {
		dpi = min(pictureDPI, int(float64(p.Pixels)/p.W*72)+1)
	}
	m, err := r.crop(ctx, p, dpi)
	if err != nil {
		return nil, err
	}
	raw, err := fitJPEG(m, limit)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_PICTURE_LIMIT", Args: packager.Args{"path": f.Path, "limit": byteSize(limit)}, Err: err}
	}
	return raw, nil
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
		shrink := min(max(0.95*math.Sqrt(float64(limit)/float64(size)), 0.5), 0.9)
		w, h := int(shrink*float64(m.Bounds().Dx())), int(shrink*float64(m.Bounds().Dy()))
		if max(w, h) < smallestSide {
			return nil, errTooSmall
		}
		small := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.CatmullRom.Scale(small, small.Rect, m, m.Bounds(), draw.Src, nil)
		m = small
	}
}

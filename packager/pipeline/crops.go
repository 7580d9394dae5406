package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/identity"
)

// Crops cuts what findings have seen out of the pictures of the papers, one PNG
// for each, and returns a path for each finding, "" where there is nothing to
// cut. They hold personal data: the folder gets the mode 0700, a file 0600, and
// no name of a file holds an identity number.
func (p *Pipeline) Crops(ctx context.Context, r *packager.Report, dir string) ([]string, error) {
	paths := make([]string, len(r.Findings))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cropFault(dir, err)
	}
	n := 0
	for i, f := range r.Findings {
		at := slices.IndexFunc(r.Files, func(x packager.Inspected) bool { return x.Path == f.Material })
		if f.Seen == nil || f.Seen.Zone == nil || at < 0 {
			continue
		}
		img, err := p.Inspector.Crop(ctx, r.Files[at], f.Seen.Page, *f.Seen.Zone)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // what is wrong with the picture has been said
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return nil, err
		}
		n++
		stem := strings.TrimSuffix(path.Base(f.Material), path.Ext(f.Material))
		to := filepath.Join(dir, fmt.Sprintf("%02d-%s-%s.png", n, strings.ReplaceAll(identity.MaskIDs(stem), "*", "x"), f.Seen.Field))
		if err := writeFile(to, b.Bytes()); err != nil {
			return nil, cropFault(dir, err)
		}
		paths[i] = to
	}
	return paths, nil
}

func cropFault(dir string, err error) error {
	return &packager.Fault{Class: packager.ClassConfig, Code: "CROPS_UNWRITABLE", Args: packager.Args{"dir": dir}, Err: err}
}

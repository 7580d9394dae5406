package verify

import (
	"context"

	"dossier/packager"
)

// PDFs checks the PDFs of one bundle, which is one as a rule, each as PDF does.
func PDFs(ctx context.Context, paths []string, o Options) (*packager.Verdict, error) {
	f := &findings{}
	for _, path := range paths {
		v, err := PDF(ctx, path, o)
		if err != nil {
			return nil, err
		}
		f.take(v)
	}
	return f.verdict(), nil
}

// take adds the verdict on one PDF of several.
func (f *findings) take(v *packager.Verdict) {
	f.v.Checks = append(f.v.Checks, v.Checks...)
	f.v.Signatures = append(f.v.Signatures, v.Signatures...)
	f.v.Revisions = append(f.v.Revisions, v.Revisions...)
	f.v.Manifest = v.Manifest
}

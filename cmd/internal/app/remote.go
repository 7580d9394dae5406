package app

import (
	"context"
	"io"
	"strings"

	"dossier/packager"
	"dossier/packager/collect"
	"dossier/packager/pipeline"
	"dossier/storage"
	"dossier/storage/s3"
)

// Remote brings files in from a bucket.
func (a *App) Remote() collect.Remote { return &remote{app: a} }

type remote struct{ app *App }

// open opens the bucket of a URL as a store, and returns the key in it.
func (r *remote) open(ctx context.Context, address string) (*s3.Store, string, error) {
	bucket, prefix, err := s3.ParseURL(address)
	if err != nil {
		return nil, "", storeURLFault(address, err)
	}
	opts, err := r.app.s3Options()
	if err != nil {
		return nil, "", err
	}
	s, err := s3.Open(ctx, "s3://"+bucket, opts)
	return s, prefix, pipeline.StoreFault(err)
}

func (r *remote) List(ctx context.Context, address string) ([]collect.RemoteFile, error) {
	s, prefix, err := r.open(ctx, address)
	if err != nil {
		return nil, err
	}
	var out []collect.RemoteFile
	base := strings.TrimSuffix(address, prefix)
	for o, err := range s.List(ctx, prefix) {
		if err != nil {
			return nil, pipeline.StoreFault(err)
		}
		// A folder's own marker is no file, and "ab" is not below "a".
		name := strings.TrimPrefix(o.Key[len(prefix):], "/")
		inside := prefix == "" || strings.HasSuffix(prefix, "/") || len(o.Key) == len(prefix) || o.Key[len(prefix)] == '/'
		if !inside || strings.HasSuffix(o.Key, "/") {
			continue
		}
		if name == "" {
			name = o.Key[strings.LastIndexByte(o.Key, '/')+1:]
		}
		out = append(out, collect.RemoteFile{URL: strings.TrimSuffix(base, "/") + "/" + o.Key, Name: name, Bytes: o.Bytes, ModTime: o.Modified})
	}
	if len(out) == 0 {
		return nil, &packager.Fault{Class: packager.ClassStore, Code: "REMOTE_EMPTY", Args: packager.Args{"url": address}}
	}
	return out, nil
}

func (r *remote) Open(ctx context.Context, f collect.RemoteFile) (io.ReadCloser, error) {
	s, key, err := r.open(ctx, f.URL)
	if err != nil {
		return nil, err
	}
	rc, err := s.Open(ctx, key, storage.Range{})
	return rc, pipeline.StoreFault(err)
}

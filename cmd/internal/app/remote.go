package app

import (
	"context"
	"io"
	"strings"

	"dossier/packager/collect"
	"dossier/packager/pipeline"
	"dossier/storage/s3"
)

// Remote brings files in from a bucket.
func (a *App) Remote() collect.Remote { return &remote{app: a} }

type remote struct {
	app    *App
	bucket string // the last one, open
	source *s3.Source
}

// open opens the bucket of a URL, and returns the key in it.
func (r *remote) open(ctx context.Context, address string) (*s3.Source, string, error) {
	bucket, prefix, err := s3.ParseSource(address)
	if err != nil {
		return nil, "", storeURLFault(address, err)
	}
	if bucket == r.bucket {
		return r.source, prefix, nil
	}
	opts, err := r.app.s3Options()
	if err != nil {
		return nil, "", err
	}
	s, err := s3.OpenSource(ctx, bucket, opts)
	if err != nil {
		return nil, "", pipeline.StoreFault(err)
	}
	r.bucket, r.source = bucket, s
	return s, prefix, nil
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
	return out, nil
}

func (r *remote) Open(ctx context.Context, f collect.RemoteFile) (io.ReadCloser, error) {
	s, key, err := r.open(ctx, f.URL)
	if err != nil {
		return nil, err
	}
	rc, err := s.Open(ctx, key)
	return rc, pipeline.StoreFault(err)
}

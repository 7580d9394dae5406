package s3

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"

	"dossier/storage"
)

// Source reads what other people put into a bucket, under keys of any form: a
// store knows the keys of its own layout only.
type Source struct{ store *Store }

// ParseSource splits s3://bucket/prefix, as the AWS command line reads it: the
// prefix is what stands behind the bucket, with nothing unescaped.
func ParseSource(address string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(address, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	if _, _, err := ParseURL("s3://" + bucket); err != nil || !ok {
		return "", "", &storage.Error{Code: storage.BadURL, Op: "open", Args: map[string]string{"url": "s3://…"}, Err: fmt.Errorf("not of the form s3://bucket/prefix")}
	}
	return bucket, prefix, nil
}

// OpenSource opens a bucket for reading.
func OpenSource(ctx context.Context, bucket string, o Options) (*Source, error) {
	s, err := Open(ctx, "s3://"+bucket, o)
	return &Source{s}, err
}

// List yields the objects whose keys begin with prefix.
func (x *Source) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		opts := minio.ListObjectsOptions{Prefix: prefix, Recursive: true, UseV1: x.store.profile.ListV1, FetchOwner: new(bool)}
		for info, err := range x.store.listInfos(ctx, prefix, opts) {
			if !yield(storage.Object{Key: info.Key, Bytes: info.Size, Modified: info.LastModified.UTC()}, err) || err != nil {
				return
			}
		}
	}
}

// Open reads an object.
func (x *Source) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	r := &reader{ctx: ctx, s: x.store, key: key, left: -1}
	if err := r.connect(); err != nil {
		return nil, err
	}
	return r, nil
}

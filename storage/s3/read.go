package s3

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"dossier/storage"
)

// Stat implements [storage.Store].
func (s *Store) Stat(ctx context.Context, key string) (storage.Object, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Object{}, err
	}
	info, err := s.head(ctx, "stat", key)
	if err != nil {
		return storage.Object{}, err
	}
	return s.object(key, info), nil
}

func (s *Store) head(ctx context.Context, op, key string) (minio.ObjectInfo, error) {
	var info minio.ObjectInfo
	ask := func() error {
		return s.do(ctx, op, key, func(ctx context.Context) (err error) {
			info, err = s.core.StatObject(ctx, s.bucket, s.full(key), minio.StatObjectOptions{Checksum: !s.bare.Load(), ServerSideEncryption: s.sse})
			return err
		})
	}
	err := ask()
	switch storage.CodeOf(err) {
	case storage.NotFound, storage.Denied, storage.Failed:
		// The answer to HEAD has no body, so its reason is a guess: a bucket
		// that is not there, a clock that is off, a token that is over. Once
		// the bucket has answered a request it is there.
		if storage.CodeOf(err) == storage.NotFound && s.answered.Load() {
			return info, err
		}
		reason := s.reason(ctx, op, key)
		if reason == nil {
			return info, ask()
		}
		return info, reason
	}
	return info, err
}

// reason asks with a GET why a HEAD was refused.
func (s *Store) reason(ctx context.Context, op, key string) error {
	return s.do(ctx, op, key, func(ctx context.Context) error {
		opts := minio.GetObjectOptions{ServerSideEncryption: s.sse}
		opts.Set("Range", "bytes=0-0")
		body, _, _, err := s.core.GetObject(ctx, s.bucket, s.full(key), opts)
		var resp minio.ErrorResponse
		if errors.As(err, &resp) && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
			return nil // there, and empty
		}
		if err != nil {
			return err
		}
		return body.Close()
	})
}

func (s *Store) object(key string, info minio.ObjectInfo) storage.Object {
	o := storage.Object{Key: key, Bytes: info.Size, Version: info.VersionID, Modified: info.LastModified.UTC()}
	if hexDigest, whole := hexOf(info.ChecksumSHA256); whole && s.proves() {
		o.SHA256 = hexDigest
	}
	o.Retention = storage.Retention{
		Mode:      storage.RetentionMode(info.Metadata.Get("X-Amz-Object-Lock-Mode")),
		LegalHold: info.Metadata.Get("X-Amz-Object-Lock-Legal-Hold") == "ON",
	}
	if until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")); err == nil {
		o.Retention.Until = until.UTC()
	}
	return o
}

// Open implements [storage.Store]. When the connection breaks, the reader goes
// on where it was, in the same version of the object.
func (s *Store) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if err := storage.CheckKey(key); err != nil {
		return nil, err
	}
	rd := &reader{ctx: ctx, s: s, key: key, offset: r.Offset, left: -1}
	if r.Bytes > 0 {
		rd.left = r.Bytes
	}
	if err := rd.connect(); err != nil {
		return nil, err
	}
	return rd, nil
}

// reader reads an object and reconnects.
type reader struct {
	ctx    context.Context
	s      *Store
	key    string
	offset int64 // of the next byte
	left   int64 // bytes still wanted, -1: to the end
	etag   string
	body   io.ReadCloser
	breaks int // since the last byte
}

func (r *reader) connect() error {
	return r.s.do(r.ctx, "open", r.key, func(ctx context.Context) error {
		opts := minio.GetObjectOptions{ServerSideEncryption: r.s.sse}
		if r.offset > 0 || r.left >= 0 {
			end := int64(0) // minio-go's word for "to the end"
			if r.left > 0 {
				end = r.offset + r.left - 1
			}
			if end == 0 && r.left == 1 {
				opts.Set("Range", "bytes=0-0")
			} else if err := opts.SetRange(r.offset, end); err != nil {
				return err
			}
		}
		if r.etag != "" {
			if err := opts.SetMatchETag(r.etag); err != nil {
				return err
			}
		}
		body, info, _, err := r.s.core.GetObject(ctx, r.s.bucket, r.s.full(r.key), opts)
		var resp minio.ErrorResponse
		if errors.As(err, &resp) && (resp.Code == "InvalidRange" || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable) {
			r.body = io.NopCloser(strings.NewReader("")) // begins beyond the end
			return nil
		}
		if err != nil {
			return err
		}
		r.body, r.etag = body, info.ETag
		return nil
	})
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.offset += int64(n)
		if r.left > 0 {
			r.left -= int64(n)
		}
		if n > 0 {
			r.breaks = 0
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil // the next Read meets the error again
		}
		if r.left == 0 {
			return 0, io.EOF
		}
		r.breaks++
		if r.breaks >= r.s.opts.Attempts || r.ctx.Err() != nil {
			return 0, storage.Fail(storage.Unreachable, "open", r.key, err, map[string]string{"host": r.s.host})
		}
		r.body.Close()
		if err := r.connect(); err != nil {
			r.body = failed{err}
			return 0, err
		}
	}
}

func (r *reader) Close() error { return r.body.Close() }

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
func (failed) Close() error               { return nil }

// List implements [storage.Lister].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		opts := minio.ListObjectsOptions{Prefix: s.full(prefix), Recursive: true, UseV1: s.profile.ListV1, FetchOwner: new(bool)}
		for info, err := range s.listInfos(ctx, prefix, opts) {
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			key := strings.TrimPrefix(info.Key, s.prefix)
			if storage.CheckKey(key) != nil {
				continue // a stranger's
			}
			if !yield(storage.Object{Key: key, Bytes: info.Size, Modified: info.LastModified.UTC()}, nil) {
				return
			}
		}
	}
}

// listInfos lists, and after a failure goes on behind the last key.
func (s *Store) listInfos(ctx context.Context, prefix string, opts minio.ListObjectsOptions) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		stopped := false
		err := s.do(ctx, "list", prefix, func(ctx context.Context) error {
			for info := range s.core.ListObjectsIter(ctx, s.bucket, opts) {
				if info.Err != nil {
					return info.Err
				}
				// A server that does not turn the page would go on for ever.
				if !opts.WithVersions && info.Key <= opts.StartAfter {
					return &storage.Error{Code: storage.Unsupported, Op: "list", Key: prefix, Args: map[string]string{"what": "paging"}}
				}
				if !yield(info, nil) {
					stopped = true
					return nil
				}
				if !opts.WithVersions {
					opts.StartAfter = info.Key
				}
			}
			return ctx.Err() // minio-go ends silently
		})
		if err != nil && !stopped {
			yield(minio.ObjectInfo{}, err)
		}
	}
}

package s3

import (
	"context"
	"net/url"
	"time"
)

// Presign implements [storage.Presigner].
func (s *Store) Presign(ctx context.Context, key string, expires time.Duration) (string, error) {
	if _, err := s.Stat(ctx, key); err != nil {
		return "", err
	}
	var link *url.URL
	err := s.do(ctx, "presign", key, func(ctx context.Context) (err error) {
		link, err = s.core.PresignedGetObject(ctx, s.bucket, s.full(key), expires, nil)
		return err
	})
	if err != nil {
		return "", err
	}
	return link.String(), nil
}

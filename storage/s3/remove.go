package s3

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"dossier/storage"
)

// Remove implements [storage.Remover].
func (s *Store) Remove(ctx context.Context, key string) error {
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	versions, err := s.versions(ctx, key)
	if storage.CodeOf(err) == storage.Unsupported || len(versions) == 0 && err == nil {
		versions, err = []string{""}, nil
	}
	if err != nil {
		return err
	}
	for _, v := range versions {
		err := s.do(ctx, "remove", key, func(ctx context.Context) error {
			return s.core.RemoveObject(ctx, s.bucket, s.full(key), minio.RemoveObjectOptions{VersionID: v})
		})
		switch storage.CodeOf(err) {
		case "", storage.NotFound:
		case storage.Denied, storage.Failed:
			return s.orRetained(ctx, key, err)
		default:
			return err
		}
	}
	return nil
}

// orRetained says that a lock was the reason, where it was: servers call it
// "access denied", or something of their own.
func (s *Store) orRetained(ctx context.Context, key string, cause error) error {
	info, err := s.head(ctx, "remove", key)
	if err != nil {
		return cause
	}
	if r := s.object(key, info).Retention; !r.IsZero() {
		return &storage.Error{Code: storage.Retained, Op: "remove", Key: key, Args: map[string]string{"until": r.Until.Format(time.DateOnly)}, Err: cause}
	}
	return cause
}

// versions lists the version ids of key, delete markers too.
func (s *Store) versions(ctx context.Context, key string) ([]string, error) {
	var ids []string
	opts := minio.ListObjectsOptions{Prefix: s.full(key), Recursive: true, WithVersions: true}
	for info, err := range s.listInfos(ctx, key, opts) {
		if err != nil {
			return nil, err
		}
		if info.Key == s.full(key) {
			ids = append(ids, info.VersionID)
		}
	}
	return ids, nil
}

// Leftovers implements [storage.Sweeper]: uploads in parts that were not
// completed. The whole bucket is asked for them, because MinIO finds none by
// prefix.
func (s *Store) Leftovers(ctx context.Context) iter.Seq2[storage.Leftover, error] {
	return func(yield func(storage.Leftover, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends the goroutine behind the channel
		for u := range s.core.ListIncompleteUploads(ctx, s.bucket, "", true) {
			if u.Err != nil {
				yield(storage.Leftover{}, s.judge("leftovers", "", u.Err, &reply{}).err)
				return
			}
			key, ours := strings.CutPrefix(u.Key, s.prefix)
			if !ours || storage.ParseKey(key) == (storage.Place{}) && !strings.HasPrefix(key, storage.ProbeRoot) {
				continue
			}
			if !yield(storage.Leftover{ID: u.UploadID, Key: key, Bytes: -1, Since: u.Initiated.UTC()}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Leftover{}, storage.Fail(storage.Cancelled, "leftovers", "", err, nil))
		}
	}
}

// Discard implements [storage.Sweeper].
func (s *Store) Discard(ctx context.Context, l storage.Leftover) error {
	err := s.do(ctx, "discard", l.Key, func(ctx context.Context) error {
		return s.core.AbortMultipartUpload(ctx, s.bucket, s.full(l.Key), l.ID)
	})
	if storage.CodeOf(err) == storage.NotFound {
		return nil
	}
	return err
}

// Retain implements [storage.Retainer].
func (s *Store) Retain(ctx context.Context, key string, r storage.Retention) error {
	now, err := s.Stat(ctx, key)
	if err != nil {
		return err
	}
	if r.Until.After(now.Retention.Until) || r.Mode == storage.Compliance && now.Retention.Mode == storage.Governance {
		mode, until := minio.RetentionMode(r.Mode), r.Until
		if now.Retention.Mode == storage.Compliance {
			mode = minio.Compliance
		}
		if now.Retention.Until.After(until) {
			until = now.Retention.Until
		}
		err := s.do(ctx, "retain", key, func(ctx context.Context) error {
			return s.core.PutObjectRetention(ctx, s.bucket, s.full(key), minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until, VersionID: now.Version})
		})
		if err != nil {
			return lockError(key, err)
		}
	}
	if r.LegalHold && !now.Retention.LegalHold {
		on := minio.LegalHoldEnabled
		err := s.do(ctx, "retain", key, func(ctx context.Context) error {
			return s.core.PutObjectLegalHold(ctx, s.bucket, s.full(key), minio.PutObjectLegalHoldOptions{Status: &on, VersionID: now.Version})
		})
		if err != nil {
			return lockError(key, err)
		}
	}
	return nil
}

// lockError names a bucket without object lock.
func lockError(key string, err error) error {
	var resp minio.ErrorResponse
	if errors.As(err, &resp) && (resp.Code == "InvalidRequest" || resp.Code == "InvalidBucketState" || resp.Code == "ObjectLockConfigurationNotFoundError" || resp.Code == "InvalidArgument") {
		return &storage.Error{Code: storage.NoLock, Op: "retain", Key: key, Err: err}
	}
	return err
}

// canRetain refuses what the bucket cannot promise before anything is sent:
// some servers refuse only after they have stored the object.
func (s *Store) canRetain(ctx context.Context, key string, want storage.Retention) error {
	if want.IsZero() {
		return nil
	}
	c := s.found.Load()
	locks := c != nil && c.ObjectLock
	if !locks { // not known, or it may have been turned on since
		var err error
		if locks, err = s.hasLock(ctx); err != nil {
			return err
		}
	}
	if !locks {
		return &storage.Error{Code: storage.NoLock, Op: "create", Key: key}
	}
	return nil
}

// hasLock asks whether the bucket was made with object lock. A server that
// refuses the answer, or gives one that is none, has not.
func (s *Store) hasLock(ctx context.Context) (bool, error) {
	var lock string
	err := s.do(ctx, "lock", "", func(ctx context.Context) (err error) {
		lock, _, _, _, err = s.core.GetObjectLockConfig(ctx, s.bucket)
		return err
	})
	if isPassing(err) {
		return false, err
	}
	return err == nil && lock == "Enabled", nil
}

// isPassing reports an error that says nothing about the store: it did not
// answer, or not now.
func isPassing(err error) bool {
	switch storage.CodeOf(err) {
	case storage.Unreachable, storage.Busy, storage.Cancelled, storage.TokenExpired, storage.ClockSkew:
		return true
	}
	return false
}

// checkRetention reads back by HEAD what was asked for at creation, and
// lengthens what was there before. (GetObjectRetention of one server cannot be
// read by minio-go.)
func (s *Store) checkRetention(ctx context.Context, o storage.Object, want storage.Retention) (storage.Object, error) {
	if want.IsZero() {
		return o, nil
	}
	if o.Existed {
		if err := s.Retain(ctx, o.Key, want); err != nil {
			return o, err
		}
	}
	info, err := s.head(ctx, "create", o.Key)
	if err != nil {
		return o, err
	}
	got := s.object(o.Key, info).Retention
	if got.Until.Before(want.Until) || want.LegalHold && !got.LegalHold || want.Mode != "" && got.Mode == "" {
		return o, &storage.Error{Code: storage.NoLock, Op: "create", Key: o.Key}
	}
	o.Retention = got
	return o, nil
}

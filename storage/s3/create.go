package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"github.com/minio/minio-go/v7"

	"dossier/storage"
)

const (
	checksumHeader    = "x-amz-checksum-sha256"
	checksumAlgorithm = "x-amz-checksum-algorithm"

	worthAsking = 128 << 10 // bytes
)

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions) (storage.Object, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Object{}, err
	}
	if err := s.canRetain(ctx, key, opts.Retention); err != nil {
		return storage.Object{}, err
	}
	m := &meter{report: opts.Progress, total: c.Bytes}
	create := s.createWhole
	if c.Bytes > singleLimit {
		create = s.createParts
	}
	o, err := create(ctx, key, c, opts, m)
	if err != nil {
		return storage.Object{}, err
	}
	m.finish()
	return s.checkRetention(ctx, o, opts.Retention)
}

// createWhole stores content in one PUT.
func (s *Store) createWhole(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions, _ *meter) (storage.Object, error) {
	known, holds := s.conditional()
	// A few bytes are sent as quickly as the question is asked.
	if opts.LookFirst && c.Bytes > worthAsking || !known || !holds {
		o, there, err := s.existing(ctx, key, c, nil)
		if there || err != nil {
			return o, err
		}
	}
	src, err := c.Source()
	if err != nil {
		return storage.Object{}, err
	}
	defer src.Close()

	put := s.putOptions(opts)
	put.UserMetadata = s.checksum(checksumHeader, base64Of(c.SHA256))
	if holds || !known {
		put.SetMatchETagExcept("*")
	}
	var info minio.UploadInfo
	err = s.do(ctx, "create", key, func(ctx context.Context) error {
		body := &sourceReader{SectionReader: io.NewSectionReader(src, 0, c.Bytes), content: c}
		info, err = s.core.PutObject(ctx, s.bucket, s.full(key), body, c.Bytes, "", c.SHA256, put)
		if failed := body.failure(); failed != nil {
			return failed
		}
		return err
	})
	switch storage.CodeOf(err) {
	case "":
	case storage.Conflict:
		// Ours, when the acknowledgement of an earlier try was lost.
		o, there, lookErr := s.existing(ctx, key, c, nil)
		if there || lookErr != nil {
			return o, lookErr
		}
		return o, err
	case storage.Checksum:
		// Either the bytes were damaged on the way, or they are not what they were.
		return storage.Object{}, errors.Join(recheck(ctx, c), err)
	default:
		return storage.Object{}, err
	}
	o := storage.Object{Key: key, SHA256: c.SHA256, Bytes: c.Bytes, Version: info.VersionID}
	return o, s.proveStored(ctx, o, info.ChecksumSHA256, base64Of(c.SHA256))
}

// proveStored decides whether what the server answered proves what it stored;
// if not, the object is read back. What was stored wrong is removed again.
func (s *Store) proveStored(ctx context.Context, o storage.Object, got, want string) error {
	var err error
	switch {
	case got != "" && got != want:
		err = &storage.Error{Code: storage.Checksum, Op: "create", Key: o.Key, Args: map[string]string{"want": want, "got": got}}
	case got == want && s.proves():
		return nil
	default:
		err = storage.Verify(ctx, s, o.Key, o.Bytes, o.SHA256)
	}
	if storage.CodeOf(err) == storage.Checksum {
		return errors.Join(err, s.Remove(context.WithoutCancel(ctx), o.Key))
	}
	return err
}

// existing compares what is under key, if anything, with c. parts are the
// digests of c's parts where they are known; else c is read for them when the
// object was uploaded in parts.
func (s *Store) existing(ctx context.Context, key string, c storage.Content, parts []string) (o storage.Object, there bool, err error) {
	info, err := s.head(ctx, "create", key)
	if storage.CodeOf(err) == storage.NotFound {
		return storage.Object{}, false, nil
	}
	if err != nil {
		return storage.Object{}, false, err
	}
	conflict := &storage.Error{Code: storage.Conflict, Op: "create", Key: key}
	if info.Size != c.Bytes {
		return storage.Object{}, true, conflict
	}
	same, proven, err := s.sameDigest(ctx, info.ChecksumSHA256, c, parts)
	if err != nil {
		return storage.Object{}, true, err
	}
	if !proven {
		err := storage.Verify(ctx, s, key, c.Bytes, c.SHA256)
		if err != nil && storage.CodeOf(err) != storage.Checksum {
			return storage.Object{}, true, err
		}
		same = err == nil
	}
	if !same {
		return storage.Object{}, true, conflict
	}
	o = s.object(key, info)
	o.SHA256, o.Existed = c.SHA256, true
	return o, true, nil
}

// sameDigest compares a digest that the server gave with c. It proves
// something only if the server is known to check digests, and if it is of the
// whole object, or of parts of the size that we would send.
func (s *Store) sameDigest(ctx context.Context, got string, c storage.Content, parts []string) (same, proven bool, err error) {
	if got == "" || !s.proves() {
		return false, false, nil
	}
	if got == base64Of(c.SHA256) {
		return true, true, nil
	}
	count, composite := compositeCount(got)
	if !composite {
		return false, true, nil
	}
	if count != partCount(c.Bytes) {
		return false, false, nil
	}
	if parts == nil {
		if parts, err = partDigests(ctx, c); err != nil {
			return false, false, err
		}
	}
	// A composite that differs may be of parts of another size: read it.
	return true, got == compositeOf(parts), nil
}

// checksum is a header of the checksum family, where the server takes those.
func (s *Store) checksum(header, value string) map[string]string {
	if s.bare.Load() {
		return nil
	}
	return map[string]string{header: value}
}

func (s *Store) putOptions(opts storage.CreateOptions) minio.PutObjectOptions {
	put := minio.PutObjectOptions{
		ContentType:          opts.ContentType,
		DisableContentSha256: true,
		ServerSideEncryption: s.sse,
	}
	if r := opts.Retention; !r.IsZero() {
		put.Mode, put.RetainUntilDate = minio.RetentionMode(r.Mode), r.Until
		if r.LegalHold {
			put.LegalHold = minio.LegalHoldEnabled
		}
	}
	return put
}

// sourceReader reads a local file for a request body and remembers its own
// failure, which would otherwise look like one of the network.
type sourceReader struct {
	*io.SectionReader
	content storage.Content
	mu      sync.Mutex
	err     error
}

func (r *sourceReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	if err == io.EOF {
		// SectionReader says EOF at its own end and at that of a file that
		// has become shorter.
		if at, _ := r.Seek(0, io.SeekCurrent); at == r.Size() {
			return n, err
		}
	}
	if err != nil {
		r.mu.Lock()
		r.err = r.content.ReadFailed(err)
		r.mu.Unlock()
	}
	return n, err
}

func (r *sourceReader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// recheck reads c and returns an error if it is not as its digest says.
func recheck(ctx context.Context, c storage.Content) error {
	_, err := readDigests(ctx, c)
	return err
}

// meter reports each byte of an object once, however often it was sent.
type meter struct {
	mu     sync.Mutex
	report func(int64)
	total  int64
	done   int64
}

func (m *meter) add(n int64) {
	m.mu.Lock()
	n = min(n, m.total-m.done)
	m.done += n
	m.mu.Unlock()
	if m.report != nil && n > 0 {
		m.report(n)
	}
}

func (m *meter) finish() { m.add(m.total) }

// hexOf turns the base64 of a whole SHA-256 into hex.
func hexOf(b64 string) (digest string, whole bool) {
	raw, err := base64.StdEncoding.DecodeString(b64)
	return hex.EncodeToString(raw), err == nil && len(raw) == sha256.Size
}

func base64Of(hexDigest string) string {
	raw, _ := hex.DecodeString(hexDigest)
	return base64.StdEncoding.EncodeToString(raw)
}

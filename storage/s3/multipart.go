package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"dossier/storage"
)

const (
	singleLimit = storage.PartSize // bytes that still go in one PUT
	maxParts    = 10000            // of one upload, by S3
)

// partSize is 16 MiB, and as much more as the limit of parts asks for: the
// buffers of an upload hold Parallel+1 parts.
func partSize(size int64) int64 {
	for _, p := range []int64{storage.PartSize, 64 << 20, 256 << 20} {
		if size <= p*(maxParts-100) {
			return p
		}
	}
	return 1 << 30
}

func partCount(size int64) int {
	p := partSize(size)
	return int((size + p - 1) / p)
}

// upload is the checkpoint of an upload in parts, as JSON.
type upload struct {
	Version  int          `json:"version"` // 1
	Store    string       `json:"store"`
	Endpoint string       `json:"endpoint"`
	Key      string       `json:"key"`
	Bytes    int64        `json:"bytes"`
	SHA256   string       `json:"sha256"`
	PartSize int64        `json:"part_size"`
	UploadID string       `json:"upload_id"`
	Parts    map[int]part `json:"parts"` // acknowledged ones
	// Completing: the server was about to be told to put the parts together.
	Completing bool `json:"completing,omitempty"`
}

type part struct {
	SHA256 string `json:"sha256"` // hex
	ETag   string `json:"etag"`
}

func (s *Store) newUpload(key string, c storage.Content) upload {
	return upload{Version: 1, Store: s.URL(), Endpoint: s.host, Key: key, Bytes: c.Bytes, SHA256: c.SHA256,
		PartSize: partSize(c.Bytes), Parts: map[int]part{}}
}

// same reports whether u is about the same bytes for the same place.
func (u upload) same(v upload) bool {
	return u.Version == v.Version && u.Store == v.Store && u.Endpoint == v.Endpoint && u.Key == v.Key &&
		u.Bytes == v.Bytes && u.SHA256 == v.SHA256 && u.PartSize == v.PartSize
}

// createParts stores content in parts, going on with an earlier upload if
// there is one.
func (s *Store) createParts(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions, m *meter) (storage.Object, error) {
	o, there, err := s.existing(ctx, key, c, nil)
	if there || err != nil {
		if err == nil && opts.Checkpoint != nil {
			err = opts.Checkpoint.Clear()
		}
		return o, err
	}
	// A second round is for an upload that the server has forgotten.
	for round := 1; ; round++ {
		o, err = s.upload(ctx, key, c, opts, m)
		if storage.CodeOf(err) != storage.NotFound || round == 2 {
			return o, err
		}
		if opts.Checkpoint != nil {
			if err := opts.Checkpoint.Clear(); err != nil {
				return o, err
			}
		}
	}
}

func (s *Store) upload(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions, m *meter) (storage.Object, error) {
	book, done, err := s.beginUpload(ctx, key, c, opts)
	if err != nil {
		return storage.Object{}, err
	}
	if done != nil {
		return *done, opts.Checkpoint.Clear()
	}
	defer book.close()
	parts, err := s.sendParts(ctx, key, c, book, m)
	if err != nil {
		if storage.CodeOf(err) == storage.SourceChanged {
			s.abandon(ctx, key, book)
		}
		return storage.Object{}, err
	}
	book.completing()
	if err := book.close(); err != nil {
		return storage.Object{}, err
	}
	o, err := s.complete(ctx, key, c, book.state.UploadID, parts)
	switch storage.CodeOf(err) {
	case "":
		return o, book.clear()
	case storage.Conflict, storage.Checksum:
		s.abandon(ctx, key, book)
	}
	if storage.CodeOf(err) == storage.Checksum {
		err = errors.Join(recheck(ctx, c), err)
	}
	return o, err
}

// abandon gives up an upload that can lead to nothing.
func (s *Store) abandon(ctx context.Context, key string, book *logbook) {
	ctx = context.WithoutCancel(ctx)
	_ = s.core.AbortMultipartUpload(ctx, s.bucket, s.full(key), book.state.UploadID)
	_ = book.clear()
}

// beginUpload takes up the upload of the checkpoint, or begins one and writes
// its id down before the first part is sent. done is the object if the upload
// of the checkpoint has ended by now: the server was still at it for a program
// that was killed.
func (s *Store) beginUpload(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions) (book *logbook, done *storage.Object, err error) {
	fresh := s.newUpload(key, c)
	if opts.Checkpoint != nil {
		saved, err := loadUpload(opts.Checkpoint)
		if err != nil {
			return nil, nil, err
		}
		if saved.same(fresh) && saved.UploadID != "" {
			listed, err := s.listParts(ctx, key, saved.UploadID)
			if err == nil {
				saved.Parts = believable(saved, listed)
				return newLogbook(opts.Checkpoint, saved), nil, nil
			}
			if storage.CodeOf(err) != storage.NotFound {
				return nil, nil, err
			}
			look := s.existing
			if saved.Completing {
				look = s.awaited
			}
			if o, there, err := look(ctx, key, c, nil); there || err != nil {
				return nil, &o, err
			}
		}
	}
	put := s.putOptions(opts)
	put.UserMetadata = s.checksum(checksumAlgorithm, "SHA256")
	err = s.do(ctx, "create", key, func(ctx context.Context) (err error) {
		fresh.UploadID, err = s.core.NewMultipartUpload(ctx, s.bucket, s.full(key), put)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	book = newLogbook(opts.Checkpoint, fresh)
	if err := book.save(); err != nil {
		return nil, nil, errors.Join(err, book.close())
	}
	return book, nil, nil
}

// awaited is existing for an object whose parts the server is perhaps putting
// together right now, at the word of a try that broke off or of a program that
// was killed: some servers hide the upload before they show the object
// (versitygw does). Waiting is cheaper than sending everything anew.
func (s *Store) awaited(ctx context.Context, key string, c storage.Content, digests []string) (storage.Object, bool, error) {
	const slowest = 100 << 20 // bytes a second
	patience := 5*time.Second + time.Duration(c.Bytes/slowest)*time.Second
	for pause := s.opts.RetryUnit; ; pause = min(2*pause, 2*time.Second) {
		o, there, err := s.existing(ctx, key, c, digests)
		if there || err != nil || patience <= 0 {
			return o, there, err
		}
		patience -= pause
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return o, false, storage.Fail(storage.Cancelled, "create", key, ctx.Err(), nil)
		}
	}
}

func loadUpload(cp storage.Checkpoint) (upload, error) {
	b, err := cp.Load()
	if err != nil || b == nil {
		return upload{}, err
	}
	var u upload
	if json.Unmarshal(b, &u) != nil {
		return upload{}, nil // damaged: begin anew
	}
	return u, nil
}

// believable returns the parts that need not be sent again: the server lists
// them with a digest that it computed, or lists the very ETag under which it
// acknowledged a part of ours.
func believable(saved upload, listed []minio.ObjectPart) map[int]part {
	parts := map[int]part{}
	for _, l := range listed {
		size := min(saved.PartSize, saved.Bytes-int64(l.PartNumber-1)*saved.PartSize)
		if l.Size != size {
			continue
		}
		etag := strings.Trim(l.ETag, `"`)
		mine, noted := saved.Parts[l.PartNumber]
		switch raw, err := base64.StdEncoding.DecodeString(l.ChecksumSHA256); {
		case l.ChecksumSHA256 != "" && err == nil && len(raw) == sha256.Size:
			parts[l.PartNumber] = part{SHA256: hex.EncodeToString(raw), ETag: etag}
		case noted && mine.ETag == etag:
			parts[l.PartNumber] = mine
		}
	}
	return parts
}

func (s *Store) listParts(ctx context.Context, key, id string) ([]minio.ObjectPart, error) {
	var all []minio.ObjectPart
	for marker := 0; ; {
		var page minio.ListObjectPartsResult
		err := s.do(ctx, "create", key, func(ctx context.Context) (err error) {
			page, err = s.core.ListObjectParts(ctx, s.bucket, s.full(key), id, marker, 1000)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.ObjectParts...)
		if !page.IsTruncated || page.NextPartNumberMarker <= marker {
			return all, nil
		}
		marker = page.NextPartNumberMarker
	}
}

// sendParts reads c once from beginning to end, and sends what the server does
// not have. If the digests of the parts are not known, those are computed here,
// and at the end the digest of all that was read must be c's.
func (s *Store) sendParts(ctx context.Context, key string, c storage.Content, book *logbook, m *meter) ([]part, error) {
	src, err := c.Source()
	if err != nil {
		return nil, err
	}
	defer src.Close()

	size, count := partSize(c.Bytes), partCount(c.Bytes)
	known := knownParts(c)
	parts := make([]part, count)
	whole := sha256.New()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(s.opts.Parallel)
	for n := 1; n <= count && gctx.Err() == nil; n++ {
		offset := int64(n-1) * size
		if had, ok := book.part(n); ok && known != nil && had.SHA256 == known[n-1] {
			parts[n-1] = had
			m.add(min(size, c.Bytes-offset))
			continue
		}
		buf, err := s.takeBuffer(gctx, min(size, c.Bytes-offset))
		if err != nil {
			break
		}
		if _, err := io.ReadFull(io.NewSectionReader(src, offset, int64(len(buf))), buf); err != nil {
			s.giveBuffer(buf)
			group.Go(func() error { return c.ReadFailed(err) })
			break
		}
		digest := ""
		if known != nil {
			digest = known[n-1]
		} else {
			whole.Write(buf)
		}
		group.Go(func() error {
			defer s.giveBuffer(buf)
			done, err := s.sendPart(gctx, key, n, buf, digest, book)
			if storage.CodeOf(err) == storage.Checksum && digest != "" && sumOf(buf) != digest {
				return c.Changed()
			}
			if err != nil {
				return err
			}
			parts[n-1] = done
			m.add(int64(len(buf)))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, storage.Fail(storage.Cancelled, "create", key, err, nil)
	}
	if known == nil && hex.EncodeToString(whole.Sum(nil)) != c.SHA256 {
		return nil, c.Changed()
	}
	return parts, nil
}

// knownParts returns the digests of the parts if they were taken beforehand
// and for parts of our size. They are not computed again: the server compares
// them, or the object is read back.
func knownParts(c storage.Content) []string {
	if partSize(c.Bytes) != storage.PartSize || len(c.Parts) != partCount(c.Bytes) {
		return nil
	}
	return c.Parts
}

func (s *Store) takeBuffer(ctx context.Context, size int64) ([]byte, error) {
	select {
	case buf := <-s.buffers:
		if int64(cap(buf)) < size {
			buf = make([]byte, size)
		}
		return buf[:size], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Store) giveBuffer(buf []byte) { s.buffers <- buf }

// sendPart sends one part, whose digest is computed if it is not known.
func (s *Store) sendPart(ctx context.Context, key string, n int, buf []byte, sum string, book *logbook) (part, error) {
	if sum == "" {
		sum = sumOf(buf)
	}
	if had, ok := book.part(n); ok && had.SHA256 == sum {
		return had, nil
	}
	sent, err := s.putPart(ctx, "create", key, book.state.UploadID, n, buf, sum)
	if err != nil {
		return part{}, err
	}
	done := part{SHA256: sum, ETag: sent.ETag}
	book.note(n, done)
	return done, nil
}

// completePart is how Complete names a part. A server that took no checksum
// with the part would not know it again.
func (s *Store) completePart(n int, p part) minio.CompletePart {
	c := minio.CompletePart{PartNumber: n, ETag: p.ETag}
	if !s.bare.Load() {
		c.ChecksumSHA256 = base64Of(p.SHA256)
	}
	return c
}

// putPart sends one part; sum is its SHA-256 in hex.
func (s *Store) putPart(ctx context.Context, op, key, id string, n int, buf []byte, sum string) (sent minio.ObjectPart, err error) {
	b64 := base64Of(sum)
	err = s.do(ctx, op, key, func(ctx context.Context) (err error) {
		header := http.Header{}
		for k, v := range s.checksum(checksumHeader, b64) {
			header.Set(k, v)
		}
		sent, err = s.core.PutObjectPart(ctx, s.bucket, s.full(key), id, n, bytes.NewReader(buf), int64(len(buf)),
			minio.PutObjectPartOptions{Sha256Hex: sum, DisableContentSha256: true, SSE: s.sse, CustomHeader: header})
		if err == nil && sent.ChecksumSHA256 != "" && sent.ChecksumSHA256 != b64 {
			return &storage.Error{Code: storage.Checksum, Op: op, Key: key, Args: map[string]string{"want": b64, "got": sent.ChecksumSHA256}}
		}
		return err
	})
	return sent, err
}

// completeOptions are those of a Complete: the key of SSE-C goes with each
// request that touches the object; the other kinds were said at Initiate.
func (s *Store) completeOptions(conditional bool) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{}
	if s.opts.Encryption.Mode == "sse-c" {
		opts.ServerSideEncryption = s.sse
	}
	if conditional {
		opts.SetMatchETagExcept("*")
	}
	return opts
}

// complete puts the parts together. If the answer says that the upload or the
// key is taken, it may be our own earlier try whose acknowledgement was lost.
func (s *Store) complete(ctx context.Context, key string, c storage.Content, id string, sent []part) (storage.Object, error) {
	digests := make([]string, len(sent))
	parts := make([]minio.CompletePart, len(sent))
	for i, p := range sent {
		digests[i], parts[i] = base64Of(p.SHA256), s.completePart(i+1, p)
	}
	known, holds := s.conditional()
	opts := s.completeOptions(holds || !known)
	var info minio.UploadInfo
	err := s.do(ctx, "create", key, func(ctx context.Context) (err error) {
		info, err = s.core.CompleteMultipartUpload(ctx, s.bucket, s.full(key), id, parts, opts)
		return err
	})
	switch storage.CodeOf(err) {
	case "":
		o := storage.Object{Key: key, SHA256: c.SHA256, Bytes: c.Bytes, Version: info.VersionID}
		return o, s.proveStored(ctx, o, info.ChecksumSHA256, compositeOf(digests))
	case storage.Conflict, storage.NotFound:
		look := s.existing
		if storage.CodeOf(err) == storage.NotFound {
			look = s.awaited
		}
		o, there, lookErr := look(ctx, key, c, digests)
		if there || lookErr != nil {
			return o, lookErr
		}
	}
	return storage.Object{}, err
}

// compositeOf is what S3 calls the composite checksum: the SHA-256 of the
// parts' SHA-256, and their number. The digests are in base64.
func compositeOf(digests []string) string {
	h := sha256.New()
	for _, d := range digests {
		raw, _ := base64.StdEncoding.DecodeString(d)
		h.Write(raw)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(digests))
}

func compositeCount(checksum string) (parts int, composite bool) {
	_, n, ok := strings.Cut(checksum, "-")
	if !ok {
		return 0, false
	}
	parts, err := strconv.Atoi(n)
	return parts, err == nil
}

// partDigests returns the digests of c's parts in base64. If they are not
// known, c is read for them and the digest of the whole compared.
func partDigests(ctx context.Context, c storage.Content) ([]string, error) {
	if known := knownParts(c); known != nil {
		digests := make([]string, len(known))
		for i, d := range known {
			digests[i] = base64Of(d)
		}
		return digests, nil
	}
	return readDigests(ctx, c)
}

func readDigests(ctx context.Context, c storage.Content) ([]string, error) {
	src, err := c.Source()
	if err != nil {
		return nil, err
	}
	defer src.Close()
	whole, size := sha256.New(), partSize(c.Bytes)
	var digests []string
	for offset := int64(0); offset < c.Bytes; offset += size {
		h := sha256.New()
		section := io.NewSectionReader(src, offset, min(size, c.Bytes-offset))
		n, err := storage.Copy(ctx, io.MultiWriter(whole, h), section)
		if err != nil {
			return nil, c.ReadFailed(err)
		}
		if n != section.Size() {
			return nil, c.Changed()
		}
		digests = append(digests, base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	if hex.EncodeToString(whole.Sum(nil)) != c.SHA256 {
		return nil, c.Changed()
	}
	return digests, nil
}

// logbook writes the checkpoint while parts are being sent. One goroutine notes
// the newest state as fast as it can and the senders do not wait: at worst a
// part that the server lists anyway is missing from it.
type logbook struct {
	cp     storage.Checkpoint // or nil
	mu     sync.Mutex
	state  upload
	wake   chan struct{}
	done   chan struct{}
	failed error
	closed bool
}

func newLogbook(cp storage.Checkpoint, u upload) *logbook {
	b := &logbook{cp: cp, state: u, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b
}

func (b *logbook) run() {
	defer close(b.done)
	for range b.wake {
		if err := b.write(storage.Checkpoint.Note); err != nil {
			b.mu.Lock()
			b.failed = err
			b.mu.Unlock()
		}
	}
}

func (b *logbook) save() error { return b.write(storage.Checkpoint.Save) }

func (b *logbook) write(to func(storage.Checkpoint, []byte) error) error {
	if b.cp == nil {
		return nil
	}
	b.mu.Lock()
	text, err := json.Marshal(b.state)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return to(b.cp, text)
}

func (b *logbook) part(n int) (part, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.state.Parts[n]
	return p, ok
}

func (b *logbook) note(n int, p part) {
	b.mu.Lock()
	b.state.Parts[n] = p
	b.mu.Unlock()
	b.touch()
}

// touch wakes the saver.
func (b *logbook) touch() {
	select {
	case b.wake <- struct{}{}:
	default: // it has not begun with the last notice yet
	}
}

// completing notes that all parts are there.
func (b *logbook) completing() {
	b.mu.Lock()
	b.state.Completing = true
	b.mu.Unlock()
	b.touch()
}

// close waits for the last save. No part may be noted after it.
func (b *logbook) close() error {
	if !b.closed {
		b.closed = true
		close(b.wake)
	}
	<-b.done
	return b.failed
}

func (b *logbook) clear() error {
	if b.cp == nil {
		return nil
	}
	return b.cp.Clear()
}

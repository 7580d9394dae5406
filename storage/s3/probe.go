package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"dossier/storage"
)

// Probe implements [storage.Prober]. It finds out once in the life of a Store.
// The objects it makes are small, under names of their own, and removed.
func (s *Store) Probe(ctx context.Context) (storage.Capabilities, error) {
	if c := s.found.Load(); c != nil {
		return *c, nil
	}
	if c := s.remembered(); c != nil {
		s.found.Store(c)
		return *c, nil
	}
	p := &probe{Store: s, dir: storage.ProbeRoot + strings.ToLower(rand.Text()) + "/"}
	err := p.run(ctx)
	p.sweep(context.WithoutCancel(ctx))
	if err != nil {
		return p.c, err
	}
	s.found.Store(&p.c)
	return p.c, s.remember(p.c)
}

// memory is a file in Options.Memory.
type memory struct {
	Version      int                  `json:"version"` // 1
	Store        string               `json:"store"`
	Endpoint     string               `json:"endpoint"`
	Profile      string               `json:"profile"`
	At           time.Time            `json:"at"`
	Bare         bool                 `json:"bare"`
	Capabilities storage.Capabilities `json:"capabilities"`
}

const memoryTime = 7 * 24 * time.Hour

func (s *Store) memoryFile() string {
	name := sumOf([]byte(s.host + "\n" + s.URL() + "\n" + s.profile.Name + "\n" + s.opts.Encryption.Mode + s.opts.Encryption.KMSKey))
	return filepath.Join(s.opts.Memory, "probe-"+name[:16]+".json")
}

// remembered returns what an earlier run found, or nil.
func (s *Store) remembered() *storage.Capabilities {
	if s.opts.Memory == "" || s.opts.Now == nil {
		return nil
	}
	text, err := os.ReadFile(s.memoryFile())
	if err != nil {
		return nil
	}
	var m memory
	if json.Unmarshal(text, &m) != nil || m.Version != 1 || m.Store != s.URL() || m.Endpoint != s.host || m.Profile != s.profile.Name {
		return nil
	}
	if age := s.opts.Now().Sub(m.At); age < 0 || age > memoryTime {
		return nil
	}
	s.bare.Store(m.Bare)
	return &m.Capabilities
}

func (s *Store) remember(c storage.Capabilities) error {
	if s.opts.Memory == "" || s.opts.Now == nil {
		return nil
	}
	m := memory{Version: 1, Store: s.URL(), Endpoint: s.host, Profile: s.profile.Name, At: s.opts.Now().UTC(), Bare: s.bare.Load(), Capabilities: c}
	text, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(s.opts.Memory, 0o700)
	}
	if err == nil {
		err = storage.WriteFile(s.memoryFile(), text)
	}
	if err != nil {
		return storage.Fail(storage.LocalIO, "probe", "", err, map[string]string{"path": s.opts.Memory})
	}
	return nil
}

type probe struct {
	*Store
	dir string
	c   storage.Capabilities
}

// Three contents of one length, so that a size tells nothing.
var (
	probeBytes = bytes.Repeat([]byte("dossier probe A\n"), 300)
	otherBytes = bytes.Repeat([]byte("dossier probe B\n"), 300)
)

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (p *probe) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.plain, p.encrypted, p.exclusive, p.wrongDigest, p.framed, p.forged, p.parts, p.paging, p.bucketSettings} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) lies(key, how string) error {
	return &storage.Error{Code: storage.Lies, Op: "probe", Key: key, Args: map[string]string{"how": how, "host": p.host}}
}

// put sends body once in the form that Create uses, under the digest of
// claimed, and returns the server's refusal as such.
func (p *probe) put(ctx context.Context, core *minio.Core, key string, body, claimed []byte, conditional bool) (info minio.UploadInfo, refused bool, err error) {
	sum := sumOf(claimed)
	opts := minio.PutObjectOptions{DisableContentSha256: true, ServerSideEncryption: p.sse, UserMetadata: p.checksum(checksumHeader, base64Of(sum))}
	if conditional {
		opts.SetMatchETagExcept("*")
	}
	err = p.do(ctx, "probe", key, func(ctx context.Context) (err error) {
		info, err = core.PutObject(ctx, p.bucket, p.full(key), bytes.NewReader(body), int64(len(body)), "", sum, opts)
		refused = isRefusal(err)
		if refused && core != p.core || refused && (conditional || sumOf(body) != sum) {
			return nil // a refusal is what is hoped for
		}
		return err
	})
	return info, refused, err
}

// isRefusal reports an answer that says no, in contrast to none and to "later".
func isRefusal(err error) bool {
	var resp minio.ErrorResponse
	return errors.As(err, &resp) && (resp.StatusCode >= 400 && resp.StatusCode < 500 || resp.StatusCode == http.StatusNotImplemented) &&
		resp.StatusCode != http.StatusRequestTimeout && resp.StatusCode != http.StatusTooManyRequests
}

// reads compares what is under key with want.
func (p *probe) reads(ctx context.Context, key string, want []byte) (bool, error) {
	b, err := storage.ReadAll(ctx, p.Store, key, 1<<20)
	if err != nil && storage.CodeOf(err) != storage.Checksum {
		return false, err
	}
	return bytes.Equal(b, want), nil
}

func (p *probe) plain(ctx context.Context) error {
	key := p.dir + "object"
	info, _, err := p.put(ctx, p.core, key, probeBytes, probeBytes, false)
	if storage.CodeOf(err) == storage.Unsupported {
		p.bare.Store(true)
		info, _, err = p.put(ctx, p.core, key, probeBytes, probeBytes, false)
	}
	if storage.CodeOf(err) == storage.Unsupported && p.sse != nil {
		return p.noEncryption(key, err)
	}
	if err != nil {
		return err
	}
	same, err := p.reads(ctx, key, probeBytes)
	if err != nil {
		return err
	}
	if !same {
		return p.lies(key, "PUT")
	}
	p.c.ReturnsSHA256 = info.ChecksumSHA256 == base64Of(sumOf(probeBytes))
	return nil
}

// encrypted sees that a server which was asked to encrypt says that it did:
// some take no notice.
func (p *probe) encrypted(ctx context.Context) error {
	if p.sse == nil {
		return nil
	}
	key := p.dir + "object"
	info, err := p.head(ctx, "probe", key)
	if err != nil {
		return err
	}
	want, header := map[string]string{"sse-s3": "AES256", "sse-kms": "aws:kms", "sse-c": "AES256"}[p.opts.Encryption.Mode], "X-Amz-Server-Side-Encryption"
	if p.opts.Encryption.Mode == "sse-c" {
		header += "-Customer-Algorithm"
	}
	if info.Metadata.Get(header) != want {
		return p.noEncryption(key, nil)
	}
	return nil
}

func (p *probe) noEncryption(key string, err error) error {
	return &storage.Error{Code: storage.NoSSE, Op: "probe", Key: key, Args: map[string]string{"mode": p.opts.Encryption.Mode}, Err: err}
}

func (p *probe) exclusive(ctx context.Context) error {
	if p.profile.NoConditional {
		return nil
	}
	key := p.dir + "object"
	_, refused, err := p.put(ctx, p.core, key, otherBytes, otherBytes, true)
	if err != nil {
		return err
	}
	same, err := p.reads(ctx, key, probeBytes)
	if err != nil {
		return err
	}
	if refused && !same {
		return p.lies(key, "If-None-Match")
	}
	p.c.ExclusiveCreate = refused
	if !refused {
		return nil
	}
	// A server that refuses the header whatever is there is of no use either.
	fresh := p.dir + "fresh"
	_, refused, err = p.put(ctx, p.core, fresh, probeBytes, probeBytes, true)
	if err != nil || !refused {
		return err
	}
	// Or it is ours, and the acknowledgement of the first try was lost.
	p.c.ExclusiveCreate, err = p.reads(ctx, fresh, probeBytes)
	if storage.CodeOf(err) == storage.NotFound {
		return nil
	}
	return err
}

func (p *probe) wrongDigest(ctx context.Context) error {
	_, refused, err := p.put(ctx, p.core, p.dir+"wrong", otherBytes, probeBytes, false)
	p.c.RefusesWrongSHA256 = refused
	return err
}

// framed sends a body in the chunk framing with a trailing checksum that other
// tools use (STREAMING-UNSIGNED-PAYLOAD-TRAILER). A server that does not know
// it may say so; one that answers 200 and stores the framing as data lies, and
// whatever else it promises is not believed.
func (p *probe) framed(ctx context.Context) error {
	key := p.dir + "framed"
	core, err := p.client(p.creds, true)
	if err != nil {
		return err
	}
	refused := false
	err = p.do(ctx, "probe", key, func(ctx context.Context) error {
		_, err := core.PutObject(ctx, p.bucket, p.full(key), bytes.NewReader(probeBytes), int64(len(probeBytes)), "", "",
			minio.PutObjectOptions{ServerSideEncryption: p.sse, DisableContentSha256: true, Checksum: minio.ChecksumSHA256})
		if refused = isRefusal(err); refused {
			return nil
		}
		return err
	})
	if err != nil || refused {
		return err
	}
	same, err := p.reads(ctx, key, probeBytes)
	if err != nil {
		return err
	}
	if !same {
		return p.lies(key, "aws-chunked")
	}
	return nil
}

// client makes a second client for requests that Create never sends.
func (p *probe) client(creds *credentials.Credentials, trailers bool) (*minio.Core, error) {
	u := p.core.EndpointURL()
	secure := u.Scheme == "https"
	inner, err := httpTransport(secure)
	if err != nil {
		return nil, err
	}
	return minio.NewCore(u.Host, &minio.Options{
		Creds: creds, Secure: secure, Region: p.region, BucketLookup: p.profile.lookup,
		Transport: &transport{inner: inner, stall: p.opts.Stall}, MaxRetries: 1,
		TrailingHeaders: trailers,
	})
}

// forged signs with a wrong secret.
func (p *probe) forged(ctx context.Context) error {
	v, err := p.creds.GetWithContext(nil)
	if err != nil {
		return storage.Fail(storage.NoCredentials, "probe", "", err, nil)
	}
	core, err := p.client(credentials.NewStaticV4(v.AccessKeyID, "not"+v.SecretAccessKey[:len(v.SecretAccessKey)/2], v.SessionToken), false)
	if err != nil {
		return err
	}
	_, refused, err := p.put(ctx, core, p.dir+"forged", probeBytes, probeBytes, false)
	p.c.ChecksSignature = refused
	return err
}

func (p *probe) parts(ctx context.Context) error {
	key := p.dir + "parts"
	if err := p.onePart(ctx, key, probeBytes, false); err != nil {
		return err
	}
	same, err := p.reads(ctx, key, probeBytes)
	if err != nil {
		return err
	}
	if !same {
		return p.lies(key, "multipart")
	}
	p.c.Multipart = true
	if p.profile.NoConditional {
		return nil
	}
	err = p.onePart(ctx, key, otherBytes, true)
	switch storage.CodeOf(err) {
	case storage.Conflict:
		p.c.ExclusiveComplete = true
	case "", storage.Unsupported:
	default:
		return err
	}
	return nil
}

// onePart uploads body as the only part of an upload.
func (p *probe) onePart(ctx context.Context, key string, body []byte, conditional bool) error {
	var id string
	put := minio.PutObjectOptions{ServerSideEncryption: p.sse, UserMetadata: p.checksum(checksumAlgorithm, "SHA256")}
	err := p.do(ctx, "probe", key, func(ctx context.Context) (err error) {
		id, err = p.core.NewMultipartUpload(ctx, p.bucket, p.full(key), put)
		return err
	})
	if err != nil {
		return err
	}
	sum := sumOf(body)
	sent, err := p.putPart(ctx, "probe", key, id, 1, body, sum)
	if err != nil {
		return err
	}
	opts := p.completeOptions(conditional)
	done := []minio.CompletePart{p.completePart(1, part{SHA256: sum, ETag: sent.ETag})}
	err = p.do(ctx, "probe", key, func(ctx context.Context) error {
		_, err := p.core.CompleteMultipartUpload(ctx, p.bucket, p.full(key), id, done, opts)
		return err
	})
	switch storage.CodeOf(err) {
	case "":
	case storage.NotFound:
		// Completed by a try whose acknowledgement was lost.
		return nil
	default:
		_ = p.core.AbortMultipartUpload(context.WithoutCancel(ctx), p.bucket, p.full(key), id)
	}
	return err
}

// paging lists the probe's own objects one a page.
func (p *probe) paging(ctx context.Context) error {
	seen := map[string]bool{}
	opts := minio.ListObjectsOptions{Prefix: p.full(p.dir), Recursive: true, UseV1: p.profile.ListV1, MaxKeys: 1, FetchOwner: new(bool)}
	for info, err := range p.listInfos(ctx, p.dir, opts) {
		if storage.CodeOf(err) == storage.Unsupported {
			p.c.Notes = append(p.c.Notes, "paging")
			return nil
		}
		if err != nil {
			return err
		}
		seen[strings.TrimPrefix(info.Key, p.full(p.dir))] = true
	}
	p.c.Paging = seen["object"] && seen["parts"]
	return nil
}

// bucketSettings asks for versions, lifecycle rules and object lock.
func (p *probe) bucketSettings(ctx context.Context) (err error) {
	err = p.do(ctx, "probe", "", func(ctx context.Context) error {
		v, err := p.core.GetBucketVersioning(ctx, p.bucket)
		p.c.Versions = err == nil && v.Enabled()
		return err
	})
	if isPassing(err) {
		return err
	}
	err = p.do(ctx, "probe", "", func(ctx context.Context) error {
		rules, err := p.core.GetBucketLifecycle(ctx, p.bucket)
		if err != nil {
			return err
		}
		p.c.AbortsUploads = slices.ContainsFunc(rules.Rules, func(r lifecycle.Rule) bool {
			return r.Status == "Enabled" && r.AbortIncompleteMultipartUpload.DaysAfterInitiation > 0
		})
		return nil
	})
	if isPassing(err) {
		return err
	}
	p.c.ObjectLock, err = p.hasLock(ctx)
	return err
}

// sweep removes what the probe made. What it cannot remove, gc will.
func (p *probe) sweep(ctx context.Context) {
	for _, name := range []string{"object", "fresh", "wrong", "framed", "forged", "parts"} {
		if p.Remove(ctx, p.dir+name) != nil {
			return
		}
	}
}

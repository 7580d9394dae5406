// Package s3 is the object store: [storage.Store] on any S3-compatible server.
//
// The one form of request that stored the right bytes on every server tried is
// the one it uses: the SHA-256 of the body is computed beforehand, signed as
// x-amz-content-sha256 and sent as x-amz-checksum-sha256; no chunk framing, no
// trailers. Up to 16 MiB go in one PUT, more in parts of 16 MiB, four at a
// time. What the server answers is compared with what was sent; a server that
// gives no digest back, or is not known to check them, is read back.
//
// ETags are compared with nothing: they are MD5 in some stores, in some not.
//
// # Kinds of server
//
// A profile is chosen by name or by the server's host. The suite was run
// against MinIO and versitygw; the other rows rest on documentation, and Probe
// finds out what holds.
//
//	profile      AWS_ENDPOINT_URL                            bucket in   If-None-Match  list
//	aws          not set, AWS_REGION set                     host        yes            V2
//	aliyun-oss   https://s3.oss-{region}.aliyuncs.com        host        no             V2
//	tencent-cos  https://cos.{region}.myqcloud.com           host        no             V1
//	huawei-obs   https://obs.{region}.myhuaweicloud.com      host        no             V1
//	qiniu        https://s3.{region}.qiniucs.com             path        no             V2
//	ceph         https://your.host                           path        probed         V2
//	minio        https://your.host:9000                      path        probed         V2
//	generic      any other                                   path        probed         V2
//
// Without If-None-Match two publishers could replace each other's objects, so
// documents and receipts carry their digest in the name there. A domain of
// one's own that stands for one bucket (CNAME) is not supported.
package s3

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"dossier/storage"
)

// Options say how to reach the server. The zero value takes everything from
// the AWS variables and files and from the server's host.
type Options struct {
	// Profile names a kind of server ([Profiles]); "" to choose by host.
	Profile string
	// Endpoint is the server's address, "https://host[:port]"; "" for
	// AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, endpoint_url of the profile in
	// ~/.aws, or Amazon.
	Endpoint string
	// Region is "" for AWS_REGION, AWS_DEFAULT_REGION, region of the profile,
	// or what the host says.
	Region string
	// Encryption is what the server is asked to do with the bytes.
	Encryption Encryption
	// Now is the clock that is compared with the server's when the server says
	// that ours is wrong. Nil: the difference is not named.
	Now func() time.Time
	// Memory is a local folder where the answer of Probe is kept for a week,
	// so that not every run asks again; "" for none. It needs Now. A store that
	// lies is never remembered as one that does not.
	Memory string
	// OnRetry is told before every wait; it may be nil and may be called from
	// several goroutines at once.
	OnRetry func(Retry)

	// Attempts is how often one request is tried, 0 for 10.
	Attempts int
	// Stall is how long a connection may stand still, 0 for two minutes: a
	// slow line with full buffers looks so for a while.
	Stall time.Duration
	// Parallel is how many parts are sent at a time, 0 for 4.
	Parallel int
	// RetryUnit is the first wait between two tries, 0 for 250 ms. It doubles
	// each time up to 20 s, and the wait is a random part of it.
	RetryUnit time.Duration
}

// Retry is a notice that a request failed and will be sent again.
type Retry struct {
	Op, Key string
	Attempt int // the one that failed, from 1
	Wait    time.Duration
	Err     error
}

// Store is a bucket, or the part of it below a prefix.
type Store struct {
	core    *minio.Core
	creds   *credentials.Credentials
	bucket  string
	prefix  string // "" or ending in '/'
	host    string
	region  string
	profile Profile
	opts    Options
	sse     encrypt.ServerSide
	found   atomic.Pointer[storage.Capabilities] // by Probe
	buffers chan []byte
	skewed  atomic.Pointer[time.Duration]
	// answered: a request succeeded, so there is a bucket and we are let in.
	answered atomic.Bool
	// bare: the server refuses x-amz-checksum headers. The signed
	// x-amz-content-sha256 is all that it has then, and everything is read back.
	bare atomic.Bool
}

// Open returns the store at an s3://bucket/prefix URL. It reads variables and
// files, and sends nothing.
func Open(ctx context.Context, address string, opts Options) (*Store, error) {
	bucket, prefix, err := ParseURL(address)
	if err != nil {
		return nil, err
	}
	set, err := readSettings(opts, os.Getenv)
	if err != nil {
		return nil, err
	}
	sse, err := opts.Encryption.serverSide()
	if err != nil {
		return nil, err
	}
	if opts.Encryption.Mode == "sse-c" && set.endpoint.Scheme != "https" {
		return nil, &storage.Error{Code: storage.SSECInClear, Op: "open", Args: map[string]string{"url": set.endpoint.String()}}
	}
	setDefault(&opts.Attempts, 10)
	setDefault(&opts.Parallel, 4)
	setDefault(&opts.Stall, 2*time.Minute)
	setDefault(&opts.RetryUnit, 250*time.Millisecond)

	secure := set.endpoint.Scheme == "https"
	inner, err := httpTransport(secure)
	if err != nil {
		return nil, storage.Fail(storage.BadCert, "open", "", err, map[string]string{"host": set.endpoint.Host})
	}
	core, err := minio.NewCore(set.endpoint.Host, &minio.Options{
		Creds:        set.creds,
		Secure:       secure,
		Region:       set.region,
		BucketLookup: set.profile.lookup,
		Transport:    &transport{inner: inner, stall: opts.Stall, profile: set.profile},
		MaxRetries:   1, // Store.do tries again: it knows Retry-After and when to stop
	})
	if err != nil {
		return nil, storage.Fail(storage.BadURL, "open", "", err, map[string]string{"url": address})
	}
	core.SetAppInfo("dossier", "1")

	s := &Store{
		core: core, creds: set.creds, bucket: bucket, prefix: prefix, host: set.endpoint.Host,
		region: set.region, profile: set.profile, opts: opts, sse: sse,
		buffers: make(chan []byte, opts.Parallel+1),
	}
	for range cap(s.buffers) {
		s.buffers <- nil // filled on first use
	}
	return s, ctx.Err()
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// ParseURL takes s3://bucket/prefix apart. The prefix is "" or ends in '/'.
func ParseURL(address string) (bucket, prefix string, err error) {
	bad := func(why string) (string, string, error) {
		return "", "", &storage.Error{Code: storage.BadURL, Op: "open", Args: map[string]string{"url": address}, Err: fmt.Errorf("%s", why)}
	}
	u, perr := url.Parse(address)
	switch {
	case perr != nil:
		// The error of url.Parse would repeat the address with a password in it.
		return "", "", &storage.Error{Code: storage.BadURL, Op: "open", Args: map[string]string{"url": "s3://…"}}
	case u.User != nil:
		address = u.Redacted()
		return bad("credentials do not belong into the address")
	case u.Scheme != "s3" || u.Host == "":
		return bad("not of the form s3://bucket/prefix")
	case u.RawQuery != "" || u.Fragment != "" || u.Port() != "":
		return bad("a bucket and a prefix only: the server's address is AWS_ENDPOINT_URL")
	}
	if err := s3utils.CheckValidBucketName(u.Host); err != nil {
		return bad(err.Error())
	}
	prefix = strings.Trim(u.Path, "/")
	if prefix != "" {
		if err := storage.CheckKey(prefix); err != nil {
			return "", "", err
		}
		prefix += "/"
	}
	return u.Host, prefix, nil
}

// URL is s3://bucket/prefix, without a slash at the end.
func (s *Store) URL() string {
	return strings.TrimSuffix("s3://"+s.bucket+"/"+s.prefix, "/")
}

// Endpoint is the host that the store talks to.
func (s *Store) Endpoint() string { return s.host }

// Secure reports whether the connection is encrypted (https).
func (s *Store) Secure() bool { return s.core.EndpointURL().Scheme == "https" }

// Skew is how far the server's clock was ahead of Options.Now at its last
// answer, to the second; false where neither is known. Servers refuse requests
// that are 15 minutes off, and the end of a retention is by their clock.
func (s *Store) Skew() (time.Duration, bool) {
	d := s.skewed.Load()
	if d == nil {
		return 0, false
	}
	return *d, true
}

// Bucket is the bucket's name.
func (s *Store) Bucket() string { return s.bucket }

// ProfileName is the kind of server that was chosen.
func (s *Store) ProfileName() string { return s.profile.Name }

func (s *Store) full(key string) string { return s.prefix + key }

// conditional says how If-None-Match stands: known to hold, known not to, or
// not known.
func (s *Store) conditional() (known, holds bool) {
	if s.profile.NoConditional {
		return true, false
	}
	if c := s.found.Load(); c != nil {
		return true, c.ExclusiveCreate
	}
	return false, false
}

// proves reports whether a SHA-256 that the server gives back was compared by
// it with the bytes that it has.
func (s *Store) proves() bool {
	c := s.found.Load()
	return c != nil && c.ReturnsSHA256 && c.RefusesWrongSHA256
}

// MakeBucket makes the bucket, with object lock (and so with versions) if
// asked to. One that is ours already is no error.
func (s *Store) MakeBucket(ctx context.Context, objectLock bool) error {
	err := s.do(ctx, "make bucket", "", func(ctx context.Context) error {
		err := s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: s.region, ObjectLocking: objectLock})
		if code := minio.ToErrorResponse(err).Code; code == "BucketAlreadyOwnedByYou" {
			return nil
		}
		return err
	})
	return err
}

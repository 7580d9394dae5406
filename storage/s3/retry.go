package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/minio/minio-go/v7"

	"dossier/storage"
)

const (
	maxBackoff    = 20 * time.Second
	maxRetryAfter = time.Minute
)

// do runs one request until it succeeds, fails for good, or has been tried
// often enough. The error is an *storage.Error.
func (s *Store) do(ctx context.Context, op, key string, request func(context.Context) error) error {
	renewed := false
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return storage.Fail(storage.Cancelled, op, key, err, nil)
		}
		rctx, r := withReply(ctx)
		err := request(rctx)
		r.detach()
		if err == nil {
			s.answered.Store(true)
			s.compareClocks(r)
			return nil
		}
		if ctx.Err() != nil {
			return storage.Fail(storage.Cancelled, op, key, ctx.Err(), nil)
		}
		v := s.judge(op, key, err, r)
		if v.code() == storage.TokenExpired && !renewed {
			// The file or the role may have a new one by now.
			renewed = true
			s.creds.Expire()
			continue
		}
		if !v.again || attempt >= s.opts.Attempts || (v.tries > 0 && attempt >= v.tries) {
			return v.err
		}
		wait := s.wait(attempt, v.after)
		if s.opts.OnRetry != nil {
			s.opts.OnRetry(Retry{Op: op, Key: key, Attempt: attempt, Wait: wait, Err: v.err})
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// wait is a random time that grows with the attempt, and not less than what
// the server asked for.
func (s *Store) wait(attempt int, after time.Duration) time.Duration {
	top := min(s.opts.RetryUnit<<min(attempt-1, 20), maxBackoff)
	jitter := time.Duration(rand.Int64N(int64(top) + 1))
	if after > 0 {
		return min(after, maxRetryAfter) + jitter/4
	}
	return jitter
}

// verdict is what an error of one attempt means.
type verdict struct {
	err   error
	again bool
	tries int           // at most so many, 0: as many as usual
	after time.Duration // Retry-After
}

func (v verdict) code() storage.Code { return storage.CodeOf(v.err) }

// judge translates the error of an attempt.
func (s *Store) judge(op, key string, err error, r *reply) verdict {
	if storage.CodeOf(err) != "" {
		return verdict{err: err} // ours already: a local file, for example
	}
	fail := func(code storage.Code, args map[string]string) verdict {
		return verdict{err: &storage.Error{Code: code, Op: op, Key: key, Args: args, Err: err}}
	}
	again := func(code storage.Code, args map[string]string) verdict {
		v := fail(code, args)
		v.again, v.after = true, retryAfter(r)
		return v
	}
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) || resp.StatusCode == 0 && resp.Code == "" {
		if untrusted(err) {
			return fail(storage.BadCert, map[string]string{"host": s.host})
		}
		var wrong xml.UnmarshalError
		if errors.As(err, &wrong) {
			return fail(storage.Failed, map[string]string{"reason": "not an answer of S3", "status": "200"})
		}
		return again(storage.Unreachable, map[string]string{"host": s.host})
	}
	reason := map[string]string{"reason": resp.Code, "status": strconv.Itoa(resp.StatusCode)}
	switch resp.Code {
	case "RequestTimeTooSkewed":
		return fail(storage.ClockSkew, s.skew(r))
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return fail(storage.TokenExpired, nil)
	case "NoSuchBucket":
		return fail(storage.NoBucket, map[string]string{"bucket": s.bucket})
	case "NoSuchKey", "NoSuchUpload", "NoSuchVersion":
		return fail(storage.NotFound, reason)
	case "PreconditionFailed":
		return fail(storage.Conflict, reason)
	case "ConditionalRequestConflict", "OperationAborted":
		return again(storage.Busy, reason)
	case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidDigest", "IncompleteBody":
		v := again(storage.Checksum, reason) // bytes may be damaged on the way once
		v.tries = 3
		return v
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "UserQuotaExceeded":
		return fail(storage.Full, reason)
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion", "IllegalLocationConstraintException":
		return fail(storage.WrongRegion, map[string]string{"region": resp.Region, "reason": resp.Code})
	case "NotImplemented", "MethodNotAllowed", "APINotSupported":
		return fail(storage.Unsupported, map[string]string{"what": resp.Code})
	case "ObjectLocked", "InvalidObjectState":
		return fail(storage.Retained, reason)
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "InternalError", "ServiceUnavailable":
		return again(storage.Busy, reason)
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return fail(storage.NotFound, reason)
	case resp.StatusCode == http.StatusPreconditionFailed:
		return fail(storage.Conflict, reason)
	case resp.StatusCode == http.StatusInsufficientStorage:
		return fail(storage.Full, reason)
	case resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusUnauthorized:
		return fail(storage.Denied, reason)
	case resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500:
		return again(storage.Busy, reason)
	case resp.StatusCode == http.StatusMovedPermanently, resp.StatusCode == http.StatusTemporaryRedirect:
		return fail(storage.WrongRegion, map[string]string{"region": resp.Region, "reason": resp.Code})
	}
	return fail(storage.Failed, reason)
}

// untrusted reports an error of TLS that trying again does not mend.
func untrusted(err error) bool {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
	)
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &verify) || errors.As(err, &record)
}

// retryAfter reads the header (RFC 9110 §10.2.3) in its form of seconds; the
// form of a date needs a clock that may be the trouble.
func retryAfter(r *reply) time.Duration {
	n, err := strconv.Atoi(r.get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// compareClocks notes how far the clock of the server that answered is off.
func (s *Store) compareClocks(r *reply) {
	if s.opts.Now == nil {
		return
	}
	if server, err := http.ParseTime(r.get("Date")); err == nil {
		d := server.Sub(s.opts.Now()).Truncate(time.Second)
		s.skewed.Store(&d)
	}
}

// skew says what the two clocks show.
func (s *Store) skew(r *reply) map[string]string {
	args := map[string]string{"server": "?", "here": "?", "minutes": "?"}
	server, err := http.ParseTime(r.get("Date"))
	if err != nil {
		return args
	}
	args["server"] = server.UTC().Format(time.RFC3339)
	if s.opts.Now != nil {
		here := s.opts.Now().UTC()
		args["here"] = here.Format(time.RFC3339)
		args["minutes"] = strconv.Itoa(int(here.Sub(server).Abs().Round(time.Minute).Minutes()))
	}
	return args
}

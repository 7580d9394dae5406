package tsp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultTimeout = 20 * time.Second
	defaultTries   = 3
	firstPause     = time.Second
	maxReply       = 1 << 20 // bytes
)

// Client asks the authorities in order until one gives a good token.
type Client struct {
	Authorities []string       // URLs, http or https
	Roots       *x509.CertPool // trusted for timestamps; nil: the system's
	HTTP        *http.Client   // nil: http.DefaultClient
	Timeout     time.Duration  // for one authority, with all its tries; 0: 20 s
	Tries       int            // at one authority; 0: 3
	// Clock, if not zero, is the time that a token has to be near to. Signing
	// sets it to the time of signing.
	Clock time.Time
}

// clockDrift is how far a token may be from Clock.
const clockDrift = 10 * time.Minute

// ErrClock is the cause when token and local clock are too far apart.
var ErrClock = errors.New("tsp: the clock of this computer and the token differ by more than ten minutes")

// Token returns a checked token for a digest. The error joins what each
// authority did wrong.
func (c *Client) Token(ctx context.Context, digest [sha256.Size]byte) (*Token, error) {
	if len(c.Authorities) == 0 {
		return nil, errors.New("tsp: no authority is configured")
	}
	var errs []error
	for _, authority := range c.Authorities {
		t, err := c.ask(ctx, authority, digest)
		if err == nil {
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		errs = append(errs, fmt.Errorf("%s: %w", withoutSecrets(authority), err))
	}
	return nil, errors.Join(errs...)
}

// ask tries one authority a few times within its time limit. It waits as long
// as the authority says, if that is within the limit.
func (c *Client) ask(ctx context.Context, authority string, digest [sha256.Size]byte) (*Token, error) {
	timeout, tries := c.Timeout, c.Tries
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if tries == 0 {
		tries = defaultTries
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	pause := firstPause
	for try := 1; ; try++ {
		t, err := c.once(ctx, authority, digest)
		var again *retryError
		if err == nil || !errors.As(err, &again) || try == tries {
			return t, err
		}
		wait := pause
		if again.after > 0 {
			wait = again.after
		}
		pause *= 2
		if wait >= timeout {
			return nil, err // the next authority is quicker
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}

// retryError is a failure that may pass.
type retryError struct {
	err   error
	after time.Duration // 0: not said
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

func (c *Client) once(ctx context.Context, authority string, digest [sha256.Size]byte) (*Token, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, authority, bytes.NewReader(request(digest, nonce)))
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return nil, fmt.Errorf("tsp: scheme %q", req.URL.Scheme)
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", "application/timestamp-reply")
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which may hold a password
		}
		return nil, &retryError{err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("tsp: HTTP status %s", resp.Status)
		if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
			return nil, &retryError{err, retryAfter(resp.Header)}
		}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return nil, &retryError{err: err}
	}
	if len(body) > maxReply {
		return nil, errors.New("tsp: the reply is too large")
	}
	if ct, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); ct != "application/timestamp-reply" {
		return nil, fmt.Errorf("tsp: the reply is of type %q", ct)
	}
	return c.accept(body, authority, digest, nonce)
}

// retryAfter reads the Retry-After of a reply (RFC 9110 §10.2.3): seconds, or
// a date, which is taken by the sender's own clock where it states it. 0: none.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<20)) * time.Second
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(until.Sub(from), 0)
}

func (c *Client) accept(body []byte, authority string, digest [sha256.Size]byte, nonce *big.Int) (*Token, error) {
	der, err := response(body)
	if err != nil {
		return nil, err
	}
	t, err := Parse(der)
	if err != nil {
		return nil, err
	}
	if err := t.Check(digest, nonce, c.Roots); err != nil {
		return nil, err
	}
	if drift := t.Time.Sub(c.Clock).Abs(); !c.Clock.IsZero() && drift > clockDrift+t.Accuracy {
		return nil, ErrClock
	}
	t.Authority = withoutSecrets(authority)
	return t, nil
}

// withoutSecrets returns a URL without user, password and query.
func withoutSecrets(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "?"
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

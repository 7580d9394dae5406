package storagetest

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what a [Proxy] does to one request.
type Fault string

const (
	None           Fault = ""
	Reset          Fault = "reset"           // the connection is reset before anything is read
	HalfSent       Fault = "half-sent"       // reset in the middle of the request's body
	Stall          Fault = "stall"           // nothing happens any more
	HalfAnswered   Fault = "half-answered"   // done by the server; the answer breaks off
	LostAck        Fault = "lost-ack"        // done by the server; no answer
	InternalError  Fault = "internal-error"  // 500
	SlowDown       Fault = "slow-down"       // 503
	RetryAfter     Fault = "retry-after"     // 503 with Retry-After: 1
	ClockSkew      Fault = "clock-skew"      // 403 RequestTimeTooSkewed, the server's clock 20 minutes ahead
	ClockAhead     Fault = "clock-ahead"     // done; by the answer it is five minutes later
	ExpiredToken   Fault = "expired-token"   // 400
	DiskFull       Fault = "disk-full"       // 507
	NoSuchUpload   Fault = "no-such-upload"  // 404
	NotImplemented Fault = "not-implemented" // 501
	DamagedRequest Fault = "damaged-request" // one bit of the request's body is turned
	DamagedAnswer  Fault = "damaged-answer"  // one bit of the answer's body is turned
)

// Proxy stands between a store and its server and breaks things.
type Proxy struct {
	Server // Endpoint is the proxy's

	target *url.URL
	client *http.Client
	stop   chan struct{} // ends the stalled

	mu       sync.Mutex
	plan     func(*http.Request) Fault
	bodies   map[string]int64 // method and URI → bytes of requests that the server acknowledged
	requests map[string]int   // method and URI → how often it was asked for
	injected map[Fault]int
}

// StartProxy puts a proxy before srv. plan is asked before each request, by one
// goroutine at a time; nil breaks nothing.
func StartProxy(t testing.TB, srv Server, plan func(*http.Request) Fault) *Proxy {
	t.Helper()
	p, front := newProxy(t, srv, plan)
	front.Start()
	p.Endpoint = front.URL
	return p
}

// StartTLSProxy is StartProxy with TLS in front. Its certificate is trusted by
// whoever reads the returned PEM file (SSL_CERT_FILE), and by nobody else.
func StartTLSProxy(t testing.TB, srv Server) (p *Proxy, certFile string) {
	t.Helper()
	p, front := newProxy(t, srv, nil)
	front.StartTLS()
	p.Endpoint = front.URL
	certFile = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(certFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return p, certFile
}

func newProxy(t testing.TB, srv Server, plan func(*http.Request) Fault) (*Proxy, *httptest.Server) {
	t.Helper()
	target, err := url.Parse(srv.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Server: srv, target: target, plan: plan, stop: make(chan struct{}),
		bodies: map[string]int64{}, requests: map[string]int{}, injected: map[Fault]int{},
		client: &http.Client{
			Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
	front := httptest.NewUnstartedServer(p)
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust us is no news
	t.Cleanup(func() {
		close(p.stop)
		front.CloseClientConnections()
		front.Close()
		p.client.CloseIdleConnections()
	})
	return p, front
}

// Plan replaces the plan.
func (p *Proxy) Plan(plan func(*http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
}

// Once breaks the first request that match accepts, and no other.
func Once(f Fault, match func(*http.Request) bool) func(*http.Request) Fault {
	done := false
	return func(r *http.Request) Fault {
		if done || !match(r) {
			return None
		}
		done = true
		return f
	}
}

// Always breaks every request that match accepts.
func Always(f Fault, match func(*http.Request) bool) func(*http.Request) Fault {
	return func(r *http.Request) Fault {
		if match(r) {
			return f
		}
		return None
	}
}

// Chaos breaks a share of the requests, in an order that the seed fixes.
func Chaos(seed uint64, share float64, faults ...Fault) func(*http.Request) Fault {
	r := rand.New(rand.NewPCG(seed, seed))
	return func(*http.Request) Fault {
		if r.Float64() >= share {
			return None
		}
		return faults[r.IntN(len(faults))]
	}
}

// Kinds of request, for plans.
func IsPut(r *http.Request) bool { return r.Method == http.MethodPut && !r.URL.Query().Has("uploadId") }
func IsPart(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}
func IsComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}
func IsInitiate(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploads")
}
func IsGet(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.RawQuery == "" }
func IsAny(*http.Request) bool   { return true }

// Acknowledged returns how many bytes of bodies the server has taken in
// requests that match, as it said itself.
func (p *Proxy) Acknowledged(match func(*http.Request) bool) int64 { return sum(p, p.bodies, match) }

// Count returns how many requests that match came.
func (p *Proxy) Count(match func(*http.Request) bool) int { return sum(p, p.requests, match) }

func sum[N int | int64](p *Proxy, of map[string]N, match func(*http.Request) bool) (n N) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, k := range of {
		method, uri, _ := strings.Cut(id, " ")
		if u, err := url.ParseRequestURI(uri); err == nil && match(&http.Request{Method: method, URL: u}) {
			n += k
		}
	}
	return n
}

// Injected says how often each fault was put in.
func (p *Proxy) Injected() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[Fault]int{}
	for f, n := range p.injected {
		all[f] = n
	}
	return all
}

// ServeHTTP breaks the request as planned, or passes it on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	fault := None
	if p.plan != nil {
		fault = p.plan(r)
	}
	p.injected[fault]++
	p.requests[r.Method+" "+r.URL.RequestURI()]++
	p.mu.Unlock()

	switch fault {
	case Reset:
		cut(w)
		return
	case HalfSent:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		cut(w)
		return
	case Stall:
		select {
		case <-p.stop:
		case <-r.Context().Done():
		}
		cut(w)
		return
	case InternalError:
		refuse(w, r, http.StatusInternalServerError, "InternalError")
		return
	case SlowDown:
		refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
		return
	case RetryAfter:
		w.Header().Set("Retry-After", "1")
		refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
		return
	case ClockSkew:
		w.Header().Set("Date", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat))
		refuse(w, r, http.StatusForbidden, "RequestTimeTooSkewed")
		return
	case ExpiredToken:
		refuse(w, r, http.StatusBadRequest, "ExpiredToken")
		return
	case NotImplemented:
		refuse(w, r, http.StatusNotImplemented, "NotImplemented")
		return
	case NoSuchUpload:
		refuse(w, r, http.StatusNotFound, "NoSuchUpload")
		return
	case DiskFull:
		refuse(w, r, http.StatusInsufficientStorage, "XMinioStorageFull")
		return
	}
	resp, sent, err := p.forward(r, fault)
	if err != nil {
		cut(w)
		return
	}
	defer resp.Body.Close()
	if fault == LostAck {
		_, _ = io.Copy(io.Discard, resp.Body)
		cut(w)
		return
	}
	if resp.StatusCode < 300 {
		p.mu.Lock()
		p.bodies[r.Method+" "+r.URL.RequestURI()] += sent
		p.mu.Unlock()
	}
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	if fault == ClockAhead {
		w.Header().Set("Date", time.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat))
	}
	if resp.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	w.WriteHeader(resp.StatusCode)
	switch fault {
	case HalfAnswered:
		if resp.ContentLength > 0 {
			_, _ = io.CopyN(w, resp.Body, resp.ContentLength/2)
		}
		_ = http.NewResponseController(w).Flush()
		cut(w)
	case DamagedAnswer:
		_, _ = io.Copy(w, &damaged{r: resp.Body})
	default:
		if _, err := io.Copy(w, resp.Body); err != nil {
			cut(w)
		}
	}
}

// forward sends the request to the server and returns how long its body was.
func (p *Proxy) forward(r *http.Request, fault Fault) (*http.Response, int64, error) {
	body := &counted{r: r.Body}
	if fault == DamagedRequest {
		body.r = &damaged{r: r.Body}
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target.Scheme+"://"+p.target.Host+r.URL.RequestURI(), body)
	if err != nil {
		return nil, 0, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Expect")
	out.Host = r.Host // it is signed
	out.ContentLength = r.ContentLength
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	resp, err := p.client.Do(out)
	return resp, body.n.Load(), err
}

// counted counts what was read. The server may answer before it has read all.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// damaged turns a bit of the first byte.
type damaged struct {
	r    io.Reader
	done bool
}

func (d *damaged) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	if n > 0 && !d.done {
		b[0] ^= 1
		d.done = true
	}
	return n, err
}

// cut resets the client's connection.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>injected</Message><Resource>/</Resource><RequestId>1</RequestId></Error>`, code)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

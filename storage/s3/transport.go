package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
)

// errStalled is the cause when a connection stood still for too long.
var errStalled = errors.New("the connection stood still")

// reply is what one attempt leaves behind that minio-go does not hand out.
type reply struct {
	mu     sync.Mutex
	header http.Header
	bodies []*guardedBody
}

type replyKey struct{}

func withReply(ctx context.Context) (context.Context, *reply) {
	r := &reply{}
	return context.WithValue(ctx, replyKey{}, r), r
}

func (r *reply) get(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.header.Get(name)
}

// detach makes sure that nobody reads the bodies of the attempt any more:
// net/http may go on reading one after the answer came, and the buffer behind
// it is about to hold another part.
func (r *reply) detach() {
	r.mu.Lock()
	bodies := r.bodies
	r.mu.Unlock()
	for _, b := range bodies {
		b.Close()
	}
}

// transport adds to http.Transport a watchdog for connections that stand
// still, in whichever direction, and keeps the header of the answer.
type transport struct {
	inner   *http.Transport
	stall   time.Duration
	profile Profile
}

// httpTransport is what minio-go would use; the watchdog of transport takes the
// place of its timeout for headers, for bodies too.
func httpTransport(secure bool) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	t.ResponseHeaderTimeout = 0
	if dial != nil {
		t.DialContext = dial
	}
	return t, nil
}

// dial is for tests that look at what goes to a host of somebody else's.
var dial func(ctx context.Context, network, address string) (net.Conn, error)

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	dog := time.AfterFunc(t.stall, func() { cancel(errStalled) })
	r, _ := req.Context().Value(replyKey{}).(*reply)

	out := req.WithContext(ctx)
	if t.profile.forbid != "" && creates(req) {
		out.Header = req.Header.Clone()
		out.Header.Set(t.profile.forbid, "true")
	}
	if req.Body != nil && req.Body != http.NoBody {
		g := &guardedBody{body: req.Body, touch: func(sent bool) {
			// What was read may be megabytes ahead of a slow line, in the
			// buffer of the connection.
			if sent {
				dog.Reset(2 * t.stall)
			} else {
				dog.Reset(t.stall)
			}
		}}
		if r != nil {
			r.mu.Lock()
			r.bodies = append(r.bodies, g)
			r.mu.Unlock()
		}
		out.Body = g
	}
	resp, err := t.inner.RoundTrip(out)
	dog.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errStalled) {
			err = errStalled
		}
		cancel(nil)
		return nil, err
	}
	if r != nil {
		r.mu.Lock()
		r.header = resp.Header
		r.mu.Unlock()
	}
	resp.Body = &watchedBody{body: resp.Body, ctx: ctx, cancel: cancel, stall: t.stall}
	return resp, nil
}

// creates reports a PUT of an object or the completion of one in parts.
func creates(req *http.Request) bool {
	q := req.URL.Query()
	return req.Method == http.MethodPut && !q.Has("partNumber") || req.Method == http.MethodPost && q.Has("uploadId")
}

// guardedBody is a request body that can be taken away.
type guardedBody struct {
	mu     sync.Mutex
	body   io.ReadCloser
	closed bool
	touch  func(sent bool) // before each Read, and at the end
}

func (g *guardedBody) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	g.touch(false)
	n, err := g.body.Read(p)
	if err == io.EOF {
		g.touch(true)
	}
	return n, err
}

func (g *guardedBody) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	return g.body.Close()
}

// watchedBody is a response body that must not stand still while it is read.
type watchedBody struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
}

func (w *watchedBody) Read(p []byte) (int, error) {
	dog := time.AfterFunc(w.stall, func() { w.cancel(errStalled) })
	n, err := w.body.Read(p)
	dog.Stop()
	if err != nil && err != io.EOF && errors.Is(context.Cause(w.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (w *watchedBody) Close() error {
	err := w.body.Close()
	w.cancel(nil)
	return err
}

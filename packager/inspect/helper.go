package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	"dossier/packager"
)

// A parser that overflows its stack, eats all memory or never ends cannot be
// stopped from inside a Go program. So foreign bytes are parsed in a process of
// its own, Options.Helper, which the Inspector kills and starts anew. Requests
// and answers are lines of JSON. When the helper dies, each file that was in it
// gets another one to itself, so that only the culprit is given up.

// request asks the helper about one file.
type request struct {
	ID    uint64
	Abs   []byte // a path need not be UTF-8
	Bytes int64
	Want  want
}

// answer is what the helper found.
type answer struct {
	ID    uint64
	Facts *facts
}

// outOfMemory is the exit status of a helper that would have grown too big.
const outOfMemory = 3

// lastWords is how long Serve waits for the programs that its parsers have
// started, once nobody waits for its answers any more.
const lastWords = time.Second

// Serve is the other end of Options.Helper: it reads the options and then
// requests from in, and writes answers to out, until in ends, as it does when
// the parent dies: then what is being parsed is given up. Nothing else may be
// written to out. The process ends with exit when it grows over
// Limits.Process. What options cannot carry over a pipe is given here.
func Serve(ctx context.Context, in io.Reader, out io.Writer, signatures SignatureReader, exit func(code int)) error {
	lines := bufio.NewReader(in)
	var opt Options
	if err := readLine(lines, &opt); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	opt.Helper, opt.Signatures = nil, signatures
	x := New(opt)
	defer x.Close()
	go watchMemory(ctx, x.opt.Limits.Process, func() { exit(outOfMemory) })

	var mu sync.Mutex
	w := json.NewEncoder(out)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer func() {
		cancel()
		done := make(chan struct{})
		go func() { running.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(lastWords): // a parser that does not listen
		}
	}()
	for {
		var q request
		if err := readLine(lines, &q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		running.Go(func() {
			f := x.fenced(ctx, packager.Material{Abs: string(q.Abs), Bytes: q.Bytes}, q.Want)
			mu.Lock()
			defer mu.Unlock()
			if err := w.Encode(answer{q.ID, f}); err != nil { // nothing was written: a value that JSON has no form for
				bad := &facts{Media: kindOther.media, Form: packager.FormOther}
				bad.fatal("PARSER_FAILED", packager.Args{"reason": brief(err.Error())})
				_ = w.Encode(answer{q.ID, bad}) // a parent that is gone has ended in, too
			}
		})
	}
}

// lineBytes bounds a request or an answer: the facts about one file are few.
const lineBytes = 4 << 20

func readLine(r *bufio.Reader, v any) error {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > lineBytes {
			return errors.New("line too long")
		}
		switch {
		case err == nil && line == nil:
			return json.Unmarshal(part, v)
		case err == nil:
			return json.Unmarshal(append(line, part...), v)
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
		line = append(line, part...)
	}
}

// watchMemory calls stop when the process holds more than limit bytes.
func watchMemory(ctx context.Context, limit int64, stop func()) {
	if soft := limit * 3 / 4; debug.SetMemoryLimit(-1) > soft { // the collector tries harder first
		debug.SetMemoryLimit(soft)
	}
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(s)
		if s[0].Value.Uint64()-s[1].Value.Uint64() > uint64(limit) {
			stop()
			return
		}
	}
}

// helper keeps one helper process going.
type helper struct {
	argv  []string
	opt   Options
	alone sync.RWMutex // held for writing by a file that has the helper to itself

	mu      sync.Mutex
	current *process
}

// process is one run of the helper.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan *facts
	gone    chan struct{} // closed when it has ended
	err     error         // how, after gone
}

var (
	errGone    = errors.New("the helper ended")
	errNoStart = errors.New("the helper cannot be started")
)

// look asks the helper about a file, twice if it dies meanwhile. It returns
// nil when there is no helper to ask.
func (h *helper) look(ctx context.Context, m packager.Material, w want, limit time.Duration) *facts {
	h.alone.RLock()
	f, err := h.ask(ctx, m, w, limit)
	h.alone.RUnlock()
	if err == nil || ctx.Err() != nil || errors.Is(err, errNoStart) {
		return f
	}
	h.alone.Lock()
	defer h.alone.Unlock()
	h.end(nil)
	f, err = h.ask(ctx, m, w, limit)
	if err == nil || ctx.Err() != nil {
		return f
	}
	f = &facts{Media: kindOther.media, Form: packager.FormOther}
	var status *exec.ExitError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.fatal("FILE_TOO_SLOW", packager.Args{"seconds": fmt.Sprint(int(limit.Seconds()))})
	case errors.As(err, &status) && status.ExitCode() == outOfMemory:
		f.fatal("FILE_TOO_HUNGRY", packager.Args{"limit": megabytes(h.opt.Limits.Process)})
	default:
		f.fatal("PARSER_FAILED", packager.Args{"reason": brief(err.Error())})
	}
	return f
}

// ask sends one request and waits for its answer. When the time is over the
// helper is killed.
func (h *helper) ask(ctx context.Context, m packager.Material, w want, limit time.Duration) (*facts, error) {
	p, err := h.running()
	if err != nil {
		return nil, err
	}
	id, reply, err := p.send(m, w)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(limit + limit/2) // its own fence comes first
	defer timer.Stop()
	select {
	case f := <-reply:
		if f.runaway() {
			h.end(p) // the goroutine that ran out of time is still at it
		}
		return f, nil
	case <-p.gone:
		return nil, p.err
	case <-timer.C:
		h.end(p)
		return nil, context.DeadlineExceeded
	case <-ctx.Done():
		p.forget(id)
		return nil, ctx.Err()
	}
}

func (f *facts) runaway() bool {
	return slices.ContainsFunc(f.Problems, func(p problem) bool { return p.Code == "FILE_TOO_SLOW" })
}

// running returns the helper, started if need be.
func (h *helper) running() (*process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.current; p != nil {
		select {
		case <-p.gone:
		default:
			return p, nil
		}
	}
	p, err := start(h.argv, h.opt)
	if err == nil {
		h.current = p
	}
	return p, err
}

// end kills a process; nil means the current one.
func (h *helper) end(p *process) {
	h.mu.Lock()
	if p == nil {
		p = h.current
	}
	h.mu.Unlock()
	if p != nil {
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// dismiss ends the helper by ending its input, so that what it has started
// ends before it does.
func (h *helper) dismiss() {
	if h == nil {
		return
	}
	h.mu.Lock()
	p := h.current
	h.current = nil
	h.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.in.Close()
	select {
	case <-p.gone:
	case <-time.After(2 * lastWords):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

func start(argv []string, opt Options) (*process, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = passed(os.Environ())
	tether(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoStart, err)
	}
	p := &process{cmd: cmd, in: in, waiting: map[uint64]chan *facts{}, gone: make(chan struct{})}
	go p.listen(out)
	b, err := json.Marshal(opt)
	if err == nil {
		_, err = in.Write(append(b, '\n'))
	}
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, err
	}
	return p, nil
}

// passed is what the helper gets to see of the environment: no keys.
func passed(environment []string) []string {
	var out []string
	for _, e := range environment {
		name, _, _ := strings.Cut(e, "=")
		switch strings.ToUpper(name) {
		case "PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "TESSDATA_PREFIX", "SYSTEMROOT", "GOCOVERDIR", "GOMAXPROCS", "GOMEMLIMIT", HelperVariable:
			out = append(out, e)
		}
	}
	return out
}

// HelperVariable may be set in the environment of a program whose Helper is
// the program itself; it is passed on.
const HelperVariable = "DOSSIER_INSPECT_HELPER"

// listen hands the answers to those who wait for them, until the helper ends.
func (p *process) listen(out io.Reader) {
	err := p.dispatch(out)
	_ = p.cmd.Process.Kill() // it has ended, or talks nonsense
	if p.err = p.cmd.Wait(); p.err == nil {
		p.err = fmt.Errorf("%w: %w", errGone, err)
	}
	close(p.gone)
}

func (p *process) dispatch(out io.Reader) error {
	r := bufio.NewReader(out)
	for {
		var a answer
		if err := readLine(r, &a); err != nil {
			return err
		}
		p.mu.Lock()
		if c := p.waiting[a.ID]; c != nil && a.Facts != nil {
			c <- a.Facts
			delete(p.waiting, a.ID)
		}
		p.mu.Unlock()
	}
}

func (p *process) send(m packager.Material, w want) (uint64, chan *facts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	reply := make(chan *facts, 1)
	p.waiting[p.last] = reply
	b, err := json.Marshal(request{p.last, []byte(m.Abs), m.Bytes, w})
	if err == nil {
		_, err = p.in.Write(append(b, '\n'))
	}
	return p.last, reply, err
}

func (p *process) forget(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

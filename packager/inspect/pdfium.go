package inspect

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	pdfiumapi "github.com/klippa-app/go-pdfium"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
)

// pdfium is the PDF engine of Chromium as WebAssembly. It is started when it
// is first needed (it takes seconds, less when its compilation is cached) and
// runs inside limits of memory that a hostile file cannot leave.
type pdfium struct {
	cacheDir string
	mu       sync.Mutex // one document at a time
	once     sync.Once
	pool     pdfiumapi.Pool
	err      error
}

func newPdfium(cacheDir string) *pdfium { return &pdfium{cacheDir: cacheDir} }

// memoryPages bounds the memory of the engine: pages of 64 KiB, 256 MiB in all.
const memoryPages = 256 << 20 / (64 << 10)

func (p *pdfium) start() error {
	p.once.Do(func() {
		conf := wazero.NewRuntimeConfig().WithMemoryLimitPages(memoryPages).WithCloseOnContextDone(true)
		if p.cacheDir != "" {
			if c, err := wazero.NewCompilationCacheWithDir(p.cacheDir); err == nil { // makes the folder
				conf = conf.WithCompilationCache(c)
			}
		}
		p.pool, p.err = webassembly.Init(webassembly.Config{
			MaxTotal: 1, RuntimeConfig: conf, FSConfig: wazero.NewFSConfig(), Stdout: io.Discard, Stderr: io.Discard,
		})
	})
	return p.err
}

func (p *pdfium) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool == nil {
		return nil
	}
	return p.pool.Close()
}

// document is an open PDF. It holds the engine until it is closed.
type document struct {
	p      *pdfium
	engine pdfiumapi.Pdfium
	ref    references.FPDF_DOCUMENT
	pages  int
	stop   func() bool
}

// open opens a PDF with the empty password. When ctx ends, the engine is
// killed and every call returns an error.
func (p *pdfium) open(ctx context.Context, b []byte) (*document, error) {
	p.mu.Lock()
	d := &document{p: p, stop: func() bool { return true }}
	if err := p.start(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	engine, err := p.pool.GetInstanceWithContext(ctx)
	if err != nil {
		p.mu.Unlock()
		return nil, err
	}
	d.engine = engine
	d.stop = context.AfterFunc(ctx, func() { _ = engine.Kill() })
	empty := ""
	res, err := engine.OpenDocument(&requests.OpenDocument{File: &b, Password: &empty})
	if err != nil {
		d.close()
		if errors.Is(err, pdfiumerrors.ErrPassword) || strings.Contains(err.Error(), "password") {
			return nil, errPassword
		}
		return nil, err
	}
	d.ref = res.Document
	count, err := engine.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.ref})
	if err != nil {
		d.close()
		return nil, err
	}
	d.pages = count.PageCount
	return d, nil
}

func (d *document) close() {
	if d.stop() { // else it has been killed
		_ = d.engine.Close()
	}
	d.p.mu.Unlock()
}

// text returns the text layer of a page, counted from 0.
func (d *document) text(page int) (string, error) {
	res, err := d.engine.GetPageText(&requests.GetPageText{
		Page: requests.Page{ByIndex: &requests.PageByIndex{Document: d.ref, Index: page}},
	})
	if err != nil {
		return "", err
	}
	return res.Text, nil
}

package verify

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
)

const (
	workbookName = "audit.xlsx"
	stateDir     = ".dossier" // of a case, with its living log
)

// history is an audit log that holds.
type history struct {
	events []event
	head   string
}

// maxLog bounds a log that is kept in memory.
const maxLog = 256 << 20

// copyOfLog checks the log beside the bundle against the head in the receipt;
// nil when it does not hold.
func (f *findings) copyOfLog(path string, s *sealed) (*history, error) {
	file, _, err := openRegular(path)
	if err != nil {
		return nil, nil // the digest check has said so
	}
	defer file.Close()
	h, err := readHistory(file)
	switch {
	case err != nil:
		f.fail("events.chain", "VERIFY_EVENTS", eventsName, err, nil)
		return nil, nil
	case h.head != s.receipt.EventsHead:
		f.add(false, "events.chain", "VERIFY_EVENTS_HEAD", eventsName, nil)
		return nil, nil
	}
	f.add(true, "events.chain", "VERIFY_EVENTS_OK", eventsName, packager.Args{"n": itoa(len(h.events)), "head": h.head})
	return h, nil
}

func readHistory(r io.Reader) (*history, error) {
	h := &history{}
	var err error
	all := &io.LimitedReader{R: r, N: maxLog + 1}
	signers := map[string]*x509.Certificate{} // each once: they are few
	h.head, _, err = walkEvents(all, func(e event) {
		if e.sealer != nil {
			one, ok := signers[string(e.sealer.Raw)]
			if !ok {
				one = e.sealer
				signers[string(one.Raw)] = one
			}
			e.sealer = one
		}
		h.events = append(h.events, e)
	})
	if all.N == 0 {
		err = because("event.large")
	}
	return h, err
}

// find returns the number of the event with a hash, 0 if there is none.
func (h *history) find(hash string) int {
	return 1 + slices.IndexFunc(h.events, func(e event) bool { return e.hash == hash })
}

// printedHead looks up the head that the visible signature shows: it was signed
// with the PDF, so that the log cannot have another past. It returns the number
// of its event, 0 for none.
func (f *findings) printedHead(path string, h *history) int {
	file, size, err := openRegular(path)
	if err != nil {
		return 0 // the digest check has said so
	}
	defer file.Close()
	printed, err := printedOf(file, size)
	if err != nil {
		return 0 // the check of the PDF has said so
	}
	printed = slices.DeleteFunc(printed, f.isCertificate)
	last := 0
	for _, head := range printed {
		n := h.find(head)
		if n == 0 {
			f.add(false, "events.printed", "VERIFY_PRINTED_HEAD", eventsName, packager.Args{"head": head})
			return 0
		}
		last = max(last, n)
	}
	if last == 0 {
		f.add(true, "events.printed", "VERIFY_PRINTED_NONE", eventsName, nil)
		return 0
	}
	f.add(true, "events.printed", "VERIFY_PRINTED_OK", eventsName, packager.Args{"line": itoa(last), "head": h.events[last-1].hash})
	return last
}

// isCertificate reports whether a digest is the fingerprint of a signer.
func (f *findings) isCertificate(digest string) bool {
	return slices.ContainsFunc(f.v.Signatures, func(s packager.SignatureReport) bool { return s.SHA256Fingerprint == digest })
}

// workbook holds the chain that the workbook shows against the log and the
// printed head.
func (f *findings) workbook(path string, h *history, printed int) {
	rows, err := chainOfWorkbook(path, len(h.events)+1)
	var c *cause
	if err != nil && !errors.As(err, &c) {
		return // the digest check has said so
	}
	if err == nil {
		err = h.shows(rows, printed)
	}
	if err != nil {
		f.fail("workbook.chain", "VERIFY_WORKBOOK", workbookName, err, nil)
		return
	}
	f.add(true, "workbook.chain", "VERIFY_WORKBOOK_OK", workbookName, packager.Args{"n": itoa(len(rows))})
}

// link is a row of the workbook's sheet of events.
type link struct{ seq, prev, hash string }

// shows holds rows against the log: each is its event, and they go on to where
// the workbook was written, which is before the bundle was stored.
func (h *history) shows(rows []link, printed int) error {
	for i, r := range rows {
		if i == len(h.events) || r != (link{itoa(i + 1), h.prev(i), h.events[i].hash}) {
			return because("workbook.row", "row", itoa(i+2))
		}
	}
	n := len(rows)
	if n < printed || n < len(h.events) && h.events[n].what != "stored" {
		return because("workbook.cut", "n", itoa(n))
	}
	return nil
}

func (h *history) prev(i int) string {
	if i == 0 {
		return genesis
	}
	return h.events[i-1].hash
}

// Bounds on hostile workbooks.
const (
	maxDirectory = 4 << 20   // of the ZIP: it is read into memory whole
	maxSheets    = 128 << 20 // all sheets together, unpacked
	maxRow       = 4 << 20
)

// metered is a source that ends with an error when more is read than it may.
type metered struct {
	r    io.ReaderAt
	left int64
}

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, because("workbook.damaged")
	}
	return m.r.ReadAt(p, off)
}

// rowReader gives a sheet out row by row, none longer than maxRow and all
// together no longer than all.
type rowReader struct {
	r        io.Reader
	row, all *int64
}

func (b rowReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p[:min(int64(len(p)), 4<<10)])
	*b.row -= int64(n)
	*b.all -= int64(n)
	if *b.row < 0 || *b.all < 0 {
		return 0, because("workbook.damaged")
	}
	return n, err
}

// chainOfWorkbook reads the rows of the sheet of events, most of them at most:
// the sheet whose second row has the previous hash of a first event. The hash
// stands right of it, the number first.
func chainOfWorkbook(path string, most int) ([]link, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return chainOf(file, size, most)
}

func chainOf(r io.ReaderAt, size int64, most int) ([]link, error) {
	m := &metered{r, maxDirectory}
	z, err := zip.NewReader(m, size)
	if err != nil {
		return nil, because("workbook.damaged")
	}
	m.left = math.MaxInt64
	left := int64(maxSheets)
	for _, file := range z.File {
		if !strings.HasPrefix(file.Name, "xl/worksheets/sheet") {
			continue
		}
		rows, err := chainOfSheet(file, &left, most)
		if err != nil || len(rows) > 0 {
			return rows, err
		}
	}
	return nil, because("workbook.none")
}

func chainOfSheet(file *zip.File, left *int64, most int) ([]link, error) {
	r, err := file.Open()
	if err != nil {
		return nil, because("workbook.damaged")
	}
	defer r.Close()
	row := new(int64)
	d := xml.NewDecoder(rowReader{r, row, left})
	var out []link
	var prev string // the column with the previous hash
	for n, depth := 0, 0; ; {
		*row = maxRow
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if err != nil || depth > maxDepth {
			return nil, because("workbook.damaged")
		}
		start, ok := t.(xml.StartElement)
		if !ok || start.Name.Local != "row" {
			continue
		}
		var cells sheetRow
		if err := d.DecodeElement(&cells, &start); err != nil {
			return nil, because("workbook.damaged")
		}
		depth--
		switch n++; n {
		case 1:
			continue
		case 2:
			if prev = cells.columnOf(genesis); len(prev) != 1 {
				return nil, nil // another sheet
			}
		}
		if out = append(out, link{cells.at("A"), cells.at(prev), cells.at(string(prev[0] + 1))}); len(out) == most {
			return out, nil
		}
	}
}

// sheetRow is a row of SpreadsheetML (ECMA-376 18.3.1.73).
type sheetRow struct {
	Cells []sheetCell `xml:"c"`
}

type sheetCell struct {
	Ref    string   `xml:"r,attr"` // "K2"
	Value  string   `xml:"v"`
	Inline []string `xml:"is>t"`
}

func (c sheetCell) text() string { return c.Value + strings.Join(c.Inline, "") }

func (c sheetCell) column() string { return strings.TrimRight(c.Ref, "0123456789") }

func (r sheetRow) columnOf(text string) string {
	for _, c := range r.Cells {
		if c.text() == text {
			return c.column()
		}
	}
	return ""
}

func (r sheetRow) at(column string) string {
	for _, c := range r.Cells {
		if c.column() == column {
			return c.text()
		}
	}
	return ""
}

// livingLog holds the log that goes on in the case folder against its copy
// beside the bundle: what was added since has to follow, and what is sealed of
// it has to be sealed by who signed the bundle.
func (f *findings) livingLog(caseDir, dir string, s *sealed, h *history) error {
	target := stateDir + "/" + eventsName
	file, _, err := openRegular(filepath.Join(caseDir, stateDir, eventsName))
	if errors.Is(err, fs.ErrNotExist) {
		f.add(true, "log", "VERIFY_LOG_ABSENT", target, nil)
		return nil
	}
	if err != nil {
		f.fail("log", "VERIFY_FILE_UNREADABLE", target, err, nil)
		return nil
	}
	defer file.Close()
	same, err := beginsWith(file, filepath.Join(dir, eventsName))
	if err != nil {
		return err
	}
	if !same {
		f.add(false, "log", "VERIFY_LOG_DIFFERS", target, nil)
		return nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	all, err := readHistory(file)
	if err != nil {
		f.fail("log", "VERIFY_LOG", target, err, nil)
		return nil
	}
	f.later(all, len(h.events), s, target)
	return nil
}

// later judges the events after the first n.
func (f *findings) later(all *history, n int, s *sealed, target string) {
	args := packager.Args{"n": itoa(len(all.events)), "more": itoa(len(all.events) - n)}
	f.add(true, "log", "VERIFY_LOG_OK", target, args)
	sealed := n
	for _, e := range all.events[n:] {
		f.stored = max(f.stored, e.number)
		if e.sealer == nil {
			continue
		}
		if who := fingerprint(e.sealer); who != s.receipt.Signature.SHA256Fingerprint && !f.isCertificate(who) {
			f.add(false, "log.seal", "VERIFY_LOG_SEAL", target, packager.Args{"line": itoa(e.seq), "signer": nameOf(e.sealer), "fingerprint": who})
			return
		}
		sealed = e.seq
	}
	if sealed > n {
		f.add(true, "log.seal", "VERIFY_LOG_SEALED", target, packager.Args{"line": itoa(sealed)})
	}
	if left := len(all.events) - sealed; left > 0 {
		f.add(true, "log.seal", "VERIFY_LOG_UNSEALED", target, packager.Args{"n": itoa(left)})
	}
	if f.stored > s.receipt.Number {
		f.add(true, "log.stored", "VERIFY_NEWER", target, packager.Args{"number": itoa(s.receipt.Number), "newest": itoa(f.stored)})
	}
}

// beginsWith reports whether r begins with the bytes of a file.
func beginsWith(r io.Reader, path string) (bool, error) {
	b, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer b.Close()
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(b, x)
		if n == 0 && errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return false, err
		}
		if _, err := io.ReadFull(r, y[:n]); err != nil || !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
	}
}

// store holds the receipt beside the bundle, and everything that it names,
// against what a store has now: it may have lost or rolled back what it had.
func (f *findings) store(ctx context.Context, src Source, s *sealed, dir string, receipt []byte) error {
	if len(s.receipt.Files) == 0 {
		return nil // said
	}
	key := s.receipt.Files[0].Key
	base := key[:strings.LastIndexByte(key, '/')+1]
	kept, err := fetch(ctx, src, base+receiptName)
	var c *cause
	switch {
	case errors.As(err, &c):
		f.fail("store.receipt", "VERIFY_FILE_UNREADABLE", base+receiptName, err, nil)
		return nil
	case errors.Is(err, fs.ErrNotExist):
		f.add(false, "store.receipt", "VERIFY_ROLLED_BACK", base+receiptName, packager.Args{"number": itoa(s.receipt.Number)})
		return nil
	case err != nil:
		return err
	case !bytes.Equal(kept, receipt):
		f.add(false, "store.receipt", "VERIFY_STORE_RECEIPT", base+receiptName, nil)
		return nil
	}
	f.add(true, "store.receipt", "VERIFY_STORE_RECEIPT_OK", base+receiptName, packager.Args{"number": itoa(s.receipt.Number)})
	back := &readBack{findings: f, src: src, s: s, dir: dir, base: base, over: map[string]string{}}
	if err := back.expiries(ctx); err != nil {
		return err
	}
	for _, obj := range slices.Concat(s.receipt.Files, s.receipt.Objects) {
		if _, err := back.object(ctx, obj, ""); err != nil {
			return err
		}
	}
	if f.stored <= s.receipt.Number {
		return nil
	}
	// The log knows of a newer one: it has to be there too.
	newer := fmt.Sprintf("v1/cases/%s/%d/%s", s.receipt.Case, f.stored, receiptName)
	r, err := src.Open(ctx, newer)
	if errors.Is(err, fs.ErrNotExist) {
		f.add(false, "store.receipt", "VERIFY_ROLLED_BACK", newer, packager.Args{"number": itoa(f.stored)})
		return nil
	}
	if err != nil {
		return err
	}
	return r.Close()
}

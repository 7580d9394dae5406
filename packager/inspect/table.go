package inspect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"dossier/packager"
	"dossier/packager/identity"
)

// Limits of exports that are counted: a larger one is kept and hashed all the
// same, only not counted.
const (
	xlsxBytes    = 64 << 20 // of its parts, unpacked; they are held in memory
	recordBytes  = 2 << 20  // of one row or item
	datesSampled = 1_000_000
)

// table counts the rows or items of an export, and finds the first and the
// last day in a column of dates.
func (x *Inspector) table(ctx context.Context, r io.ReaderAt, size int64, k kind, f *facts) {
	src := &cancellable{ctx, io.NewSectionReader(r, 0, size)}
	var n count
	var err error
	switch k.media {
	case kindCSV.media:
		n, err = csvRows(src)
	case kindJSON.media:
		n, err = jsonItems(src)
	case kindHTML.media:
		n, err = htmlRows(src)
	case kindXLSX.media:
		cost := min(2*xlsxBytes, x.opt.Limits.Memory)
		if x.memory.Acquire(ctx, cost) != nil {
			return
		}
		defer x.memory.Release(cost)
		n, err = xlsxRows(io.NewSectionReader(r, 0, size), size)
	default:
		return
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil { // the export may be sound all the same
		f.note("EXPORT_NOT_COUNTED", packager.Args{"reason": brief(err.Error())})
		return
	}
	f.Archive = &packager.Archive{Format: k.exts[0], Entries: 1, Files: 1, Bytes: size, Items: &n.items, FirstDay: n.first, LastDay: n.last}
}

// count is how many items an export has, and of which days.
type count struct {
	items       int64
	first, last packager.Day
	column      int // of the dates; -1: none
}

// header looks for the column of dates by its title.
func (c *count) header(titles []string) {
	c.column = -1
	for i, t := range titles {
		t = strings.ToLower(identity.Plain(t))
		for _, w := range []string{"日期", "时间", "date", "time"} {
			if c.column < 0 && strings.Contains(t, w) {
				c.column = i
			}
		}
	}
}

func (c *count) row(cells []string) {
	c.items++
	if c.column < 0 || c.column >= len(cells) || c.items > datesSampled {
		return
	}
	c.day(cells[c.column])
}

// day takes a date, with or without a time behind it.
func (c *count) day(s string) {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " T"); i > 0 {
		s = s[:i]
	}
	d, ok := identity.ParseDate(s)
	if !ok {
		return
	}
	if c.first.IsZero() || d.Before(c.first) {
		c.first = d
	}
	if c.last.IsZero() || d.After(c.last) {
		c.last = d
	}
}

// cancellable stops to read when the context ends.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

var errRecord = errors.New("a record is too long to be counted")

// csvRows counts the rows of a CSV below its header. Chinese tools write GBK
// or UTF-16 as often as UTF-8.
func csvRows(r io.Reader) (count, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, _ := br.Peek(headBytes)
	text := bufio.NewReaderSize(decoded(br, head), 64<<10)
	first, _ := text.Peek(headBytes)
	meter := &metred{r: text}
	c := csv.NewReader(meter)
	c.FieldsPerRecord, c.LazyQuotes, c.ReuseRecord = -1, true, true
	line, _, _ := bytes.Cut(first, []byte("\n"))
	for _, sep := range []rune{'\t', ';'} {
		if bytes.Count(line, []byte(string(sep))) > bytes.Count(line, []byte(",")) {
			c.Comma = sep
		}
	}
	var n count
	titles, err := c.Read()
	if err != nil {
		return n, err
	}
	n.header(titles)
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n.row(cells)
		meter.record = 0
	}
}

// decoded returns the text of a file as UTF-8, by the look of its beginning.
func decoded(r io.Reader, head []byte) io.Reader {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	case !utf8Head(head):
		return transform.NewReader(r, simplifiedchinese.GB18030.NewDecoder())
	}
	return transform.NewReader(r, unicode.BOMOverride(transform.Nop))
}

// metred refuses a record without an end, which a reader would collect. Whoever
// takes a record sets it back to 0.
type metred struct {
	r      io.Reader
	record int
}

func (m *metred) Read(p []byte) (int, error) {
	if m.record > recordBytes {
		return 0, errRecord
	}
	n, err := m.r.Read(p)
	m.record += n
	return n, err
}

// jsonItems counts the elements of the outermost array, of the longest array
// in the outermost object, or the lines of JSON. Nothing is kept.
func jsonItems(r io.Reader) (count, error) {
	d := json.NewDecoder(&metredTokens{r: r})
	n := count{column: -1}
	var values, depth int
	perArray := []int64{} // elements of each open array or object, -1 for an object
	longest := int64(-1)
	outer := int64(-1)
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 {
			break
		}
		if err != nil {
			return n, err
		}
		if depth == 0 {
			values++
		} else if perArray[depth-1] >= 0 && t != json.Delim(']') {
			perArray[depth-1]++
		}
		switch t {
		case json.Delim('['):
			perArray, depth = append(perArray, 0), depth+1
		case json.Delim('{'):
			perArray, depth = append(perArray, -1), depth+1
		case json.Delim(']'), json.Delim('}'):
			depth--
			if depth == 0 {
				outer = perArray[0]
			} else if depth == 1 && perArray[0] == -1 {
				longest = max(longest, perArray[1])
			}
			perArray = perArray[:depth]
		}
		if depth > 1000 {
			return n, errRecord
		}
	}
	switch {
	case values > 1: // a value a line
		n.items = int64(values)
	case outer >= 0:
		n.items = outer
	case longest >= 0:
		n.items = longest
	case values == 1:
		n.items = 1
	default:
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// metredTokens refuses a JSON text with a string without end, which the
// decoder would collect: it reads more only when it has no whole token.
type metredTokens struct {
	r     io.Reader
	since int
}

func (m *metredTokens) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if bytes.IndexByte(p[:n], '"') >= 0 {
		m.since = 0
	} else if m.since += n; m.since > recordBytes {
		return 0, errRecord
	}
	return n, err
}

// htmlRows counts the rows of the tables of a page below their headers; a page
// without a table is one item.
func htmlRows(r io.Reader) (count, error) {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(recordBytes)
	n := count{column: -1}
	var rows, headers int64
	inHeader := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return n, err
			}
			if n.items = rows - headers; n.items <= 0 {
				n.items = 1
			}
			return n, nil
		case html.StartTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "tr":
				rows++
				inHeader = false
			case "th":
				if !inHeader {
					headers++
				}
				inHeader = true
			}
		}
	}
}

// xlsxRows counts the rows of the first sheet below its header.
func xlsxRows(r io.ReaderAt, size int64) (count, error) {
	var n count
	if size > xlsxBytes {
		return n, errRecord
	}
	// Both limits alike, since what is over the second one goes into temporary
	// files that would stay behind when this process is killed.
	f, err := excelize.OpenReader(io.NewSectionReader(r, 0, size), excelize.Options{UnzipSizeLimit: xlsxBytes, UnzipXMLSizeLimit: xlsxBytes})
	if err != nil {
		return n, err
	}
	defer f.Close()
	sheets := f.GetSheetList()
	if len(sheets) == 0 {
		return n, errors.New("no sheet")
	}
	rows, err := f.Rows(sheets[0])
	if err != nil {
		return n, err
	}
	defer rows.Close()
	for first := true; rows.Next(); {
		cells, err := rows.Columns()
		if err != nil {
			return n, err
		}
		if len(cells) == 0 {
			continue
		}
		if first {
			n.header(cells)
			first = false
			continue
		}
		n.row(cells)
	}
	return n, rows.Error()
}

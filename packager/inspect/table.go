package inspect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"

	"github.com/xuri/excelize/v2"

	"dossier/packager"
)

// table counts the rows or items of an export where that is cheap.
func (x *Inspector) table(ctx context.Context, r io.ReaderAt, size int64, k kind, f *facts) {
	src := &cancellable{ctx, io.NewSectionReader(r, 0, size)}
	var n int64
	var err error
	switch k.media {
	case kindCSV.media:
		n, err = csvRows(src)
	case kindJSON.media:
		n, err = jsonItems(src)
	case kindXLSX.media:
		if size > 64<<20 {
			return
		}
		n, err = xlsxRows(src)
	default:
		return
	}
	if err != nil || ctx.Err() != nil {
		return
	}
	f.Archive = &packager.Archive{Format: k.exts[0], Entries: 1, Files: 1, Bytes: size, Items: &n}
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

// csvRows counts the rows of a CSV below its header.
func csvRows(r io.Reader) (int64, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	first, _ := br.Peek(headBytes)
	c := csv.NewReader(br)
	c.FieldsPerRecord, c.LazyQuotes, c.ReuseRecord = -1, true, true
	if line, _, _ := bytes.Cut(first, []byte("\n")); bytes.Count(line, []byte("\t")) > bytes.Count(line, []byte(",")) {
		c.Comma = '\t'
	}
	var n int64
	for {
		_, err := c.Read()
		if err == io.EOF {
			return max(0, n-1), nil
		}
		if err != nil {
			return 0, err
		}
		n++
	}
}

// jsonItems counts the elements of the outermost array, of the only array of
// the outermost object, or the lines of JSON.
func jsonItems(r io.Reader) (int64, error) {
	d := json.NewDecoder(r)
	t, err := d.Token()
	if err != nil {
		return 0, err
	}
	if t != json.Delim('[') {
		return 0, errors.New("not an array")
	}
	var n int64
	for d.More() {
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return 0, err
		}
		n++
	}
	_, err = d.Token()
	return n, err
}

// xlsxRows counts the rows of the first sheet below its header.
func xlsxRows(r io.Reader) (int64, error) {
	f, err := excelize.OpenReader(r, excelize.Options{UnzipSizeLimit: 512 << 20, UnzipXMLSizeLimit: 16 << 20})
	if err != nil {
		return 0, err
	}
	defer f.Close()
	sheets := f.GetSheetList()
	if len(sheets) == 0 {
		return 0, errors.New("no sheet")
	}
	rows, err := f.Rows(sheets[0])
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		n++
	}
	return max(0, n-1), rows.Error()
}

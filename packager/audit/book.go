package audit

import (
	"archive/zip"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/width"

	"dossier/packager"
	"dossier/packager/i18n"
)

// kind is how a cell looks and what its value is.
type kind int

const (
	kindText   kind = iota // one line, or wrapped where the column ends
	kindMono               // digests, keys
	kindCount              // a whole number
	kindDay                // a calendar day
	kindTime               // a moment, in Beijing time
	kindState              // a state light
	kindHead               // head of a table
	kindTitle              // title of the summary
	kindNote               // small print
	kindLabel              // name of a particular
	kindFrozen             // nothing, in the band of the title
)

// cell is one value. Text is always written as a string cell: whatever it
// begins with, no program takes it for a formula.
type cell struct {
	kind    kind
	text    string
	number  float64 // of kindCount, kindDay, kindTime
	empty   bool    // of the same: nothing to show
	state   packager.Severity
	left    bool   // against the left side, whatever the kind
	formula string // the program's own, never from the case; text is its value
	link    string // place in the workbook, "'材料'!A2"
	file    string // relative reference to a file
}

func text(s string) cell  { return cell{text: s} }
func mono(s string) cell  { return cell{kind: kindMono, text: s} }
func label(s string) cell { return cell{kind: kindLabel, text: s} }

func count[N int | int64](n N) cell { return cell{kind: kindCount, number: float64(n)} }

func day(d packager.Day) cell {
	if d.IsZero() {
		return cell{kind: kindDay, empty: true}
	}
	return cell{kind: kindDay, number: serial(d.Time())}
}

func moment(t time.Time) cell {
	if t.IsZero() {
		return cell{kind: kindTime, empty: true}
	}
	return cell{kind: kindTime, number: serial(t)}
}

func (c cell) to(place string) cell      { c.link = place; return c }
func (c cell) toFile(target string) cell { c.file = target; return c }
func (c cell) atLeft() cell              { c.left = true; return c }

// serial is a time of the workbook: days since 1899-12-30 (ISO/IEC 29500-1
// §18.17.4.1), in Beijing time, to the millisecond.
func serial(t time.Time) float64 {
	return math.Round(float64(t.UnixMilli()+8*3600*1000))/86_400_000 + 25569
}

// book is a workbook that is being written, sheet by sheet, each as a stream.
type book struct {
	f      *excelize.File
	p      *i18n.Printer
	mask   func(string) string
	styles map[styleKey]int
	names  map[string]string // sheet id → its name
	header string            // printed on every page
}

func newBook(p *i18n.Printer, mask func(string) string, header, tmp string) (*book, error) {
	b := &book{
		f: excelize.NewFile(excelize.Options{TmpDir: tmp}), p: p, mask: mask,
		styles: map[styleKey]int{}, names: map[string]string{}, header: header,
	}
	return b, b.f.SetDefaultFont(fontName)
}

// properties are those of the file. Their time is given: that of the last
// event, so that making the workbook again changes nothing.
func (b *book) properties(title, subject, id, tool string, at time.Time) error {
	when, who := at.UTC().Format(time.RFC3339), "dossier "+tool
	if err := b.f.SetDocProps(&excelize.DocProperties{
		Title: title, Subject: subject, Identifier: id, Version: "1",
		Creator: who, LastModifiedBy: who, Created: when, Modified: when,
		Language: map[string]string{"zh": "zh-CN", "en": "en"}[b.p.Lang],
	}); err != nil {
		return err
	}
	full := true
	return b.f.SetCalcProps(&excelize.CalcPropsOptions{FullCalcOnLoad: &full})
}

// reserve makes the sheets in their order, so that each can link to any.
func (b *book) reserve(ids ...string) error {
	for i, id := range ids {
		name := b.p.Text("audit.sheet."+id, nil)
		b.names[id] = name
		if i == 0 {
			if err := b.f.SetSheetName("Sheet1", name); err != nil {
				return err
			}
			continue
		}
		if _, err := b.f.NewSheet(name); err != nil {
			return err
		}
	}
	return nil
}

// place names a cell for a link or a formula.
func (b *book) place(sheet, ref string) string { return "'" + b.names[sheet] + "'!" + ref }

// column is one column of a table.
type column struct {
	id    string // audit.col.<id> is its head
	width float64
	// widest is where text begins to wrap, in columns of a narrow character;
	// 0 keeps the width as given.
	widest float64
}

// table is a sheet with one head and one row for each thing.
type table struct {
	id      string
	tab     packager.Severity // colour of the tab
	columns []column
	freeze  int // columns that stay when one scrolls to the right
	// rows calls emit for each row. It is called twice, first to measure.
	rows func(emit func([]cell) error) error
	// pictures are laid into column picture of the rows that they name (rows
	// count from 2).
	pictures map[int][]byte
	picture  int
	// alarm is a column whose cells turn red when they are not calm.
	alarm, calm string
}

// A row with a picture is this high, in points.
const pictureHeight = 62

func (b *book) table(t table) error {
	last, err := b.measure(&t)
	if err != nil {
		return err
	}
	lastCol, err := excelize.ColumnNumberToName(len(t.columns))
	if err != nil {
		return err
	}
	area := fmt.Sprintf("A1:%s%d", lastCol, last)
	s, err := b.open(t, area)
	if err != nil {
		return err
	}
	if err := t.rows(func(row []cell) error {
		height := s.heightOf(row)
		if t.pictures[s.row+1] != nil {
			height = max(height, pictureHeight)
		}
		return s.writeAt(1, row, height)
	}); err != nil {
		return err
	}
	if err := s.pictures(t); err != nil {
		return err
	}
	if t.alarm != "" && last > 1 {
		if err := b.alarm(s.name, fmt.Sprintf("%[1]s2:%[1]s%[2]d", t.alarm, last), t.calm); err != nil {
			return err
		}
	}
	if err := b.f.AutoFilter(s.name, area, nil); err != nil {
		return err
	}
	if err := b.f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: b.printTitles(t), Scope: s.name}); err != nil {
		return err
	}
	return s.sw.Flush()
}

// legible is how many columns of a narrow character fit across a page of A4,
// landscape, before what is printed gets too small to read (about 7 points).
const legible = 220

// pagesAcross is how many pages a table takes side by side; from the second on,
// the columns that stay when one scrolls are printed again.
func (t table) pagesAcross() int {
	all, again := 0.0, 0.0
	for i, c := range t.columns {
		all += c.width
		if i < t.freeze {
			again += c.width
		}
	}
	if all <= legible {
		return 1
	}
	return int(math.Ceil((all - again) / (legible - again)))
}

// printTitles are the head and, on pages that lie side by side, the first
// columns.
func (b *book) printTitles(t table) string {
	head := b.place(t.id, "$1:$1")
	if t.freeze == 0 || t.pagesAcross() == 1 {
		return head
	}
	return b.place(t.id, fmt.Sprintf("$A:$%c", 'A'+t.freeze-1)) + "," + head
}

// open begins the sheet of a table: its columns, what stays when one scrolls,
// and its head.
func (b *book) open(t table, area string) (*sheet, error) {
	name := b.names[t.id]
	if err := b.setUp(name, t.tab, area, t.pagesAcross(), 0); err != nil {
		return nil, err
	}
	sw, err := b.f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	for i, c := range t.columns {
		if err := sw.SetColWidth(i+1, i+1, c.width); err != nil {
			return nil, err
		}
	}
	corner, err := excelize.CoordinatesToCellName(t.freeze+1, 2)
	if err != nil {
		return nil, err
	}
	pane := "bottomLeft"
	if t.freeze > 0 {
		pane = "bottomRight"
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, XSplit: t.freeze, YSplit: 1, TopLeftCell: corner, ActivePane: pane}); err != nil {
		return nil, err
	}
	s := &sheet{book: b, sw: sw, name: name, columns: t.columns}
	return s, s.heads()
}

// measure finds the widths that fit and returns the last row.
func (b *book) measure(t *table) (last int, err error) {
	for i, c := range t.columns {
		head := displayWidth(b.p.Text("audit.col."+c.id, nil)) + 4 // and the filter's button
		t.columns[i].width = max(c.width, head)
	}
	last = 1
	err = t.rows(func(row []cell) error {
		last++
		for i, c := range row {
			if col := &t.columns[i]; col.widest > 0 {
				col.width = max(col.width, min(col.widest, b.widthOf(c)+3))
			}
		}
		return nil
	})
	return last, err
}

func (b *book) widthOf(c cell) float64 {
	switch c.kind {
	case kindDay:
		return 11
	case kindTime:
		return 19
	case kindCount:
		return displayWidth(fmt.Sprintf("%.0f", c.number)) * 4 / 3
	}
	widest := 0.0
	for line := range strings.Lines(b.shown(c)) {
		widest = max(widest, displayWidth(line))
	}
	if c.kind == kindMono {
		widest *= 1.05
	}
	return widest
}

// setUp gives a sheet its view, its paper and what is printed round it. It is
// made to fit so many pages across and down (0: as many as it takes).
func (b *book) setUp(name string, tab packager.Severity, area string, pagesAcross, pagesDown int) error {
	yes, no := true, false
	color := "FF" + paletteOf(tab).strong // ARGB (ISO/IEC 29500-1 §18.18.86)
	if err := b.f.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &yes, TabColorRGB: &color}); err != nil {
		return err
	}
	if err := b.f.SetSheetDimension(name, area); err != nil {
		return err
	}
	if err := b.f.SetSheetView(name, 0, &excelize.ViewOptions{ShowGridLines: &no}); err != nil {
		return err
	}
	a4, landscape := 9, "landscape"
	if err := b.f.SetPageLayout(name, &excelize.PageLayoutOptions{Size: &a4, Orientation: &landscape, FitToWidth: &pagesAcross, FitToHeight: &pagesDown}); err != nil {
		return err
	}
	side, top, bottom, edge := 0.4, 0.7, 0.6, 0.3
	if err := b.f.SetPageMargins(name, &excelize.PageLayoutMarginsOptions{Left: &side, Right: &side, Top: &top, Bottom: &bottom, Header: &edge, Footer: &edge, Horizontally: &yes}); err != nil {
		return err
	}
	return b.f.SetHeaderFooter(name, &excelize.HeaderFooterOptions{
		OddHeader: "&L&9" + printed(b.header) + "&R&9" + printed(name),
		OddFooter: "&C&9" + b.p.Text("audit.footer", packager.Args{"page": "&P", "pages": "&N"}),
	})
}

// alarm turns cells red whose formula gives anything but calm.
func (b *book) alarm(sheet, area, calm string) error {
	p := paletteOf(packager.Block)
	style, err := b.f.NewConditionalStyle(&excelize.Style{Font: &excelize.Font{Color: p.strong, Bold: true}, Fill: fill(p.pale)})
	if err != nil {
		return err
	}
	return b.f.SetConditionalFormat(sheet, area, []excelize.ConditionalFormatOptions{
		{Type: "cell", Criteria: "!=", Value: `"` + calm + `"`, Format: &style},
	})
}

// printed keeps & from being a command of a header.
func printed(s string) string { return strings.ReplaceAll(s, "&", "&&") }

// sheet is one sheet's stream.
type sheet struct {
	*book
	sw      *excelize.StreamWriter
	name    string
	columns []column
	row     int
	links   int
}

func (s *sheet) heads() error {
	row := make([]cell, len(s.columns))
	for i, c := range s.columns {
		row[i] = cell{kind: kindHead, text: s.p.Text("audit.col."+c.id, nil)}
	}
	return s.writeAt(1, row, 26)
}

// heightOf returns the height that a row needs, in points.
func (s *sheet) heightOf(row []cell) float64 {
	height := 0.0
	for i, c := range row {
		height = max(height, heightOf(s.shown(c), s.columns[i].width))
	}
	return height
}

// heightOf returns the height that wrapped text needs in a column, in points,
// and no more than a row may have (409).
func heightOf(text string, width float64) float64 {
	lines := 0
	for line := range strings.Lines(text) {
		lines += wrapped(strings.TrimSuffix(line, "\n"), max(1, width-2.5))
	}
	return min(409, float64(max(1, lines))*14.5+6)
}

// wrapped is how many lines a text takes in a column: it breaks behind blanks,
// slashes, hyphens and Chinese characters, and where there is none of them at
// the end of the line.
func wrapped(line string, room float64) int {
	lines, at, word := 1, 0.0, 0.0 // column, and width of the word so far
	for _, r := range line {
		w := displayWidth(string(r))
		if at+w > room {
			lines++
			if word < at { // the word that has begun goes down whole
				at = word
			} else {
				at, word = 0, 0
			}
		}
		at += w
		if word += w; w > 1 || strings.ContainsRune(" /-", r) {
			word = 0
		}
	}
	return lines
}

// maxLinks keeps a sheet within the limit of Excel, 65,530.
const maxLinks = 65_000

func (s *sheet) writeAt(col int, row []cell, height float64) error {
	s.row++
	values := make([]any, len(row))
	for i, c := range row {
		v, err := s.value(c)
		if err != nil {
			return err
		}
		values[i] = v
		if c.link == "" && c.file == "" || s.links >= maxLinks {
			continue
		}
		s.links++
		ref, err := excelize.CoordinatesToCellName(col+i, s.row)
		if err != nil {
			return err
		}
		target, kind := c.link, "Location"
		if c.file != "" {
			target, kind = c.file, "External"
		}
		if err := s.f.SetCellHyperLink(s.name, ref, target, kind); err != nil {
			return err
		}
	}
	ref, err := excelize.CoordinatesToCellName(col, s.row)
	if err != nil {
		return err
	}
	return s.sw.SetRow(ref, values, excelize.RowOpts{Height: height})
}

func (s *sheet) value(c cell) (any, error) {
	shown := s.shown(c)
	id, err := s.style(styleKey{kind: c.kind, state: c.state, link: c.link != "" || c.file != "", left: c.left, quoted: looksLikeFormula(shown)})
	if err != nil {
		return nil, err
	}
	switch {
	case c.formula != "" && c.kind == kindCount:
		return excelize.Cell{StyleID: id, Formula: c.formula, Value: c.number}, nil
	case c.formula != "":
		return excelize.Cell{StyleID: id, Formula: c.formula, Value: shown}, nil
	case (c.kind == kindCount || c.kind == kindDay || c.kind == kindTime) && !c.empty:
		return excelize.Cell{StyleID: id, Value: c.number}, nil
	case shown == "":
		return excelize.Cell{StyleID: id}, nil // a border round nothing
	}
	return excelize.Cell{StyleID: id, Value: shown}, nil
}

// shown is the text of a cell as it is written.
func (b *book) shown(c cell) string {
	if c.kind == kindHead || c.formula != "" {
		return c.text
	}
	return cellText(b.mask(c.text))
}

// pictures lays the thumbnails into their rows.
func (s *sheet) pictures(t table) error {
	for row := 2; row <= s.row; row++ {
		jpg, ok := t.pictures[row]
		if !ok {
			continue
		}
		ref, err := excelize.CoordinatesToCellName(t.picture, row)
		if err != nil {
			return err
		}
		yes := true
		if err := s.f.AddPictureFromBytes(s.name, ref, &excelize.Picture{Extension: ".jpg", File: jpg, Format: &excelize.GraphicOptions{
			Positioning: "oneCell", OffsetX: 3, OffsetY: 3, ScaleX: .5, ScaleY: .5, LockAspectRatio: true, PrintObject: &yes,
		}}); err != nil {
			return err
		}
	}
	return nil
}

// maxCell is how many UTF-16 units a cell may hold (ISO/IEC 29500-1 has no
// limit, Excel has this one); what is longer ends in an ellipsis.
const maxCell = 32_767

// cellText makes s fit for a cell: control characters, which XML forbids and
// spreadsheets take for commands, become their pictures (␀ … ␡); line feeds
// stay.
func cellText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r >= 0x20 && r != 0x7f && r != 0xFFFE && r != 0xFFFF:
			return r
		case r == 0x7f:
			return '\u2421'
		case r < 0x20:
			return '\u2400' + r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(s, "\uFFFD"))
	units := 0
	for i, r := range s {
		if units >= maxCell-2 {
			return s[:i] + "…"
		}
		units++
		if r > 0xFFFF {
			units++
		}
	}
	return s
}

// looksLikeFormula reports whether a program would take s for a formula if
// somebody typed it: such a cell is quoted, so that editing it is harmless.
func looksLikeFormula(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("=+-@＝＋－＠␉␍'", r)
}

// displayWidth counts columns: two for a Chinese character, one for a Latin.
func displayWidth(s string) float64 {
	n := 0.0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// save writes the workbook with its parts in order of name, so that the same
// content gives the same bytes.
func (b *book) save(w io.Writer, dir string) error {
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if types := b.f.ContentTypes; types != nil { // excelize adds them in any order
		sort.Slice(types.Defaults, func(i, j int) bool { return types.Defaults[i].Extension < types.Defaults[j].Extension })
	}
	if err := b.f.Write(tmp); err != nil {
		return err
	}
	size, err := tmp.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	in, err := zip.NewReader(tmp, size)
	if err != nil {
		return err
	}
	slices.SortFunc(in.File, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	out := zip.NewWriter(w)
	for _, part := range in.File {
		if err := out.Copy(part); err != nil {
			return err
		}
	}
	return out.Close()
}

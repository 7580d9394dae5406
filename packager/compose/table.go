package compose

import "slices"

// cell is one cell of a table: text in a style, or a drawing with its height.
type cell struct {
	text string
	st   style
	page int // the text is a link to this page
	// draw, if not nil, draws the cell into the box at x, y of width w; high
	// is its height.
	draw func(x, y, w float64)
	high float64
}

func txt(s string, st style) cell { return cell{text: s, st: st} }

// stack is a cell of several paragraphs, each in its own style and each a link
// if it has a page.
type para struct {
	text string
	st   style
	page int
}

func (b *book) stack(w float64, ps ...para) cell {
	var high float64
	for _, p := range ps {
		if p.text != "" {
			high += b.c.paraHeight(p.text, p.st, w)
		}
	}
	return cell{high: high, draw: func(x, y, w float64) {
		for _, p := range ps {
			if p.text == "" {
				continue
			}
			end := b.c.para(x, y, w, p.text, p.st)
			if p.page > 0 {
				b.c.goTo(x, y, w, end-y, p.page, 0)
			}
			y = end
		}
	}}
}

// column of a table. Widths are points; one column may have 0 and takes the
// rest.
type column struct {
	title string
	w     float64
	right bool
}

// table prints rows under a head that is repeated on every page.
type table struct {
	b     *book
	cols  []column
	title string // header of pages that the table begins
	y     float64
	gap   float64 // between columns
}

const cellPad = 5.0 // above and below the text of a row, as a rule

// columns is a table that is not begun yet.
func (b *book) columns(cols ...column) *table {
	t := &table{b: b, cols: slices.Clone(cols), gap: 12}
	free := b.measure() - t.gap*float64(len(cols)-1)
	for _, c := range cols {
		free -= c.w
	}
	for i := range t.cols {
		if t.cols[i].w == 0 {
			t.cols[i].w = free
		}
	}
	return t
}

// table begins a table at y. Under a title (where underTitle is true) it takes
// the title's rule as its own.
func (b *book) table(y float64, underTitle bool, pageTitle string, cols ...column) *table {
	t := b.columns(cols...)
	t.title, t.y = pageTitle, y
	if underTitle {
		t.y -= afterRule
	}
	t.head(!underTitle)
	return t
}

func (t *table) head(rule bool) {
	c := t.b.c
	if rule {
		c.hline(marginX, t.b.right(), t.y, 0.8, ink)
	}
	x := marginX
	for _, col := range t.cols {
		base := t.y + t.b.pad + baseline(label)
		if col.right {
			c.textRight(x+col.w, base, col.title, label)
		} else {
			c.text(x, base, col.title, label)
		}
		x += col.w + t.gap
	}
	t.y += t.headHeight()
	c.hline(marginX, t.b.right(), t.y, 0.5, ink)
}

func (t *table) headHeight() float64 { return label.lead + 2*t.b.pad }

// room breaks the page when less than h is left.
func (t *table) room(h float64) {
	if t.y+h <= t.b.bottom() {
		return
	}
	t.b.newPage(false, t.title)
	t.y = bodyTop
	t.head(true)
}

// group sets a heading inside the table; it stays with the next row.
func (t *table) group(s string, next float64) {
	h := section.lead + 14
	t.room(h + next)
	t.b.c.text(marginX, t.y+10+baseline(section), s, section)
	t.y += h
	t.b.c.hline(marginX, t.b.right(), t.y, 0.5, hair)
}

func (t *table) height(cells []cell) float64 {
	h := 0.0
	for i, cl := range cells {
		if cl.draw != nil {
			h = max(h, cl.high)
		} else if cl.text != "" {
			h = max(h, t.b.c.paraHeight(cl.text, cl.st, t.cols[i].w))
		}
	}
	return h + 2*t.b.pad
}

// row prints one row and keeps it on one page.
func (t *table) row(cells ...cell) {
	c := t.b.c
	h := t.height(cells)
	t.room(h)
	x := marginX
	for i, cl := range cells {
		w, y := t.cols[i].w, t.y+t.b.pad
		switch {
		case cl.draw != nil:
			cl.draw(x, y, w)
		case t.cols[i].right:
			for _, l := range c.lines(cl.text, cl.st, w) {
				c.textRight(x+w, y+baseline(cl.st), l, cl.st)
				y += cl.st.lead
			}
		default:
			c.para(x, y, w, cl.text, cl.st)
		}
		if cl.page > 0 {
			c.goTo(x, t.y, w, h, cl.page, 0)
		}
		x += w + t.gap
	}
	t.y += h
	c.hline(marginX, t.b.right(), t.y, 0.5, hair)
}

package audit

import (
	"github.com/xuri/excelize/v2"

	"dossier/packager"
)

const (
	fontName = "Microsoft YaHei"
	monoName = "Consolas"
	ink      = "1F2933"
	line     = "D5DBE1"
	navy     = "1F3A5F"
	linkBlue = "1B5FAA"
)

// palette is the colours of a state: pale behind, strong for words, bar for
// charts. The words
// carry a sign as well, for those who do not tell the colours apart.
type palette struct{ pale, strong, bar string }

func paletteOf(s packager.Severity) palette {
	switch s {
	case packager.StateOK:
		return palette{"E3F1E5", "1E7B34", "5BB374"}
	case packager.Warn:
		return palette{"FFF3D1", "8A5A00", "E8B339"}
	case packager.Block:
		return palette{"FBE1DE", "B3261E", "D65A50"}
	case packager.Info:
		return palette{"E4EEF9", "1F5FA8", "6FA3DB"}
	}
	return palette{"F1F3F5", "52606D", "98A2AD"}
}

type styleKey struct {
	kind   kind
	state  packager.Severity
	link   bool
	left   bool
	quoted bool
}

func (b *book) style(k styleKey) (int, error) {
	if id, ok := b.styles[k]; ok {
		return id, nil
	}
	plain := k
	plain.quoted = false
	id, err := b.f.NewStyle(styleOf(plain))
	if err != nil {
		return 0, err
	}
	if k.quoted {
		id = b.quote(id)
	}
	b.styles[k] = id
	return id, nil
}

// quote makes a twin of a style with the mark that its cells are text even
// when they are edited (quotePrefix, ISO/IEC 29500-1 §18.8.45).
func (b *book) quote(id int) int {
	yes := true
	xfs := b.f.Styles.CellXfs
	twin := xfs.Xf[id]
	twin.QuotePrefix = &yes
	xfs.Xf = append(xfs.Xf, twin)
	xfs.Count = len(xfs.Xf)
	return len(xfs.Xf) - 1
}

// Number formats of ISO/IEC 29500-1 §18.8.30.
const (
	formatCount = 3  // #,##0
	formatText  = 49 // @
)

var formatDay, formatTime = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"

func styleOf(k styleKey) *excelize.Style {
	s := &excelize.Style{
		Font:      &excelize.Font{Family: fontName, Size: 10, Color: ink},
		Alignment: &excelize.Alignment{Vertical: "center", Horizontal: "left", Indent: 1, WrapText: true},
		Border:    borders(line),
		NumFmt:    formatText,
	}
	switch k.kind {
	case kindMono:
		s.Font.Family, s.Font.Size = monoName, 9
	case kindCount:
		s.NumFmt, s.Alignment.Horizontal, s.Alignment.Indent = formatCount, "right", 0
	case kindDay:
		s.NumFmt, s.CustomNumFmt, s.Alignment.Horizontal = 0, &formatDay, "center"
	case kindTime:
		s.NumFmt, s.CustomNumFmt, s.Alignment.Horizontal = 0, &formatTime, "center"
	case kindState:
		s.Font.Bold, s.Alignment.Horizontal, s.Alignment.WrapText = true, "center", false
	case kindHead:
		s.Font.Bold, s.Font.Color = true, "FFFFFF"
		s.Fill, s.Border = fill(navy), borders(navy)
		s.Alignment.Horizontal = "center"
	case kindTitle:
		s.Font.Bold, s.Font.Color, s.Font.Size = true, "FFFFFF", 18
		s.Fill, s.Border, s.Alignment.WrapText = fill(navy), nil, false
	case kindFrozen:
		s.Font.Color, s.Fill, s.Border, s.Alignment.WrapText = "D9E2EC", fill(navy), nil, false
	case kindNote:
		s.Font.Color, s.Font.Size, s.Border = "52606D", 9, nil
		s.Alignment.Vertical = "top"
	case kindLabel:
		s.Font.Bold, s.Font.Color, s.Fill = true, "364152", fill("EEF2F6")
	}
	if k.left {
		s.Alignment.Horizontal = "left"
	}
	if s.Alignment.Horizontal == "center" {
		s.Alignment.Indent = 0
	}
	if k.state != "" {
		p := paletteOf(k.state)
		s.Font.Color, s.Fill = p.strong, fill(p.pale)
	}
	if k.link {
		s.Font.Underline = "single"
		if k.state == "" {
			s.Font.Color = linkBlue
		}
	}
	return s
}

func fill(color string) excelize.Fill {
	return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{color}}
}

func borders(color string) []excelize.Border {
	var out []excelize.Border
	for _, side := range []string{"left", "right", "top", "bottom"} {
		out = append(out, excelize.Border{Type: side, Style: 1, Color: color})
	}
	return out
}

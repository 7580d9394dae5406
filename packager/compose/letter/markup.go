package letter

import (
	"strings"

	"dossier/packager/compose/typeface"
)

// kind is how a block of a letter is set.
type kind string

const (
	title     kind = "#"
	heading   kind = "##"
	addressee kind = "@"
	para      kind = ""
	row       kind = "|"
	enclosure kind = "+"
	signLine  kind = "!sign"
	sealBlock kind = "!seal"
	dateLine  kind = "!date"
)

// directives are the marks that are words.
var directives = []string{string(signLine), string(sealBlock), string(dateLine)}

// block is one paragraph, row or line of a letter.
type block struct {
	kind  kind
	label string // of a row
	text  string
}

func (b block) String() string {
	switch b.kind {
	case para:
		return b.text
	case row:
		return "| " + b.label + " | " + b.text
	}
	return string(b.kind) + " " + b.text
}

// markup reads the text of a filled wording. bad is a mark that is not known.
func markup(text string) (blocks []block, bad string, known []string) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		b := block{text: line}
		switch mark, rest, _ := strings.Cut(line, " "); {
		case mark == "#" || mark == "##" || mark == "@" || mark == "+":
			b.kind, b.text = kind(mark), rest
		case mark == "|":
			b.kind = row
			b.label, b.text, _ = strings.Cut(rest, "|")
		case strings.HasPrefix(mark, "!"):
			b.kind, b.text = kind(mark), rest
			if mark != string(signLine) && mark != string(sealBlock) && mark != string(dateLine) {
				return nil, mark, directives
			}
		}
		b.label, b.text = tidy(b.label), tidy(b.text)
		if b.text == "" && b.kind != dateLine {
			continue
		}
		blocks = append(blocks, b)
	}
	return blocks, "", nil
}

func tidy(s string) string { return strings.TrimSpace(typeface.Clean(s)) }

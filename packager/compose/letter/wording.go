package letter

import (
	"bytes"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

// wording is one file: head lines, and a template whose text is marked up.
type wording struct {
	id       string
	file     string // as positions call it
	lines    []string
	name     packager.Text
	answers  string
	each     string
	revision string
	tmpl     *template.Template
	uses     []string // names of values, sorted
}

const (
	eachPerson        = "person"
	eachAdministrator = "administrator"
)

// headKeys are the head lines that are known.
var headKeys = []string{"zh", "en", "answers", "each"}

// largest bounds a wording, in bytes.
const largest = 256 << 10

var funcs = template.FuncMap{"blank": blank}

// blank is a value, or a line to write it on by hand.
func blank(v string) string {
	if strings.TrimSpace(v) == "" {
		return strings.Repeat("＿", 10)
	}
	return v
}

// readWording reads a wording and everything that is wrong with it.
func readWording(file string, text []byte) (*wording, packager.Diagnostics) {
	id := strings.TrimSuffix(path.Base(file), ext)
	body := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
	w := &wording{id: id, file: file, answers: id, lines: strings.Split(body, "\n"), revision: digest(body)[:6]}
	var found packager.Diagnostics
	report := func(code string, line, col int, args packager.Args, near string) {
		d := packager.Diagnostic{Code: code, Pos: packager.Position{File: file, Line: line, Column: col}, Args: args, Suggestion: near}
		if line >= 1 && line <= len(w.lines) {
			d.Line = w.lines[line-1]
		}
		found = append(found, d)
	}
	if len(text) > largest {
		report("LETTER_WORDING_TOO_LARGE", 0, 0, packager.Args{"limit": strconv.Itoa(largest >> 10)}, "")
		return w, found
	}
	if !idForm.MatchString(id) {
		report("LETTER_WORDING_NAME", 0, 0, packager.Args{"name": id}, "")
	}
	w.head(report)
	tmpl, err := template.New(path.Base(file)).Funcs(funcs).Option("missingkey=error").Parse(w.body())
	if err != nil {
		line, why := templateError(err)
		report("LETTER_TEMPLATE_SYNTAX", line, 0, packager.Args{"why": why}, "")
		return w, found
	}
	w.tmpl = tmpl
	w.walk(report)
	if len(found) > 0 {
		return w, found
	}
	// The wording is tried on a case that states everything and on one that
	// states nothing.
	for _, c := range []*packager.Case{sample, {}} {
		if _, err := w.blocks(values(c, sampleRules, instance{}, "")); err != nil {
			var ds packager.Diagnostics
			if !errors.As(err, &ds) {
				line, why := templateError(err)
				report("LETTER_TEMPLATE_FAILS", line, 0, packager.Args{"why": why}, "")
				break
			}
			found = append(found, ds...)
			break
		}
	}
	return w, found
}

// idForm keeps ids fit for a QR code and for a file's name.
var idForm = regexp.MustCompile(`^[a-z0-9_]{1,60}$`)

var sample = &packager.Case{
	Account:   packager.Account{ID: "1", Name: "1", BoundPhone: "1", BoundEmail: "1"},
	Applicant: packager.Applicant{Name: "1", USCC: "1", LegalRepresentative: packager.Person{Name: "1", IDNumber: "1", Phone: "1"}},
	Agent:     &packager.Person{Name: "2", IDNumber: "2", Phone: "2"},
	Employee:  &packager.Person{Name: "3", IDNumber: "3", Phone: "3"},
	Holder:    &packager.Person{Name: "4", IDNumber: "4", Phone: "4"},
	Reason:    "1",
}

var sampleRules = &packager.RuleSet{
	Name: packager.Text{ZH: "1"}, Operator: "1", Application: packager.Text{ZH: "1"}, AccountType: packager.Text{ZH: "1"},
	Requirements: []packager.Requirement{{Kind: packager.KindMaterial, AnyOf: []string{"x"}}},
	Catalogue:    map[string]packager.MaterialSpec{"x": {ID: "x", Name: packager.Text{ZH: "1"}}},
}

type reporter func(code string, line, col int, args packager.Args, near string)

// head reads the lines that begin with %.
func (w *wording) head(report reporter) {
	for i, line := range w.lines {
		rest, ok := strings.CutPrefix(line, "%")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(rest, " ")
		value = strings.TrimSpace(value)
		switch key {
		case "zh":
			w.name.ZH = value
		case "en":
			w.name.EN = value
		case "answers":
			w.answers = value
		case "each":
			w.each = value
			if known := []string{eachPerson, eachAdministrator}; !slices.Contains(known, value) {
				report("LETTER_HEAD_VALUE", i+1, 2, packager.Args{"key": "%each", "value": value, "known": strings.Join(known, ", ")}, yamldoc.Nearest(value, known))
			}
		default:
			report("LETTER_HEAD_UNKNOWN", i+1, 2, packager.Args{"key": "%" + key, "known": "%" + strings.Join(headKeys, ", %")}, yamldoc.Nearest(key, headKeys))
		}
	}
	if w.name.ZH == "" || strings.ContainsAny(w.name.ZH, `/\:*?"<>|`) {
		report("LETTER_HEAD_NAME", 1, 0, packager.Args{"key": "%zh"}, "")
	}
}

// body is the text without its head lines, which stay as empty lines so that
// the numbers of lines are those of the file.
func (w *wording) body() string {
	lines := slices.Clone(w.lines)
	for i, l := range lines {
		if strings.HasPrefix(l, "%") {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

// walk finds the names that the wording uses and reports those that are not
// known. Inside range and with the dot is another; what is wrong there is
// found by the trial.
func (w *wording) walk(report reporter) {
	known := Names()
	groups := map[string]bool{}
	for _, n := range known {
		for i, r := range n {
			if r == '.' {
				groups[n[:i]] = true
			}
		}
	}
	used := map[string]bool{}
	text := w.body()
	var visit func(n parse.Node, inside bool)
	list := func(l *parse.ListNode, inside bool) {
		if l != nil {
			for _, n := range l.Nodes {
				visit(n, inside)
			}
		}
	}
	visit = func(n parse.Node, inside bool) {
		switch n := n.(type) {
		case *parse.ListNode:
			list(n, inside)
		case *parse.ActionNode:
			visit(n.Pipe, inside)
		case *parse.IfNode:
			visit(n.Pipe, inside)
			list(n.List, inside)
			list(n.ElseList, inside)
		case *parse.RangeNode:
			visit(n.Pipe, inside)
			list(n.List, true)
			list(n.ElseList, inside)
		case *parse.WithNode:
			visit(n.Pipe, inside)
			list(n.List, true)
			list(n.ElseList, inside)
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				visit(c, inside)
			}
		case *parse.CommandNode:
			for _, a := range n.Args {
				visit(a, inside)
			}
		case *parse.VariableNode:
			if n.Ident[0] == "$" && len(n.Ident) > 1 {
				w.use(strings.Join(n.Ident[1:], "."), int(n.Position()), text, known, groups, used, report)
			}
		case *parse.FieldNode:
			if !inside {
				w.use(strings.Join(n.Ident, "."), int(n.Position()), text, known, groups, used, report)
			}
		}
	}
	visit(w.tmpl.Root, false)
	w.uses = slices.Sorted(maps.Keys(used))
}

func (w *wording) use(name string, pos int, text string, known []string, groups, used map[string]bool, report reporter) {
	if slices.Contains(known, name) {
		used[name] = true
		return
	}
	line := 1 + strings.Count(text[:min(pos, len(text))], "\n")
	col := 0
	if line <= len(w.lines) {
		if i := strings.Index(w.lines[line-1], "."+name); i >= 0 {
			col = 2 + len([]rune(w.lines[line-1][:i]))
		}
	}
	if groups[name] {
		var members []string
		for _, k := range known {
			if strings.HasPrefix(k, name+".") {
				members = append(members, "."+k)
			}
		}
		report("LETTER_VALUE_GROUP", line, col, packager.Args{"name": "." + name, "known": strings.Join(members, " ")}, "")
		return
	}
	near := yamldoc.Nearest(name, known)
	if near != "" {
		near = "." + near
	}
	report("LETTER_VALUE_UNKNOWN", line, col, packager.Args{"name": "." + name, "known": "." + strings.Join(known, " .")}, near)
}

var templatePos = regexp.MustCompile(`^template: [^:]*:(\d+)(?::\d+)?: ?(.*)$`)

var startedAt = regexp.MustCompile(`started at [^:]*:(\d+)`)

// templateError takes the line out of an error of text/template.
func templateError(err error) (line int, why string) {
	m := templatePos.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if m == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(m[1])
	if from := startedAt.FindStringSubmatch(m[2]); from != nil { // an action that does not end
		line, _ = strconv.Atoi(from[1])
	}
	if _, after, ok := strings.Cut(m[2], ">: "); ok { // executing "x" at <.y>: why
		return line, after
	}
	return line, m[2]
}

// fill drafts one copy of the wording for a case.
func (w *wording) fill(c *packager.Case, rs *packager.RuleSet, i instance) (*Draft, error) {
	vals := values(c, rs, i, w.answers)
	blocks, err := w.blocks(vals)
	if err != nil {
		return nil, err
	}
	d := &Draft{
		ID: w.id + i.suffix, Answers: w.answers, Name: w.name, Needed: i.needed, Wording: w.revision,
		Values: flat(vals, w.uses), caseID: c.ID, blocks: blocks,
	}
	if d.Name.EN == "" {
		d.Name.EN = d.Name.ZH
	}
	which := packager.Text{ZH: strings.TrimPrefix(i.suffix, "-"), EN: strings.TrimPrefix(i.suffix, "-")}
	if i.person != nil {
		d.Person, which = i.person.who.Name, i.person.name
	}
	if which.ZH != "" {
		d.Name.ZH += "（" + which.ZH + "）"
		d.Name.EN += " (" + which.EN + ")"
	}
	d.seal()
	return d, nil
}

func (w *wording) blocks(vals map[string]any) ([]block, error) {
	var b bytes.Buffer
	if err := w.tmpl.Execute(&b, vals); err != nil {
		return nil, err
	}
	blocks, bad, known := markup(b.String())
	if bad != "" {
		line := 0
		for i, l := range w.lines {
			if strings.HasPrefix(strings.TrimSpace(l), bad) {
				line = i + 1
				break
			}
		}
		d := packager.Diagnostic{Code: "LETTER_MARK_UNKNOWN", Pos: packager.Position{File: w.file, Line: line, Column: 1}, Args: packager.Args{"mark": bad, "known": strings.Join(known, ", ")}, Suggestion: yamldoc.Nearest(bad, known)}
		if line > 0 {
			d.Line = w.lines[line-1]
		}
		return nil, packager.Diagnostics{d}
	}
	if len(blocks) == 0 || blocks[0].kind != title {
		return nil, packager.Diagnostics{{Code: "LETTER_NO_TITLE", Pos: packager.Position{File: w.file, Line: 1}, Args: packager.Args{}}}
	}
	return blocks, nil
}

package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

// Validate holds what a case states against its pack: the application, the
// account type, special cases, facts, material ids and backup requirements
// must be those of the pack. Its error is packager.Diagnostics.
func (l *Library) Validate(c *packager.Case) error {
	p, err := l.packOf(c)
	if err != nil {
		return err
	}
	_, found := p.validate(c)
	return yamldoc.Sorted(found)
}

// packOf returns the pack of a case. An unknown platform is a mistake at its
// place in case.yaml, where that is known.
func (l *Library) packOf(c *packager.Case) (*loaded, error) {
	p, err := l.load(c.Platform)
	if f, ok := err.(*packager.Fault); ok && f.Code == "PLATFORM_UNKNOWN" && c.Pos["platform"].Line > 0 {
		v := validator{c: c}
		v.report(f.Code, "platform", f.Args, f.Args["nearest"])
		return nil, v.found
	}
	return p, err
}

type validator struct {
	c     *packager.Case
	found packager.Diagnostics
}

func (v *validator) report(code, path string, args packager.Args, suggestion string) {
	pos, ok := v.c.Pos[path]
	for up := path; !ok && up != ""; {
		up = up[:max(0, strings.LastIndexByte(up, '.'))]
		pos, ok = v.c.Pos[up]
	}
	if file := v.c.Pos["platform"].File; !ok && file != "" { // what is missing altogether
		pos = packager.Position{File: file, Line: 1, Column: 1}
	}
	v.found = append(v.found, packager.Diagnostic{
		Code: code, Pos: pos, Path: path, Line: yamldoc.Line(v.c.Text, pos.Line), Args: args, Suggestion: suggestion,
	})
}

// known reports a word that is none of those the pack has.
func (v *validator) known(code, path, word string, words []string) bool {
	if slices.Contains(words, word) {
		return true
	}
	v.report(code, path, packager.Args{"got": word, "known": strings.Join(words, ", ")}, yamldoc.Nearest(word, words))
	return false
}

// validate returns the facts of the case as conditions see them, and what is
// wrong with the case.
func (p *loaded) validate(c *packager.Case) (map[string]any, packager.Diagnostics) {
	v := &validator{c: c}
	applications := ids(p.Applications, func(a Application) string { return a.ID })
	if v.known("CASE_APPLICATION_UNKNOWN", "application", c.Application, applications) {
		v.accountType(p, c)
		v.specialCases(p, c)
	}
	for _, id := range sortedKeys(c.Materials) {
		v.known("CASE_MATERIAL_UNKNOWN", "materials."+id, id, sortedKeys(p.specs))
	}
	for _, id := range sortedKeys(c.Papers) {
		v.known("CASE_MATERIAL_UNKNOWN", "papers."+id, id, sortedKeys(p.specs))
	}
	for i, b := range c.Backups {
		v.known("CASE_BACKUP_UNKNOWN", "backups."+strconv.Itoa(i)+".requirement", b.Requirement, p.backups())
	}
	facts := map[string]any{}
	known := ids(p.Facts, func(f FactSpec) string { return f.ID })
	for _, id := range sortedKeys(c.Facts) {
		path := "facts." + id
		if !v.known("CASE_FACT_UNKNOWN", path, id, known) || c.Facts[id].Value == nil {
			continue
		}
		spec := p.Facts[slices.Index(known, id)]
		value, suggestion, ok := spec.read(c.Facts[id].Value)
		if !ok {
			if _, long := c.Pos[path+".value"]; long {
				path += ".value"
			}
			v.report("CASE_FACT_"+strings.ToUpper(spec.Type), path, packager.Args{
				"fact": id, "got": yamldoc.Display(text(c.Facts[id].Value)), "known": strings.Join(spec.Values, ", "),
			}, suggestion)
			continue
		}
		facts[id] = value
	}
	return facts, v.found
}

func (v *validator) accountType(p *loaded, c *packager.Case) {
	all := ids(p.AccountTypes, func(o Option) string { return o.ID })
	fit := p.typesOf(c.Application)
	switch {
	case p.accountType(c) == "":
		v.report("CASE_ACCOUNT_TYPE_MISSING", "account_type", packager.Args{"known": strings.Join(fit, ", ")}, "")
	case c.AccountType == "", !v.known("CASE_ACCOUNT_TYPE_UNKNOWN", "account_type", c.AccountType, all):
	case !slices.Contains(fit, c.AccountType):
		v.report("CASE_ACCOUNT_TYPE_UNFIT", "account_type", packager.Args{
			"got": c.AccountType, "application": c.Application, "known": strings.Join(fit, ", "),
		}, "")
	}
}

// typesOf returns the account types that an application is open to.
func (p *Pack) typesOf(application string) []string {
	var fit []string
	for _, a := range p.Applications {
		if a.ID != application {
			continue
		}
		for _, t := range p.AccountTypes {
			if (len(a.AccountTypes) == 0 || slices.Contains(a.AccountTypes, t.ID)) &&
				(len(t.Applications) == 0 || slices.Contains(t.Applications, application)) {
				fit = append(fit, t.ID)
			}
		}
	}
	return fit
}

// accountType is the case's account type; where the application has a single
// one, it need not be stated.
func (p *Pack) accountType(c *packager.Case) string {
	if fit := p.typesOf(c.Application); c.AccountType == "" && len(fit) == 1 {
		return fit[0]
	}
	return c.AccountType
}

func (v *validator) specialCases(p *loaded, c *packager.Case) {
	all := ids(p.SpecialCases, func(o Option) string { return o.ID })
	for i, s := range c.SpecialCases {
		path := "special_cases." + strconv.Itoa(i)
		if !v.known("CASE_SPECIAL_CASE_UNKNOWN", path, s, all) {
			continue
		}
		o := p.SpecialCases[slices.Index(all, s)]
		if len(o.Applications) > 0 && !slices.Contains(o.Applications, c.Application) ||
			len(o.AccountTypes) > 0 && !slices.Contains(o.AccountTypes, p.accountType(c)) {
			v.report("CASE_SPECIAL_CASE_UNFIT", path, packager.Args{
				"got": s, "application": c.Application, "account_type": p.accountType(c),
			}, "")
		}
	}
}

// backups returns the ids of the pack's backup requirements.
func (p *Pack) backups() []string {
	var all []string
	for i := range p.Rules {
		if p.Rules[i].Kind == packager.KindBackup {
			all = union(all, []string{p.Rules[i].requirement()})
		}
	}
	return all
}

var words = map[string]bool{
	"true": true, "yes": true, "y": true, "on": true, "是": true, "有": true, "已": true, "对": true, "√": true,
	"false": false, "no": false, "n": false, "off": false, "否": false, "无": false, "没有": false, "未": false, "不": false, "×": false,
}

// read brings a stated value to the type of the fact: bool, int64, float64,
// time.Time (midnight in Asia/Shanghai), string or []any of strings. A value
// that is not of that type is answered with what may have been meant; nothing
// is guessed silently.
func (f FactSpec) read(value any) (out any, suggestion string, ok bool) {
	switch f.Type {
	case "bool":
		if b, ok := value.(bool); ok {
			return b, "", true
		}
		if b, ok := words[strings.ToLower(strings.TrimSpace(text(value)))]; ok {
			return nil, strconv.FormatBool(b), false
		}
	case "int":
		switch n := value.(type) {
		case int64:
			return n, "", true
		case float64:
			if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
				return int64(n), "", true
			}
		}
		return nil, number(value), false
	case "number":
		switch n := value.(type) {
		case int64:
			return float64(n), "", true
		case float64:
			return n, "", true
		}
		return nil, number(value), false
	case "date":
		if d, ok := value.(packager.Day); ok {
			return d.Time(), "", true
		}
		d, _ := yamldoc.DayLike(text(value))
		return nil, d.String(), false
	case "text":
		if _, list := value.([]any); !list {
			return text(value), "", true
		}
	case "choice":
		if slices.Contains(f.Values, text(value)) {
			return text(value), "", true
		}
		return nil, yamldoc.Nearest(text(value), f.Values), false
	case "list":
		list, many := value.([]any)
		if !many {
			list = []any{value}
		}
		all := make([]any, len(list))
		for i, item := range list {
			s := text(item)
			if len(f.Values) > 0 && !slices.Contains(f.Values, s) {
				return nil, yamldoc.Nearest(s, f.Values), false
			}
			all[i] = s
		}
		return all, "", true
	}
	return nil, "", false
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case packager.Day:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		return strings.Join(ids(v, text), ", ")
	}
	return fmt.Sprint(v)
}

// number suggests the number in "1,000.50 元".
func number(v any) string {
	if _, ok := v.(float64); ok {
		return "" // 2.5 where a whole number is wanted
	}
	s := strings.NewReplacer(",", "", "，", "", " ", "", "元", "", "天", "", "人", "", "¥", "", "￥", "").Replace(text(v))
	if _, err := strconv.ParseFloat(s, 64); err != nil || strings.ContainsAny(s, "xXnN_") {
		return ""
	}
	return s
}

func ids[T any](list []T, id func(T) string) []string {
	all := make([]string, len(list))
	for i, x := range list {
		all[i] = id(x)
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"dossier/packager"
)

// What conditions may say is written down for people in
// templates/schema/CEL.md; keep the two together.

const (
	// costLimit bounds the work of one condition, in CEL's cost units (about
	// one a step). A condition of a pack takes some tens.
	costLimit = 100_000
	// maxExpression is the length of a condition in characters.
	maxExpression = 4000
	// maxNesting is how deep a condition may nest.
	maxNesting = 50
)

// structs are the types with fixed fields. A text that is not stated is "";
// followers that are not stated are null; a day that is not stated is unknown.
var structs = map[string]map[string]*cel.Type{
	"Account": {
		"id": cel.StringType, "name": cel.StringType, "bound_phone": cel.StringType,
		"bound_email": cel.StringType, "followers": cel.DynType,
	},
	"Applicant": {
		"name": cel.StringType, "uscc": cel.StringType, "legal_representative": cel.ObjectType("Person"),
	},
	"Person": {
		"name": cel.StringType, "id_number": cel.StringType, "id_type": cel.StringType,
		"id_valid_from": cel.TimestampType, "id_valid_until": cel.TimestampType, "id_long_term": cel.BoolType,
		"phone": cel.StringType, "email": cel.StringType,
	},
}

var variables = map[string]*cel.Type{
	"platform":      cel.StringType,
	"application":   cel.StringType,
	"account_type":  cel.StringType,
	"special_cases": cel.ListType(cel.StringType),
	"account":       cel.ObjectType("Account"),
	"applicant":     cel.ObjectType("Applicant"),
	"agent":         cel.ObjectType("Person"),
	"employee":      cel.ObjectType("Person"),
	"holder":        cel.ObjectType("Person"),
	"facts":         cel.MapType(cel.StringType, cel.DynType),
	"today":         cel.TimestampType,
}

// provider adds structs to the types of CEL. Their values are map[string]any.
type provider struct{ types.Provider }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := structs[name]; ok {
		return types.NewTypeTypeWithParam(cel.ObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if fields, ok := structs[name]; ok {
		return slices.Sorted(maps.Keys(fields)), true
	}
	return p.Provider.FindStructFieldNames(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	fields, ok := structs[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, field)
	}
	t, ok := fields[field]
	if !ok {
		return nil, false
	}
	return &types.FieldType{
		Type: t,
		IsSet: func(target any) bool {
			m, _ := target.(map[string]any)
			v, ok := m[field]
			return ok && v != nil && v != "" && v != false
		},
		GetFrom: func(target any) (any, error) {
			m, _ := target.(map[string]any)
			if v, ok := m[field]; ok {
				return v, nil
			}
			return nil, errors.New(field + " is not stated")
		},
	}, true
}

// environment is the same for all packs and made once.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(provider{registry}),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxNesting),
		cel.Function("days_between", cel.Overload("days_between_timestamps",
			[]*cel.Type{cel.TimestampType, cel.TimestampType}, cel.IntType,
			cel.BinaryBinding(daysBetween))),
		cel.Function("day", cel.Overload("day_of_text",
			[]*cel.Type{cel.StringType}, cel.TimestampType, cel.UnaryBinding(dayOf))),
		cel.Macros(
			cel.GlobalMacro("days_since", 1, func(f cel.MacroExprFactory, _ celast.Expr, args []celast.Expr) (celast.Expr, *cel.Error) {
				return f.NewCall("days_between", args[0], f.NewIdent("today")), nil
			}),
			cel.GlobalMacro("days_until", 1, func(f cel.MacroExprFactory, _ celast.Expr, args []celast.Expr) (celast.Expr, *cel.Error) {
				return f.NewCall("days_between", f.NewIdent("today"), args[0]), nil
			}),
			cel.GlobalMacro("case_is", 1, func(f cel.MacroExprFactory, _ celast.Expr, args []celast.Expr) (celast.Expr, *cel.Error) {
				return f.NewCall(operators.In, args[0], f.NewIdent("special_cases")), nil
			}),
		),
	}
	for name, t := range variables {
		options = append(options, cel.Variable(name, t))
	}
	return cel.NewEnv(options...)
})

func daysBetween(from, to ref.Val) ref.Val {
	a, ok := from.Value().(time.Time)
	b, ok2 := to.Value().(time.Time)
	if !ok || !ok2 {
		return types.MaybeNoSuchOverloadErr(from)
	}
	return types.Int(packager.DayOf(a).DaysUntil(packager.DayOf(b)))
}

func dayOf(v ref.Val) ref.Val {
	s, _ := v.Value().(string)
	day, err := packager.ParseDay(s)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Timestamp{Time: day.Time()}
}

// condition is a compiled CEL expression.
type condition struct {
	program cel.Program
	facts   []string // that it reads, sorted
	absent  []string // agent, employee, holder, followers …: what else may not be stated
	words   []celWord
}

// celWord is a word of the pack that an expression names: the id of a fact
// (of "facts"), a special case, an account type …, or a value of a fact (of
// that fact's id). line counts from 1, column from 0, in characters.
type celWord struct {
	of, word     string
	line, column int
}

// celError is a mistake in an expression: line from 1, column from 0, in
// characters.
type celError struct {
	line, column int
	message      string
}

// compile reads an expression that gives want. Where it is wrong, the
// condition knows the words of it as far as it could be read, and cannot run.
func compile(text string, want *cel.Type) (*condition, []celError, error) {
	env, err := environment()
	if err != nil {
		return nil, nil, err
	}
	c := &condition{}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return c, celErrors(text, issues), nil
	}
	c.survey(text, parsed.NativeRep())
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return c, celErrors(text, issues), nil
	}
	if t := checked.OutputType(); !t.IsExactType(want) && !t.IsExactType(cel.DynType) {
		return c, []celError{{1, 0, fmt.Sprintf("the expression gives %s; %s is wanted", t, want)}}, nil
	}
	if c.program, err = env.Program(checked, cel.CostLimit(costLimit)); err != nil {
		return c, []celError{{1, 0, err.Error()}}, nil
	}
	return c, nil, nil
}

func celErrors(text string, issues *cel.Issues) []celError {
	var all []celError
	for _, e := range issues.Errors() {
		line, column := wordAt(text, e.Location.Line(), e.Location.Column())
		all = append(all, celError{line, column, strings.TrimSuffix(e.Message, " (in container '')")})
	}
	return all
}

// wordAt moves a place that CEL gives to the word that it is about: from the
// dot of a selection to the field after it, from the bracket of a call to the
// function before it. line counts from 1, column from 0.
func wordAt(text string, line, column int) (int, int) {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return line, column
	}
	r := []rune(lines[line-1])
	switch {
	case column >= len(r):
	case r[column] == '.':
		column++
	case r[column] == '(':
		for column > 0 && (r[column-1] == '_' || unicode.IsLetter(r[column-1]) || unicode.IsDigit(r[column-1])) {
			column--
		}
	}
	return line, column
}

// survey notes what the expression reads, and the words in it.
func (c *condition) survey(text string, tree *celast.AST) {
	note := func(of, word string, e celast.Expr) {
		at := tree.SourceInfo().GetStartLocation(e.ID())
		line, column := wordAt(text, at.Line(), at.Column())
		c.words = append(c.words, celWord{of, word, line, column})
		if of == "facts" {
			c.facts = append(c.facts, word)
		}
	}
	celast.PostOrderVisit(tree.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.IdentKind:
			if name := e.AsIdent(); name == "agent" || name == "employee" || name == "holder" {
				c.absent = append(c.absent, name)
			}
		case celast.SelectKind:
			field := e.AsSelect().FieldName()
			if named(e.AsSelect().Operand()) == "facts" {
				note("facts", field, e)
			}
			if field == "followers" || field == "id_valid_from" || field == "id_valid_until" {
				c.absent = append(c.absent, field)
			}
		case celast.CallKind:
			if args := e.AsCall().Args(); len(args) == 2 {
				surveyCall(e.AsCall().FunctionName(), args[0], args[1], note)
			}
		}
	}))
	slices.Sort(c.facts)
	c.facts = slices.Compact(c.facts)
}

// surveyCall notes the words of a call with two arguments: facts['x'], 'x' in
// special_cases, account_type == 'x', facts.y in ['x', 'z'].
func surveyCall(function string, a, b celast.Expr, note func(of, word string, e celast.Expr)) {
	literal := func(of string, e celast.Expr) {
		if e.Kind() != celast.LiteralKind || of == "" {
			return
		}
		if word, ok := e.AsLiteral().Value().(string); ok {
			note(of, word, e)
		}
	}
	switch function {
	case operators.Index:
		if named(a) == "facts" {
			literal("facts", b)
		}
	case operators.In:
		if of := named(b); of == "facts" || of == "special_cases" {
			literal(of, a)
		}
		if b.Kind() == celast.ListKind {
			for _, e := range b.AsList().Elements() {
				literal(worded(a), e)
			}
		}
	case operators.Equals, operators.NotEquals:
		literal(worded(a), b)
		literal(worded(b), a)
	}
}

// named returns the name of a variable, "" for any other expression.
func named(e celast.Expr) string {
	if e.Kind() == celast.IdentKind {
		return e.AsIdent()
	}
	return ""
}

// worded names the list of words that an expression takes its value from.
func worded(e celast.Expr) string {
	switch name := named(e); name {
	case "application", "account_type", "platform":
		return name
	}
	if e.Kind() == celast.SelectKind && named(e.AsSelect().Operand()) == "facts" {
		return e.AsSelect().FieldName()
	}
	return ""
}

// missing reports whether the expression reads something that the case does
// not state.
func (c *condition) missing(vars map[string]any) bool {
	facts := vars["facts"].(map[string]any)
	for _, id := range c.facts {
		if _, ok := facts[id]; !ok {
			return true
		}
	}
	for _, name := range c.absent {
		switch name {
		case "agent", "employee", "holder":
			if vars[name] == nil {
				return true
			}
		case "followers":
			if vars["account"].(map[string]any)["followers"] == nil {
				return true
			}
		default: // a day of a person; which one does not matter
			return true
		}
	}
	return false
}

// eval gives the value of the expression. known is false when it cannot be
// told because the case does not state what it reads: an error at run time is
// the pack's fault only where everything is stated. The laws of CEL hold:
// `a || b` is true when one of them is, however unknown the other.
func (c *condition) eval(vars map[string]any) (value any, known bool, err error) {
	out, _, err := c.program.Eval(vars)
	if err != nil {
		if c.missing(vars) {
			return nil, false, nil
		}
		return nil, false, err
	}
	return out.Value(), true, nil
}

// programs compiles each expression of a pack when it is first needed.
type programs struct {
	mu   sync.Mutex
	made map[string]*condition
}

func (p *programs) get(text string, want *cel.Type) (*condition, []celError, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := want.String() + " " + text
	if c, ok := p.made[key]; ok {
		return c, nil, nil
	}
	c, wrong, err := compile(text, want)
	if err == nil && len(wrong) == 0 {
		if p.made == nil {
			p.made = map[string]*condition{}
		}
		p.made[key] = c
	}
	return c, wrong, err
}

// vars are the variables that conditions see.
func (r *resolver) vars() map[string]any {
	c := r.c
	account := map[string]any{
		"id": c.Account.ID, "name": c.Account.Name, "bound_phone": c.Account.BoundPhone,
		"bound_email": c.Account.BoundEmail, "followers": nil,
	}
	if c.Account.Followers != nil {
		account["followers"] = *c.Account.Followers
	}
	v := map[string]any{
		"platform": c.Platform, "application": c.Application, "account_type": r.accountType,
		"special_cases": slices.Clone(c.SpecialCases), "account": account,
		"applicant": map[string]any{
			"name": c.Applicant.Name, "uscc": c.Applicant.USCC,
			"legal_representative": personVars(&c.Applicant.LegalRepresentative),
		},
		"agent": nil, "employee": nil, "holder": nil,
		"facts": r.facts, "today": r.day.Time(),
	}
	for name, p := range map[string]*packager.Person{"agent": c.Agent, "employee": c.Employee, "holder": c.Holder} {
		if p != nil {
			v[name] = personVars(p)
		}
	}
	return v
}

func personVars(p *packager.Person) map[string]any {
	m := map[string]any{
		"name": p.Name, "id_number": p.IDNumber, "id_type": p.IDType, "id_long_term": p.IDLongTerm,
		"phone": p.Phone, "email": p.Email,
	}
	for field, day := range map[string]packager.Day{"id_valid_from": p.IDValidFrom, "id_valid_until": p.IDValidUntil} {
		if !day.IsZero() {
			m[field] = day.Time()
		}
	}
	return m
}

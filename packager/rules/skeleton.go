package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"dossier/packager"
)

// Skeleton writes a case.yaml to fill in: what the pack asks of this
// application and account type, each as a commented line with its question,
// in Chinese. An empty accountType is left to be filled in.
func (l *Library) Skeleton(id, application, accountType string) ([]byte, error) {
	p, err := l.load(id)
	if err != nil {
		return nil, err
	}
	v := &validator{c: &packager.Case{Application: application, AccountType: accountType}}
	if v.known("CASE_APPLICATION_UNKNOWN", "", application, ids(p.Applications, func(a Application) string { return a.ID })) && accountType != "" {
		v.accountType(p, v.c)
	}
	if len(v.found) > 0 {
		return nil, v.found
	}
	s := &skeleton{p: p, application: application, accountType: accountType}
	for i := range p.Rules {
		if r := &p.Rules[i]; s.mayApply(r) {
			s.rules = append(s.rules, r)
		}
	}
	s.head()
	s.people()
	s.materials()
	s.facts()
	s.backups()
	return s.out.Bytes(), nil
}

type skeleton struct {
	p                        *loaded
	application, accountType string
	rules                    []*Rule // that may apply
	out                      bytes.Buffer
}

func (s *skeleton) line(format string, args ...any) {
	fmt.Fprintf(&s.out, strings.TrimRight(format, "\n")+"\n", args...)
}

func (s *skeleton) mayApply(r *Rule) bool {
	fits := func(list []string, word string) bool {
		return word == "" || len(list) == 0 || slices.Contains(list, word)
	}
	return fits(r.Applications, s.application) && fits(r.AccountTypes, s.accountType)
}

// oneLine is a text fit for a comment.
func oneLine(t packager.Text) string { return strings.Join(strings.Fields(t.In("zh")), " ") }

func nameIn[T any](list []T, is func(T) bool, name func(T) packager.Text) string {
	for _, x := range list {
		if is(x) {
			return oneLine(name(x))
		}
	}
	return ""
}

func (s *skeleton) head() {
	application := nameIn(s.p.Applications, func(a Application) bool { return a.ID == s.application }, func(a Application) packager.Text { return a.Name })
	s.line("# %s：%s", oneLine(s.p.Name), application)
	s.line("#")
	s.line("# 逐项填写本文件。“# ”（有空格）后面是说明；“#”紧接着的是待填写的项目，如 #agent:，填写时去掉这个 #。")
	s.line("# 日期写作 2026-11-22；文件路径以本文件夹为起点，用 / 分隔。")
	s.line("# 填好后运行 dossier check，会列出还缺什么。")
	s.line("version: 1")
	s.line("platform: %s", s.p.ID)
	s.line("application: %s", s.application)
	kind := nameIn(s.p.AccountTypes, func(o Option) bool { return o.ID == s.accountType }, func(o Option) packager.Text { return o.Name })
	if s.accountType != "" {
		s.line("account_type: %s  # %s", s.accountType, kind)
	} else {
		s.line("# 账号类型，选一个：")
		s.options(s.p.AccountTypes)
		s.line("account_type:")
	}
	if list := s.cases(); len(list) > 0 {
		s.line("# 特殊情形：符合的写进方括号，用逗号分隔。")
		s.options(list)
		s.line("special_cases: []")
	}
}

func (s *skeleton) options(list []Option) {
	for _, o := range list {
		if hint := oneLine(o.Hint); hint != "" {
			s.line("#   %s：%s（%s）", o.ID, oneLine(o.Name), hint)
		} else {
			s.line("#   %s：%s", o.ID, oneLine(o.Name))
		}
	}
}

func (s *skeleton) cases() []Option {
	var list []Option
	for _, o := range s.p.SpecialCases {
		if (len(o.Applications) == 0 || slices.Contains(o.Applications, s.application)) &&
			(s.accountType == "" || len(o.AccountTypes) == 0 || slices.Contains(o.AccountTypes, s.accountType)) {
			list = append(list, o)
		}
	}
	return list
}

// asks reports whether a rule that may apply names a word: in a material id or
// in a condition.
func (s *skeleton) asks(word, paper string) bool {
	return slices.ContainsFunc(s.rules, func(r *Rule) bool {
		return strings.Contains(r.When+" "+r.Check, word) ||
			slices.ContainsFunc(slices.Concat(r.Needs, r.AnyOf), func(id string) bool { return strings.HasPrefix(id, paper) })
	})
}

func (s *skeleton) people() {
	company := s.asks("legal_representative", "legal_rep") || s.asks("uscc", "business_licence")
	holder, employee := s.asks("holder", "holder_"), s.asks("employee", "employee_")
	s.line("")
	s.line("account:")
	s.line("  id:           # UID、原始ID、抖音号等")
	s.line("  name:         # 账号名称（昵称）")
	s.line("  bound_phone:  # 绑定的手机号")
	s.line("  bound_email:  # 绑定的邮箱")
	s.line("  followers:    # 粉丝数，整数")
	s.line("")
	s.line("applicant:")
	s.line("  name:         # %s", map[bool]string{true: "单位全称，与营业执照一字不差", false: "申请人姓名或单位全称，与证件一字不差"}[company])
	if company {
		s.line("  uscc:         # 统一社会信用代码，18 位")
		s.line("  legal_representative:")
		s.person("    ", false)
	}
	s.line("")
	if company {
		s.line("# 经办人：不由法定代表人亲自提交时填写")
		s.line("#agent:")
		s.person("  ", true)
	}
	if employee {
		s.line("# 员工：账号所属的员工")
		s.line("employee:")
		s.person("  ", false)
	}
	if holder {
		s.line("# 账号持有人：账号登记的本人")
		s.line("holder:")
		s.person("  ", false)
	}
	s.line("")
	s.line("reason:         # 申请理由，会写进申请函")
}

func (s *skeleton) person(indent string, commented bool) {
	if commented {
		indent = "#" + indent
	}
	s.line("%sname:            # 姓名", indent)
	s.line("%sid_number:       # 证件号码", indent)
	s.line("%sid_valid_until:  # 证件有效期止：日期，或 长期", indent)
	s.line("%sphone:           # 手机号", indent)
}

func (s *skeleton) materials() {
	s.line("")
	s.line("# 材料：把文件放进 materials/，能从文件名看出是什么的会自动归类，不必写在这里。")
	s.line("materials:")
	var seen []string
	for _, r := range s.rules {
		all := slices.Concat(r.Needs, r.AnyOf)
		for _, id := range all {
			if slices.Contains(seen, id) {
				continue
			}
			seen = append(seen, id)
			note := s.weight(r)
			if slices.Contains(r.AnyOf, id) && len(r.AnyOf) > 1 {
				note += "；以下有其一即可：" + strings.Join(r.AnyOf, "、")
			}
			s.line("  # %s（%s）", oneLine(s.p.specs[id].Name), note+s.only(r))
			s.line("  #%s:", id)
		}
	}
}

// weight says how much depends on a rule.
func (s *skeleton) weight(r *Rule) string {
	switch r.grade(r.Severity) {
	case packager.Block:
		return "必需"
	case packager.Warn:
		return "建议"
	}
	return "可选"
}

// only says in which special cases a rule applies.
func (s *skeleton) only(r *Rule) string {
	switch {
	case len(r.SpecialCases) > 0:
		return "；仅限 " + strings.Join(r.SpecialCases, "、")
	case r.When != "":
		return "；视情形而定"
	}
	return ""
}

func (s *skeleton) facts() {
	type use struct {
		rule     *Rule
		evidence bool
	}
	uses := map[string]use{}
	note := func(id string, r *Rule) {
		u, ok := uses[id]
		if !ok {
			u.rule = r
		}
		u.evidence = u.evidence || r != nil && r.Evidence != ""
		uses[id] = u
	}
	for _, r := range s.rules {
		for _, id := range union(r.Facts, s.p.reads(r.Check), s.p.reads(r.When), s.min(r)) {
			note(id, r)
		}
	}
	for _, e := range s.p.Timeline {
		if id, ok := strings.CutPrefix(e.From, "fact:"); ok && (len(e.Applications) == 0 || slices.Contains(e.Applications, s.application)) {
			note(id, nil)
		}
	}
	s.line("")
	s.line("# 事实：逐项核实后填写。需要截图的写成 {value: 值, on: 日期, evidence: [materials/截图.png]}。")
	s.line("facts:")
	for _, f := range s.p.Facts {
		u, ok := uses[f.ID]
		if !ok {
			continue
		}
		note := s.form(f)
		if u.rule != nil {
			note += s.only(u.rule)
		}
		if u.evidence {
			note += "；要截图"
		}
		s.line("  # %s（%s）", oneLine(f.Ask), note)
		if where := oneLine(f.Where); where != "" {
			s.line("  #   在哪里看：%s", where)
		}
		s.line("  #%s:", f.ID)
	}
}

func (s *skeleton) min(r *Rule) []string {
	if r.Min == "" {
		return nil
	}
	c, wrong, err := s.p.programs.get(r.Min, cel.IntType)
	if err != nil || len(wrong) > 0 {
		return nil
	}
	return c.facts
}

// form says how a fact is written.
func (s *skeleton) form(f FactSpec) string {
	form := map[string]string{
		"bool": "true 或 false", "int": "整数", "number": "数字", "date": "日期",
		"text": "文字", "choice": "选一个：", "list": "写成 [甲, 乙]",
	}[f.Type]
	if f.Type == "choice" {
		form += strings.Join(f.Values, "、")
	}
	if unit := map[string]string{"yuan": "元", "days": "天", "followers": "人"}[f.Unit]; unit != "" {
		form += "，单位" + unit
	}
	return form
}

func (s *skeleton) backups() {
	s.line("")
	s.line("# 备份：账号数据的导出文件放进 backups/。内容不进入申请卷宗。")
	s.line("backups:")
	var seen []string
	for _, r := range s.rules {
		if r.Kind != packager.KindBackup || slices.Contains(seen, r.requirement()) {
			continue
		}
		seen = append(seen, r.requirement())
		note := s.weight(r)
		if r.MaxItems > 0 {
			note += fmt.Sprintf("；每个文件最多 %d 条", r.MaxItems)
		}
		if r.WindowDays > 0 {
			note += fmt.Sprintf("；平台只保留最近 %d 天", r.WindowDays)
		}
		if r.MaxAgeDays > 0 {
			note += fmt.Sprintf("；导出不早于申请日前 %d 天", r.MaxAgeDays)
		}
		s.line("  # %s（%s）", oneLine(r.Title), note+s.only(r))
		s.line("  #- {requirement: %s, files: [backups/文件名.zip], exported_on: , items: }", r.requirement())
	}
	s.line("")
	s.line("# 单独同意（个人信息保护法第二十九条）：卷宗中有其证件的每个人各写一行。由您留存，不进入卷宗。")
	s.line("consent:")
	s.line("  #- {person: 姓名, on: , evidence: [materials/同意书.jpg]}")
}

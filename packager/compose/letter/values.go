package letter

import (
	"maps"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/identity"
)

// values are what a wording can name, nested as in case.yaml.
func values(c *packager.Case, rs *packager.RuleSet, i instance, answers string) map[string]any {
	who := func(p *packager.Person) map[string]any {
		if p == nil {
			p = &packager.Person{}
		}
		return map[string]any{"name": plain(p.Name), "id_number": plain(p.IDNumber), "phone": plain(p.Phone)}
	}
	filer := packager.Person{}
	if all := people(c); len(all) > 0 {
		filer = all[0].who
	}
	if filer.Phone == "" {
		filer.Phone = c.Account.BoundPhone
	}
	subject := who(nil)
	subject["role"], subject["papers"] = "", ""
	if i.person != nil {
		subject = who(&i.person.who)
		subject["role"], subject["papers"] = i.person.name.ZH, strings.Join(i.person.papers(rs), "、")
	}
	return map[string]any{
		"account": map[string]any{
			"id": plain(c.Account.ID), "name": plain(c.Account.Name),
			"bound_phone": plain(c.Account.BoundPhone), "bound_email": plain(c.Account.BoundEmail),
		},
		"applicant": map[string]any{
			"name": plain(c.Applicant.Name), "uscc": plain(identity.Normal(c.Applicant.USCC)),
			"legal_representative": who(&c.Applicant.LegalRepresentative),
		},
		"agent": who(agent(c)), "employee": who(c.Employee), "holder": who(c.Holder),
		"person": subject, "filer": who(&filer),
		"platform":     map[string]any{"name": plain(rs.Name.ZH), "operator": plain(rs.Operator)},
		"application":  map[string]any{"id": c.Application, "name": plain(bare(rs.Application.ZH))},
		"account_type": map[string]any{"name": plain(rs.AccountType.ZH)},
		"reason":       plain(strings.TrimRight(c.Reason, "。.；; \n")),
		"attachments":  attachments(rs, answers),
	}
}

// agent is who files, unless that is the legal representative.
func agent(c *packager.Case) *packager.Person {
	if c.Agent == nil || c.Agent.Name == c.Applicant.LegalRepresentative.Name {
		return nil
	}
	return c.Agent
}

// plain makes a value fit for one line of a wording. A mark at its beginning
// would be taken for one of the wording's: an invisible character, which is
// not printed, keeps it from standing at the beginning of a line.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s != "" && strings.ContainsRune("#@|+!", rune(s[0])) {
		s = "\u2060" + s
	}
	return s
}

// attachments are the papers that go with the letter: what the rule set asks
// for, in the order of the bundle. The letter itself is not among them, nor
// what is only advised.
func attachments(rs *packager.RuleSet, answers string) []string {
	type paper struct {
		order int
		name  string
	}
	var list []paper
	for _, r := range rs.Requirements {
		if r.Kind != packager.KindMaterial || len(r.AnyOf) == 0 || r.Severity == packager.Info || slices.Contains(r.AnyOf, answers) {
			continue
		}
		m, ok := rs.Catalogue[r.AnyOf[0]]
		if m.Part == "letter" { // another letter stands for itself
			continue
		}
		name := r.Title.ZH
		if ok && len(r.AnyOf) == 1 {
			name = m.Name.ZH
		}
		name = attached(name)
		if ok && name != "" && !slices.ContainsFunc(list, func(p paper) bool { return p.name == name }) {
			list = append(list, paper{place(rs, &Draft{Answers: m.ID}), name})
		}
	}
	slices.SortStableFunc(list, func(a, b paper) int { return a.order - b.order })
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = plain(p.name)
	}
	return names
}

// attached is a paper's name as a list of enclosures has it: the two sides of
// a card are one enclosure, and what the name says about sealing is left out.
func attached(name string) string {
	for _, tail := range []string{"（人像面）", "（国徽面）"} {
		if s, ok := strings.CutSuffix(name, tail); ok {
			return s + "（人像面、国徽面）"
		}
	}
	return strings.NewReplacer("（加盖公章）", "", "（法人授权书）", "").Replace(name)
}

// bare is a name without what stands behind it in brackets.
func bare(s string) string {
	s, _, _ = strings.Cut(s, "（")
	return s
}

// labels name the values for people; grave are those that say who applies or
// about which account.
var labels = map[string]struct {
	packager.Text
	grave bool
}{
	"account.id":                               {packager.Text{ZH: "账号标识", EN: "account id"}, true},
	"account.name":                             {packager.Text{ZH: "账号名称", EN: "account name"}, true},
	"account.bound_phone":                      {packager.Text{ZH: "绑定手机", EN: "bound phone"}, false},
	"account.bound_email":                      {packager.Text{ZH: "绑定邮箱", EN: "bound mailbox"}, false},
	"applicant.name":                           {packager.Text{ZH: "申请人名称", EN: "applicant"}, true},
	"applicant.uscc":                           {packager.Text{ZH: "统一社会信用代码", EN: "USCC"}, true},
	"applicant.legal_representative.name":      {packager.Text{ZH: "法定代表人", EN: "legal representative"}, true},
	"applicant.legal_representative.id_number": {packager.Text{ZH: "法定代表人证件号码", EN: "legal representative's ID number"}, true},
	"applicant.legal_representative.phone":     {packager.Text{ZH: "法定代表人电话", EN: "legal representative's phone"}, false},
	"agent.name":                               {packager.Text{ZH: "经办人", EN: "agent"}, true},
	"agent.id_number":                          {packager.Text{ZH: "经办人证件号码", EN: "agent's ID number"}, true},
	"agent.phone":                              {packager.Text{ZH: "经办人电话", EN: "agent's phone"}, false},
	"employee.name":                            {packager.Text{ZH: "员工", EN: "employee"}, true},
	"employee.id_number":                       {packager.Text{ZH: "员工证件号码", EN: "employee's ID number"}, true},
	"employee.phone":                           {packager.Text{ZH: "员工电话", EN: "employee's phone"}, false},
	"holder.name":                              {packager.Text{ZH: "账号持有人", EN: "account holder"}, true},
	"holder.id_number":                         {packager.Text{ZH: "账号持有人证件号码", EN: "holder's ID number"}, true},
	"holder.phone":                             {packager.Text{ZH: "账号持有人电话", EN: "holder's phone"}, false},
	"person.name":                              {packager.Text{ZH: "本人姓名", EN: "person"}, true},
	"person.id_number":                         {packager.Text{ZH: "本人证件号码", EN: "person's ID number"}, true},
	"person.phone":                             {packager.Text{ZH: "本人电话", EN: "person's phone"}, false},
	"person.role":                              {packager.Text{ZH: "本人身份", EN: "role"}, false},
	"person.papers":                            {packager.Text{ZH: "本人的材料", EN: "person's papers"}, false},
	"filer.name":                               {packager.Text{ZH: "联系人", EN: "contact"}, false},
	"filer.id_number":                          {packager.Text{ZH: "联系人证件号码", EN: "contact's ID number"}, false},
	"filer.phone":                              {packager.Text{ZH: "联系电话", EN: "contact's phone"}, false},
	"platform.name":                            {packager.Text{ZH: "平台名称", EN: "platform"}, true},
	"platform.operator":                        {packager.Text{ZH: "平台运营者", EN: "addressee"}, true},
	"application.id":                           {packager.Text{ZH: "申请类型", EN: "application"}, true},
	"application.name":                         {packager.Text{ZH: "申请类型", EN: "application"}, true},
	"account_type.name":                        {packager.Text{ZH: "账号类型", EN: "account type"}, false},
	"reason":                                   {packager.Text{ZH: "申请理由", EN: "reason"}, false},
	"attachments":                              {packager.Text{ZH: "附件", EN: "enclosures"}, false},
}

// Names are the names that a wording may use.
func Names() []string { return slices.Sorted(maps.Keys(labels)) }

// flat returns the values under the given names.
func flat(vals map[string]any, names []string) []Value {
	out := make([]Value, 0, len(names))
	for _, n := range names {
		l := labels[n]
		out = append(out, Value{n, lookup(vals, n), l.Text, l.grave})
	}
	return out
}

func lookup(vals map[string]any, name string) string {
	var v any = vals
	for _, part := range strings.Split(name, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[part]
	}
	switch v := v.(type) {
	case string:
		return v
	case []string:
		return strings.Join(v, "\n")
	}
	return ""
}

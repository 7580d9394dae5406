package rules_test

import (
	"io/fs"
	"testing"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/rules"
	"dossier/templates"
)

// BenchmarkLoad reads the largest of the shipped packs and the catalogue from
// their files, as every run of dossier does once.
func BenchmarkLoad(b *testing.B) {
	raw, err := fs.ReadFile(templates.FS, "platforms/wechat_oa/rules.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		l, err := rules.Load(templates.FS)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Pack("wechat_oa"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	l, err := rules.Load(templates.FS)
	if err != nil {
		b.Fatal(err)
	}
	c, err := casefile.Parse("case.yaml", []byte(oaCase))
	if err != nil {
		b.Fatal(err)
	}
	day := packager.Day{Year: 2026, Month: 11, Dom: 22}
	for b.Loop() {
		if _, err := l.For(c, day, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLint(b *testing.B) {
	l, err := rules.Load(templates.FS)
	if err != nil {
		b.Fatal(err)
	}
	name := "platforms/wechat_oa/rules.yaml"
	raw, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := l.Lint(name, raw); err != nil {
			b.Fatal(err)
		}
	}
}

const oaCase = `version: 1
platform: wechat_oa
account_type: enterprise
special_cases: [payment_enabled]
account: {id: gh_0123456789ab, name: 测试虚构服务号, followers: 12000}
applicant:
  name: 测试虚构（样本）科技有限公司
  uscc: 91000000MAFAKE019J
  legal_representative: {name: 测试甲, id_number: "110199198001010016"}
facts:
  last_active_on: 2026-10-01
  pay_balance_yuan: 1.00
`

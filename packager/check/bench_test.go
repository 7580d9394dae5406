package check

import (
	"fmt"
	"testing"

	"dossier/packager"
)

// BenchmarkCheck judges a case of 40 materials, each with what a machine read
// from it.
func BenchmarkCheck(b *testing.B) {
	in := base()
	for i := len(in.Files); i < 40; i++ {
		f := photo(fmt.Sprintf("materials/子账号授权%02d.jpg", i), "sub_account_authorization")
		f.Fields = []packager.Field{read("name", "样本科技有限公司"), read("legal_representative", "测试甲"), read("account_id", "gh_0123456789ab"),
			proven("uscc", "91330106673959654P", "ocr"), read("dated", "2026-11-20")}
		in.Files = append(in.Files, f)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := Check(in); len(r.Findings) != 0 {
			b.Fatalf("%v", all(r))
		}
	}
}

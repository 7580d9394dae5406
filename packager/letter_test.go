package packager

import "testing"

func TestLetterMark(t *testing.T) {
	m := LetterMark{Case: "wechat-oa-close-0123456789", Letter: "consent-legal_rep", Digest: "0123456789ab", Wording: "abcdef", Page: 2, Pages: 3}
	if got, ok := ParseLetterMark(m.String()); !ok || got != m {
		t.Errorf("%q gives %+v, %v", m, got, ok)
	}
	for _, bad := range []string{
		"", "DOSSIER1:", "DOSSIER1:a:b:c:d", "DOSSIER1:a:b:c:d:1", "DOSSIER1:a:b:c:d:0/1", "DOSSIER1:a:b:c:d:2/1",
		"DOSSIER1:a:b:c:d:1/1:x", "DOSSIER2:a:b:c:d:1/1", "DOSSIER1::b:c:d:1/1", "DOSSIER1:a::c:d:1/1", "DOSSIER1:a:b::d:1/1",
		"DOSSIER1:a:b:c:d:01/1", "DOSSIER1:a:b:c:d:+1/1", "https://www.gsxt.gov.cn/index.html?uniscid=91000000MAFAKE019J",
	} {
		if got, ok := ParseLetterMark(bad); ok {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func FuzzLetterMark(f *testing.F) {
	f.Add("DOSSIER1:a:b:c:d:1/2")
	f.Fuzz(func(t *testing.T, s string) {
		if m, ok := ParseLetterMark(s); ok && m.String() != s {
			t.Fatalf("%q comes back as %q", s, m)
		}
	})
}

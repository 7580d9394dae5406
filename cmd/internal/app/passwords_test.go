package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dossier/cmd/internal/config"
	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/templates"
)

func TestPDFPasswords(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "passwords.txt")
	text := "\ufeff# of the bank\r\n\r\n银行流水.pdf: bank\r\n合同：with: colon\nmaterials/b.pdf:b\n0123abcd: by digest\nfor: any\n#hash\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var questions, answers []string
	a := &App{
		Config: &config.Config{Settings: config.Settings{PDFPasswords: file}, Env: []string{"DOSSIER_PDF_PASSWORD=env"}},
		Words:  catalog.Printer("zh"), AskPDF: true,
		Ask: func(question string) (string, error) {
			questions = append(questions, question)
			if len(answers) == 0 {
				return "", errors.New("end of input")
			}
			defer func() { answers = answers[1:] }()
			return answers[0], nil
		},
	}
	next, err := a.pdfPasswords()
	if err != nil {
		t.Fatal(err)
	}
	all := func(m packager.Material, typed ...string) (got []string) {
		answers = typed
		for i := 0; ; i++ {
			s, ok := next(m, i)
			if !ok {
				return got
			}
			got = append(got, s.Reveal())
		}
	}
	at := func(path string) packager.Material {
		return packager.Material{Path: path, Abs: "/x/" + path, SHA256: "ffff"}
	}
	common := []string{"for: any", "#hash", "env"}
	for _, c := range []struct {
		name string
		m    packager.Material
		want []string
	}{
		{"by name", at("materials/银行流水.pdf"), []string{"bank"}},
		{"without extension, Chinese colon, a colon in it", at("materials/合同.pdf"), []string{"with: colon"}},
		{"by path", at("materials/b.pdf"), []string{"b"}},
		{"another folder", at("other/b.pdf"), nil},
		{"by digest", packager.Material{Path: "c.pdf", SHA256: "0123abcdef"}, []string{"by digest"}},
		{"none of its own", at("d.pdf"), nil},
	} {
		want := slices.Concat(c.want, common)
		if c.name != "without extension, Chinese colon, a colon in it" { // a name without extension may be a password
			want = slices.Insert(want, len(c.want), "合同：with: colon")
		}
		if got := all(c.m); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
	// A person is asked three times, Enter skips, and what was typed serves the next file.
	questions = nil
	common = slices.Insert(common, 0, "合同：with: colon")
	if got := all(at("d.pdf"), "one", "two", "three", "four"); !slices.Equal(got, slices.Concat(common, []string{"one", "two", "three"})) || len(questions) != 3 {
		t.Errorf("%q %q", got, questions)
	}
	if got := all(at("110199198001010016.pdf"), ""); !slices.Equal(got, slices.Concat(common, []string{"one", "two", "three"})) || len(questions) != 4 {
		t.Errorf("%q %q", got, questions)
	}
	if last := questions[3]; last != "110***********0016.pdf 有打开口令，请输入（不显示，不保存；直接回车跳过）：" {
		t.Error(last)
	}
	// No terminal, or a command that does not ask.
	a.AskPDF = false
	if next, err = a.pdfPasswords(); err != nil {
		t.Fatal(err)
	}
	if got := all(at("d.pdf"), "one"); !slices.Equal(got, common) {
		t.Errorf("%q", got)
	}
	a.Config.PDFPasswords = filepath.Join(t.TempDir(), "nowhere")
	var fault *packager.Fault
	if _, err := a.pdfPasswords(); !errors.As(err, &fault) || fault.Code != "PDF_PASSWORDS_FILE" || fault.Class != packager.ClassConfig {
		t.Error(err)
	}
}

package report

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dossier/templates"
)

func sample(lines int) *Report {
	r := &Report{Title: "核验报告", Intro: "测试样本", Made: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Foot: func(n, all int) string { return fmt.Sprintf("第 %d 页，共 %d 页", n, all) }}
	sec := Section{Title: "结论"}
	for i := range lines {
		sec.Lines = append(sec.Lines, Line{Good: i%2 == 0, Bad: i%2 == 1, Text: fmt.Sprintf("第 %d 项：王𬍛 %s", i, strings.Repeat("内容未改动 ", 12)), Next: "不要使用这份文件"})
	}
	r.Sections = []Section{sec, {Title: "签名", Lines: []Line{{Label: "级别", Text: "B-LTA"}, {Label: "空"}}}}
	return r
}

func TestPrint(t *testing.T) {
	p := &Printer{Regular: templates.Regular, Bold: templates.Bold}
	for _, lines := range []int{0, 1, 60} {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := p.Print(w, sample(lines)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("the same report gives other bytes")
		}
		if _, err := exec.LookPath("pdftotext"); err != nil {
			if os.Getenv("DOSSIER_JUDGES") == "required" {
				t.Fatal("judge pdftotext is not installed")
			}
			t.Skip("judge pdftotext is not installed")
		}
		cmd := exec.Command("pdftotext", "-layout", "-", "-")
		cmd.Stdin = &a
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		text := string(out)
		for i := range lines {
			if !strings.Contains(text, fmt.Sprintf("第 %d 项", i)) {
				t.Errorf("line %d is missing", i)
			}
		}
		pages := strings.Count(text, "\f")
		if !strings.Contains(text, fmt.Sprintf("第 %d 页，共 %d 页", pages, pages)) || lines == 60 && pages < 3 {
			t.Errorf("%d pages", pages)
		}
	}
	if err := (&Printer{}).Print(&bytes.Buffer{}, sample(1)); err == nil {
		t.Error("printed without a font")
	}
}

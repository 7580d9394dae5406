package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"dossier/packager"
)

// outcomes are five cases on two platforms, and one that cannot be read.
func outcomes(t *testing.T) (dir string, cases []Outcome) {
	t.Helper()
	dir, sb, _, _, _ := sample(t)
	variant := func(platform string, severities ...packager.Severity) Outcome {
		report, rules := *sb.Plan.Report, *sb.Plan.Report.Rules
		rules.Name = packager.Text{ZH: platform, EN: platform}
		report.Rules, report.Findings = &rules, nil
		for _, s := range severities {
			report.Findings = append(report.Findings, packager.Finding{Code: "X", Severity: s, Args: packager.Args{"message_zh": "=缺 110199198001010016"}})
		}
		return Outcome{Dir: filepath.Join(dir, "cases", platform), Report: &report}
	}
	bundle := variant("微信公众号")
	bundle.Record = &packager.Record{SignedBundle: *sb}
	stopped := variant("微信公众号", packager.Block)
	stopped.Err = "存储无法访问"
	return dir, []Outcome{
		bundle, variant("微信公众号", packager.Warn, packager.Info), variant("抖音员工号", packager.Info), variant("抖音员工号", packager.Warn, packager.Block),
		stopped, {Dir: filepath.Join(dir, "cases", "坏的"), Err: "case.yaml:3:1: 不认识的键"},
	}
}

func writeOutcomes(t *testing.T, dir string, cases []Outcome) packager.File {
	t.Helper()
	f, err := WriteBatch(filepath.Join(dir, BatchName), dayOf(t, "2026-11-22"), "0.1", cases, printer(t, "zh"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What the overview must say: platforms in order, then the sum.
var wantOverview = [][]string{
	{"平台", "● 通过", "▲ 提醒", "✖ 阻断", "◆ 出错", "合计"},
	{"—", "0", "0", "0", "1", "1"},
	{"微信公众号", "1", "1", "0", "1", "3"},
	{"抖音员工号", "1", "0", "1", "0", "2"},
	{"合计", "2", "1", "1", "2", "6"},
}

func overviewOf(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows("总览")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, row := range rows[overviewHead-1:] {
		out = append(out, row[1:])
	}
	return out
}

func TestWriteBatch(t *testing.T) {
	dir, cases := outcomes(t)
	file := writeOutcomes(t, dir, cases)
	if diff := cmp.Diff(wantOverview, overviewOf(t, file.Path)); diff != "" {
		t.Error(diff)
	}
	f, err := excelize.OpenFile(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]string{
		"B2": "● 通过", "B3": "▲ 提醒", "B5": "✖ 阻断", "I5": "=缺 110***********0016", "B6": "◆ 出错", "I6": "存储无法访问",
		"C7": "坏的", "B7": "◆ 出错", "J2": "DS-20261122-7Q3F9K2M", "K2": "31",
	} {
		if got, err := f.GetCellValue("案件", cell); err != nil || got != want {
			t.Errorf("案件!%s = %q, %v; want %q", cell, got, err, want)
		}
	}
	if ok, link, err := f.GetCellHyperLink("案件", "J2"); err != nil || !ok || link != "out/bundle.pdf" {
		t.Errorf("the bundle's link: %v %q %v", ok, link, err)
	}
	charts := partsOf(t, file.Path, "xl/charts/chart")
	if len(charts) != 1 || strings.Count(charts[0], "<c:ser>")+strings.Count(charts[0], "<ser>") != len(batchStates) {
		t.Errorf("%d charts, want one with a series for each state", len(charts))
	}
	first, err := os.ReadFile(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	writeOutcomes(t, dir, cases)
	if again, err := os.ReadFile(file.Path); err != nil || !bytes.Equal(first, again) {
		t.Error("the same cases gave other bytes")
	}
}

func TestWriteBatchOfNothing(t *testing.T) {
	file := writeOutcomes(t, t.TempDir(), nil)
	if got := overviewOf(t, file.Path); got[len(got)-1][5] != "0" {
		t.Errorf("the sum of nothing: %v", got)
	}
}

// LibreOffice counts the same.
func TestLibreOfficeCountsBatch(t *testing.T) {
	dir, cases := outcomes(t)
	file := writeOutcomes(t, dir, cases)
	bare := filepath.Join(dir, "bare.xlsx")
	copyParts(t, file.Path, bare, func(_ string, b []byte) []byte { return b })
	if diff := cmp.Diff(wantOverview, overviewOf(t, filepath.Join(soffice(t, bare, "xlsx"), "bare.xlsx"))); diff != "" {
		t.Error(diff)
	}
}

package audit

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"dossier/packager"
)

// needJudge is called when a program that judges our work is not installed:
// the test is skipped in sight of everybody, or fails where judges are a must.
func needJudge(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("DOSSIER_JUDGES") == "required" {
		t.Fatalf("%s is not installed, and DOSSIER_JUDGES=required", program)
	}
	t.Skipf("%s is not installed", program)
}

// soffice converts a file with LibreOffice and returns what it made.
func soffice(t *testing.T, file, to string) string {
	t.Helper()
	if _, err := exec.LookPath("soffice"); err != nil {
		needJudge(t, "soffice")
	}
	dir := t.TempDir()
	profile := (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dir, "profile"))}).String()
	cmd := exec.Command("soffice", "-env:UserInstallation="+profile, "--headless", "--convert-to", to, "--outdir", dir, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("soffice: %v: %s", err, out)
	}
	return dir
}

// LibreOffice reads every value and writes the same one back: the words, the
// numbers, the dates, and what the formulas give when it calculates them.
func TestLibreOfficeRoundTrip(t *testing.T) {
	rec, before := writeSample(t, "zh", Options{})
	dir := soffice(t, rec.Workbook.Path, "xlsx")
	after, err := excelize.OpenFile(filepath.Join(dir, WorkbookName))
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if diff := cmp.Diff(before.GetSheetList(), after.GetSheetList()); diff != "" {
		t.Fatal(diff)
	}
	cells := 0
	for _, sheet := range before.GetSheetList() {
		want, got := values(t, before, sheet), values(t, after, sheet)
		cells += len(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", sheet, diff)
		}
		if got, want := links(t, after, sheet, want), links(t, before, sheet, want); got != want {
			t.Errorf("%s: LibreOffice sees %d links of %d", sheet, got, want)
		}
	}
	if cells < 300 {
		t.Errorf("only %d cells compared", cells)
	}
	if pics, err := after.GetPictures("材料", "B2"); err != nil || len(pics) != 1 {
		t.Errorf("LibreOffice sees %d pictures in the first row, %v", len(pics), err)
	}
}

// values returns every filled cell of a sheet: dates and numbers to 9 digits
// (more than a millisecond of a day needs no program to keep).
func values(t *testing.T, f *excelize.File, sheet string) map[string]string {
	t.Helper()
	rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for y, row := range rows {
		for x, v := range row {
			ref, _ := excelize.CoordinatesToCellName(x+1, y+1)
			if n, err := strconv.ParseFloat(v, 64); err == nil && len(v) < 30 {
				v = strconv.FormatFloat(n, 'f', 6, 64)
			}
			if v != "" {
				out[ref] = v
			}
		}
	}
	return out
}

func links(t *testing.T, f *excelize.File, sheet string, cells map[string]string) int {
	t.Helper()
	n := 0
	for ref := range cells {
		ok, _, err := f.GetCellHyperLink(sheet, ref)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			n++
		}
	}
	return n
}

// LibreOffice calculates the chain: a changed digest shows in the row and in
// the summary.
func TestLibreOfficeSeesBrokenChain(t *testing.T) {
	rec, _ := writeSample(t, "zh", Options{})
	changed := filepath.Join(t.TempDir(), "changed.xlsx")
	copyParts(t, rec.Workbook.Path, changed, func(name string, b []byte) []byte {
		e := secondHash(t, rec.Events.Path)
		return bytes.ReplaceAll(b, []byte(`>`+e+`</t></is></c><c r="L3"`), []byte(`>0`+e[1:]+`x</t></is></c><c r="L3"`))
	})
	dir := soffice(t, changed, "xlsx")
	f, err := excelize.OpenFile(filepath.Join(dir, "changed.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]string{"事件!L2": "✓", "事件!L3": "✓", "事件!L4": "✗", "事件!L5": "✓", "摘要!C9": "✖ 阻断"} {
		sheet, ref, _ := strings.Cut(cell, "!")
		if got, err := f.GetCellValue(sheet, ref); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", cell, got, err, want)
		}
	}
}

// copyParts copies a workbook with its parts changed, and without the
// calculated values.
func copyParts(t *testing.T, from, to string, change func(name string, b []byte) []byte) {
	t.Helper()
	in, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, part := range in.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		b = regexp.MustCompile(`</f><v>[^<]*</v>`).ReplaceAll(change(part.Name, b), []byte("</f>"))
		p, err := w.Create(part.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func secondHash(t *testing.T, path string) string {
	t.Helper()
	l, err := Open(path, testActor, testClock())
	if err != nil {
		t.Fatal(err)
	}
	hash := ""
	if err := l.Events(func(e packager.Event) error {
		if e.Seq == 2 {
			hash = e.Hash
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return hash
}

// As CSV, the cells that look like formulas come out as they are.
func TestLibreOfficeCSV(t *testing.T) {
	rec, _ := writeSample(t, "zh", Options{})
	dir := soffice(t, rec.Workbook.Path, `csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1`)
	for sheet, want := range map[string][]string{
		"材料":   {`=HYPERLINK("http:x",1).jpg`, `materials/@SUM(1+1).pdf`},
		"检查结果": {`␉=cmd|' /C calc'!A0`, `-2+3␍+4`},
		"事件":   {"=1+1 = @evil\nn = 0"},
	} {
		f, err := os.Open(filepath.Join(dir, "audit-"+sheet+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Concat(rows...)
		for _, w := range want {
			if !slices.Contains(all, w) {
				t.Errorf("%s: %q is not there: %q", sheet, w, all)
			}
		}
	}
}

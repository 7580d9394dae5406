package audit

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"dossier/packager"
)

const largeFiles = 10_000

// writeLarge makes the workbook of ten thousand materials, each with a
// requirement, a finding, an object and links between them.
func writeLarge(dir string) {
	c, err := catalog()
	if err != nil {
		panic(err)
	}
	report := &packager.Report{Case: &packager.Case{ID: "large"}, Rules: &packager.RuleSet{Day: packager.Day{Year: 2026, Month: 11, Dom: 22}}}
	plan := &packager.Plan{Report: report, BundleID: "DS-LARGE", Tool: "0.1"}
	sb := &packager.SignedBundle{Bundle: packager.Bundle{Plan: plan, Path: "bundle.pdf"}}
	var stored []packager.StoredObject
	inputs := map[string]string{}
	for i := range largeFiles {
		path, digest := fmt.Sprintf("materials/子账号授权书-%05d.jpg", i), fmt.Sprintf("%064x", i)
		id := fmt.Sprintf("sub_account_%d", i)
		f := packager.Inspected{Material: packager.Material{Path: path, Abs: filepath.Join(dir, path), IDs: []string{id}, Role: packager.RoleMaterial, SHA256: digest, Bytes: 2_000_000, ModTime: time.Unix(1790000000, 0)},
			Media: "image/jpeg", Pages: 1, Picture: &packager.Picture{Format: "jpeg", Width: 4000, Height: 3000, Orientation: 6}}
		report.Files = append(report.Files, f)
		report.Requirements = append(report.Requirements, packager.RequirementVerdict{Requirement: packager.Requirement{ID: id, Kind: packager.KindMaterial, Title: packager.Text{ZH: "子账号授权书 " + id}}, Satisfied: true, State: packager.Warn, Materials: []string{path}})
		report.Findings = append(report.Findings, packager.Finding{Code: "LETTER_NOT_SEALED", Severity: packager.Warn, Requirement: id, Material: path})
		plan.Items = append(plan.Items, packager.Item{No: i + 1, Requirements: []string{id}, File: f})
		sb.Map = append(sb.Map, packager.PageRange{Item: i + 1, From: i + 3, To: i + 3})
		stored = append(stored, packager.StoredObject{Key: "v1/blobs/sha256/00/" + digest, Name: path, SHA256: digest, Bytes: 2_000_000})
		inputs[path] = digest
	}
	log, err := Open(filepath.Join(dir, "log.jsonl"), testActor, testClock())
	if err != nil {
		panic(err)
	}
	if _, err := log.Append(packager.Event{What: "collected", Case: "large", Inputs: inputs}); err != nil {
		panic(err)
	}
	if _, err := Write(context.Background(), sb, &packager.Verdict{OK: true}, log, stored, filepath.Join(dir, "out"), c.Printer("zh"), Options{}); err != nil {
		panic(err)
	}
}

// Ten thousand materials take less than 300 MB, measured from outside.
func TestTenThousandMaterials(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes some seconds, and five times the memory where races are looked for")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "AUDIT_TEST_LARGE="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if mb := maxResident(cmd.ProcessState) >> 20; mb == 0 || mb >= 300 {
		t.Errorf("%d MB resident", mb)
	} else {
		t.Logf("%d MB resident", mb)
	}
	f, err := excelize.OpenFile(filepath.Join(dir, "out", WorkbookName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, sheet := range []string{"要求", "材料", "检查结果", "存储对象"} {
		rows, err := f.Rows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if n != largeFiles+1 {
			t.Errorf("%s: %d rows", sheet, n)
		}
	}
}

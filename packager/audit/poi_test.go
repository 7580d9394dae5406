package audit

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// poi asks Apache POI about workbooks; poi/WorkbookJudge.java says what for.
// The folder with its JARs is named by DOSSIER_POI; poi/pom.xml says which.
func poi(t *testing.T, files ...string) []string {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		needJudge(t, "java")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	jars := cmp.Or(os.Getenv("DOSSIER_POI"), filepath.Join(cache, "dossier", "poi"))
	if found, _ := filepath.Glob(filepath.Join(jars, "poi-ooxml-full-*.jar")); len(found) == 0 {
		needJudge(t, "Apache POI")
	}
	args := []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory",
		"-cp", filepath.Join(jars, "*"), filepath.Join("poi", "WorkbookJudge.java")}
	out, err := exec.Command(java, append(args, files...)...).Output()
	if err != nil {
		t.Fatalf("POI: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// Nothing that would make Excel offer a repair: every part fits the schemas of
// ECMA-376, every relationship leads somewhere, every formula comes to the
// value beside it.
func TestNoRepair(t *testing.T) {
	zh, _ := writeSample(t, "zh", Options{})
	en, _ := writeSample(t, "en", Options{Unmask: true})
	dir, cases := outcomes(t)
	batch := writeOutcomes(t, dir, cases)
	lines := poi(t, zh.Workbook.Path, en.Workbook.Path, batch.Path)
	judged := 0
	for _, l := range lines {
		_, what, _ := strings.Cut(l, "\t")
		if strings.HasPrefix(what, "judged\t") {
			judged++
			continue
		}
		t.Error(what)
	}
	if judged != 3 {
		t.Errorf("%d workbooks judged: %q", judged, lines)
	}
}

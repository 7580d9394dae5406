package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBug: a bug ends with 1, says what to report, gives a program its
// document, and shows no identity number.
func TestBug(t *testing.T) {
	dir := t.TempDir()
	var out, err bytes.Buffer
	s := Streams{
		In: strings.NewReader(""), Out: &out, Err: &err, Width: 80,
		Env: []string{"HOME=" + dir, "DOSSIER_LANG=en", "DOSSIER_TESSERACT=off"},
		Now: func() time.Time { panic("a clock of 110199198001010016") },
	}
	code := Main([]string{"check", filepath.Join("..", "..", "..", "templates", "examples", "wecom_account"), "--json"}, s)
	if code != exitUnexpected {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"unexpected error: panic: a clock of 110***********0016", "Please report this line", "main_test.go"} {
		if !strings.Contains(err.String(), want) {
			t.Errorf("no %q in\n%s", want, err.String())
		}
	}
	var doc struct {
		Error string
		Exit  int
	}
	if e := json.Unmarshal(out.Bytes(), &doc); e != nil || doc.Error != "UNEXPECTED" || doc.Exit != 1 {
		t.Errorf("%v: %s", e, out.Bytes())
	}
	if strings.Contains(out.String()+err.String(), "110199198001010016") {
		t.Error("an identity number is shown")
	}
}

package letter

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/identity"
	"dossier/packager/rules"
	"dossier/templates"
)

var day = packager.Day{Year: 2026, Month: 11, Dom: 22}

func shipped(t testing.TB) Source {
	t.Helper()
	sub, err := fs.Sub(templates.FS, Dir)
	if err != nil {
		t.Fatal(err)
	}
	return Source{sub, "templates/letters"}
}

func library(t testing.TB, more ...Source) *Library {
	t.Helper()
	l, err := Load(append([]Source{shipped(t)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// example reads a shipped case with its rules.
func example(t testing.TB, name string, edit ...func(*packager.Case)) (*packager.Case, *packager.RuleSet) {
	t.Helper()
	b, err := templates.Examples.ReadFile("examples/" + name + "/case.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := casefile.Parse("case.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range edit {
		f(c)
	}
	lib, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	cal, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := lib.For(c, day, cal)
	if err != nil {
		t.Fatal(err)
	}
	return c, rs
}

func drafts(t testing.TB, l *Library, name string, edit ...func(*packager.Case)) map[string]*Draft {
	t.Helper()
	c, rs := example(t, name, edit...)
	list, err := l.For(c, rs)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*Draft{}
	for _, d := range list {
		out[d.ID] = d
	}
	return out
}

func press() *Press { return &Press{Regular: templates.Regular, Bold: templates.Bold} }

func printed(t testing.TB, d *Draft) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := press().Print(&b, d, day); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLook writes every letter of the examples into $DOSSIER_LOOK, for eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("DOSSIER_LOOK")
	if dir == "" {
		return
	}
	for _, name := range []string{"wechat_oa", "douyin_employee", "weibo_video"} {
		for _, d := range drafts(t, library(t), name) {
			if err := os.WriteFile(filepath.Join(dir, name+"-"+d.ID+".pdf"), printed(t, d), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = exec.Command
	_ = strings.Join
	_ = fstest.MapFS{}
}

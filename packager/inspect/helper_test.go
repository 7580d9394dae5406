package inspect

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// The test binary is its own helper.
func TestMain(m *testing.M) {
	if os.Getenv(HelperVariable) == "test" {
		out := os.Stdout
		os.Stdout = os.Stderr // libraries may print
		if err := Serve(context.Background(), os.Stdin, out, nil, os.Exit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// withHelper returns the options of an Inspector whose helper is this binary.
func withHelper(t testing.TB) Options {
	t.Helper()
	t.Setenv(HelperVariable, "test")
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Helper: []string{os.Args[0]}, Tesseract: "off", EngineCacheDir: dir + "/dossier-test"}
}

// In a process of its own, the facts are the same.
func TestHelperFindsTheSame(t *testing.T) {
	note := samples.Shoot(samples.Note(), samples.Camera{})
	files := []packager.Material{
		material(t, "materials/a.heic", samples.HEIC, packager.RoleMaterial, "x"),
		material(t, "materials/b.jpg", samples.JPEG(note, 80), packager.RoleMaterial, "x"),
		material(t, "materials/c.pdf", samples.Signed(), packager.RoleMaterial, "x"),
		material(t, "materials/d.pdf", samples.Broken(), packager.RoleMaterial, "x"),
		material(t, "backups/e.zip", samples.CorruptZIP(samples.Member{Name: "a", Content: "some content here"}), packager.RoleBackup, "y"),
		material(t, "materials/f.png", nil, packager.RoleMaterial, "x"),
	}
	run := func(opt Options) *packager.Inspection {
		x := New(opt)
		defer x.Close()
		in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: &packager.RuleSet{}, Materials: files}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	opt := withHelper(t)
	inside := opt
	inside.Helper = nil
	if d := cmp.Diff(run(inside), run(opt)); d != "" {
		t.Error(d)
	}
}

// A file that makes the helper grow is given up by name; the file beside it is
// not.
func TestHungryFile(t *testing.T) {
	opt := withHelper(t)
	opt.Limits.Process = 150 << 20
	opt.Limits.Memory = 2 << 30 // so that nothing is refused before
	opt.Workers = 2
	x := New(opt)
	defer x.Close()
	files := []packager.Material{
		material(t, "materials/hungry.png", samples.BombPNG(10_000, 9_000), packager.RoleMaterial, "x"),
		material(t, "materials/modest.jpg", samples.ProgressiveJPEG, packager.RoleMaterial, "x"),
		material(t, "materials/modest.pdf", samples.JavaScript(), packager.RoleMaterial, "x"),
	}
	in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: &packager.RuleSet{}, Materials: files}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := []string{in.Files[0].Unusable, in.Files[1].Unusable, in.Files[2].Unusable}; !slices.Equal(got, []string{"FILE_TOO_HUNGRY", "", ""}) {
		t.Errorf("%q %+v", got, in.Findings)
	}
}

// A helper that dies, hangs, talks nonsense or cannot be started ends nothing.
func TestBadHelpers(t *testing.T) {
	tests := []struct {
		name     string
		argv     []string
		unusable string
	}{
		{"dies", []string{"sh", "-c", "read a; read b; kill -9 $$"}, "PARSER_FAILED"},
		{"talks nonsense", []string{"sh", "-c", "echo nonsense; cat > /dev/null"}, "PARSER_FAILED"},
		{"hangs", []string{"sleep", "1000"}, "FILE_TOO_SLOW"},
		{"cannot be started", []string{"/nowhere/at/all"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := exec.LookPath(test.argv[0]); err != nil && test.unusable != "" {
				t.Skip(err)
			}
			opt := Options{Helper: test.argv, Limits: Limits{Time: 300 * time.Millisecond}}
			got, _ := inspectOne(t, opt, material(t, "materials/a.jpg", samples.ProgressiveJPEG, packager.RoleMaterial, "x"))
			if got.Unusable != test.unusable {
				t.Errorf("%q", got.Unusable)
			}
		})
	}
}

func TestKeysStayOutOfHelper(t *testing.T) {
	got := passed([]string{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=x", "DOSSIER_KEY_PASSWORD=y", "HOME=/root", "Tmp=/tmp"})
	if d := cmp.Diff([]string{"PATH=/bin", "HOME=/root", "Tmp=/tmp"}, got); d != "" {
		t.Error(d)
	}
}

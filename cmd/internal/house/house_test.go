// Package house holds the shape of the house: which room may call which. The
// linter's depguard rules say the same in .golangci.yml; this test needs Go
// alone.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "dossier/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// under reports whether path is the package root or below it.
func under(path string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(r string) bool {
		return path == r || strings.HasPrefix(path, r+"/")
	})
}

// isStandard tells the standard library by its first path element, which has
// no dot and is not ours.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first != "dossier" && !strings.Contains(first, ".")
}

var steps = []string{
	"dossier/packager/collect", "dossier/packager/inspect", "dossier/packager/check",
	"dossier/packager/plan", "dossier/packager/compose", "dossier/packager/sign",
	"dossier/packager/verify", "dossier/packager/audit",
}

// forbidden says why from may not import to, or "".
func forbidden(from, to string) string {
	outside := func(rooms ...string) bool { return !under(from, rooms...) }
	switch {
	case from == "dossier/packager" && !isStandard(to):
		return "the nouns need the standard library only"
	case under(from, "dossier/packager") && under(to, "dossier/cmd"):
		return "the packager does not know its command line"
	case under(from, "dossier/packager") && (strings.HasPrefix(to, "charm.land/") || under(to, "github.com/vbauerster/mpb", "github.com/spf13/cobra", "golang.org/x/term")):
		return "the packager does not know a terminal"
	case under(from, "dossier/storage") && under(to, "dossier/packager", "dossier/cmd"):
		return "a store does not know what it stores"
	case under(to, "github.com/minio/minio-go") && outside("dossier/storage/s3", "dossier/storage/storagetest"):
		return "minio-go lives in storage/s3"
	case under(to, "github.com/jung-kurt/gofpdf") && outside("dossier/packager/compose"):
		return "gofpdf lives in compose"
	case under(to, "github.com/pdfcpu/pdfcpu", "github.com/klippa-app/go-pdfium") && outside("dossier/packager/compose", "dossier/packager/inspect", "dossier/packager/verify", "dossier/packager/pdfium"):
		return "pdfcpu and pdfium live in compose, inspect and verify"
	case under(to, "github.com/xuri/excelize") && outside("dossier/packager/audit", "dossier/packager/inspect"):
		return "excelize lives in audit; inspect counts rows with it"
	}
	for _, s := range steps {
		if under(from, s) && !under(to, s) && under(to, steps...) {
			return "a step does not call another step: the pipeline does"
		}
	}
	return ""
}

func TestForbiddenArrows(t *testing.T) {
	all := packages(t)
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	for _, p := range all {
		for _, to := range p.Imports {
			if why := forbidden(p.ImportPath, to); why != "" {
				t.Errorf("%s → %s: %s", p.ImportPath, to, why)
			}
		}
	}
}

func TestTheRuleItself(t *testing.T) {
	for _, c := range []struct {
		from, to string
		bad      bool
	}{
		{"dossier/packager", "time", false},
		{"dossier/packager", "dossier/packager/i18n", true},
		{"dossier/packager/verify", "dossier/packager/sign", true},
		{"dossier/packager/sign", "dossier/packager/sign/keys", false},
		{"dossier/packager/check", "dossier/packager/identity", false},
		{"dossier/packager/pipeline", "dossier/packager/sign", false},
		{"dossier/packager/audit", "github.com/jung-kurt/gofpdf", true},
		{"dossier/storage/local", "dossier/packager", true},
		{"dossier/storage/s3", "github.com/minio/minio-go/v7", false},
		{"dossier/cmd/internal/app", "github.com/minio/minio-go/v7", true},
	} {
		if got := forbidden(c.from, c.to) != ""; got != c.bad {
			t.Errorf("%s → %s: forbidden is %v", c.from, c.to, got)
		}
	}
}

// onlyCmd are the identifiers that code outside cmd must not use: a clock and
// the process belong to the caller.
var onlyCmd = map[string][]string{
	"time": {"Now", "Since", "Until"},
	"os":   {"Exit", "Stdout", "Stderr", "Stdin"},
}

func TestClockAndProcessBelongToCmd(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	for _, dir := range []string{"packager", "storage"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			// Programs and servers for tests run on a real clock.
			if d.IsDir() && (d.Name() == "storagetest" || d.Name() == "testpki" || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			return clockUses(t, path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func clockUses(t *testing.T, path string) error {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if ok && x.Obj == nil && slices.Contains(onlyCmd[x.Name], sel.Sel.Name) {
			t.Errorf("%s: %s.%s belongs to cmd", set.Position(sel.Pos()), x.Name, sel.Sel.Name)
		}
		return true
	})
	return nil
}

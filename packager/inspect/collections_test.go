package inspect

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager"
)

var collections = flag.String("collections", "", "inspect every file under these folders (name=dir,…) and write testdata/collections.md")

// TestCollections runs over public collections of odd files, by hand: nothing
// may crash or hang, and what is refused is refused by name.
func TestCollections(t *testing.T) {
	if *collections == "" {
		t.Skip("-collections is not given")
	}
	opt := withHelper(t)
	opt.Limits.Time = 20 * time.Second
	x := New(opt)
	defer x.Close()
	var b strings.Builder
	b.WriteString("Made by `go test ./packager/inspect -run TestCollections -timeout 30m -args -collections name=folder,…` over the\n" +
		"files that the named modules, packages and Go itself have for their own tests. Each file is taken for a paper and goes\n" +
		"through the helper process, as in the program. No page: an archive, an export or another file that is no paper; it has\n" +
		"been read to its end. Attached: refused by name, and attached as it is behind a page that says so.\n\n")
	b.WriteString("| collection | files | opened | repaired | no page | attached | crashed | hung | seconds |\n|---|---|---|---|---|---|---|---|---|\n")
	reasons := map[string]int{}
	for _, c := range strings.Split(*collections, ",") {
		name, dir, _ := strings.Cut(c, "=")
		var files []packager.Material
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			switch strings.ToLower(filepath.Ext(p)) {
			case ".go", ".md", ".txt", ".yml", ".yaml", ".sum", ".mod", ".ttf", ".gob", ".p12", ".pem", ".crt", ".py":
				return nil
			}
			m, err := stat(p)
			if err != nil {
				return err
			}
			m.Path, m.Role, m.IDs = p, packager.RoleMaterial, []string{"x"}
			files = append(files, m)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: &packager.RuleSet{}, Materials: files}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var opened, repaired, noPage, attached, crashed, hung int
		for _, f := range in.Files {
			switch {
			case f.Unusable == "PARSER_FAILED" || f.Unusable == "FILE_TOO_HUNGRY":
				crashed++
				t.Errorf("crashed: %s", f.Path)
			case f.Unusable == "FILE_TOO_SLOW":
				hung++
				t.Errorf("hung: %s", f.Path)
			case f.Unusable == "ARCHIVE_AS_MATERIAL", strings.HasPrefix(f.Unusable, "OFFICE_"), strings.HasPrefix(f.Unusable, "FORMAT_"):
				noPage++
			case f.Unusable != "":
				attached++
				reasons[f.Unusable]++
				t.Logf("%s %s", f.Unusable, f.Path)
			case f.PDF != nil && f.PDF.Repaired:
				repaired++
			default:
				opened++
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %.0f |\n", name, len(files), opened, repaired, noPage, attached, crashed, hung, time.Since(start).Seconds())
	}
	b.WriteString("\nAttached, because:")
	for _, code := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(&b, " %s %d ·", code, reasons[code])
	}
	b.WriteString("\n")
	fmt.Print(b.String())
	if err := os.WriteFile("testdata/collections.md", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

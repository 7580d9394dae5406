package compose

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// The self-proof is worth something only if it says no: each of these is one
// way in which a bundle could be wrong, and each stops the build.
func TestProofSaysNo(t *testing.T) {
	k := composer(t)
	d := sample(t)
	make1 := func() *volume {
		volumes, err := k.write(t.Context(), d.plan, [][]packager.Item{d.plan.Items}, t.TempDir(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { discard(volumes) })
		return volumes[0]
	}
	v := make1()
	if _, err := k.prove(t.Context(), v.file, v.book, v.bundle); err != nil {
		t.Fatalf("a sound bundle: %v", err)
	}
	contract := v.book.now[itemName(2)].from - 1 // first page of a PDF of three pages
	licence := v.book.now[itemName(3)].from - 1
	for _, tt := range []struct {
		code string
		harm func(v *volume)
	}{
		{"COMPOSE_PROOF_PAGES", func(v *volume) { v.bundle.Pages++ }},
		{"COMPOSE_PROOF_NUMBER", func(v *volume) { v.book.total++ }},
		{"COMPOSE_PROOF_ITEM", func(v *volume) { // the index is one page off
			v.book.now = maps.Clone(v.book.now)
			v.book.now[itemName(3)] = span{licence + 2, licence + 2}
		}},
		{"COMPOSE_PROOF_FIGURE", func(v *volume) { v.book.c.sheets[licence].shows[0].Width++ }},
		{"COMPOSE_PROOF_FIGURE", func(v *volume) { v.book.c.sheets[contract].shows[0].Matrix[4] += 3 }},
		{"COMPOSE_PROOF_FIGURE", func(v *volume) { // what page 1 of the contract should show, page 2 does
			s := v.book.c.sheets
			s[contract].shows, s[licence].shows = s[licence].shows, s[contract].shows
		}},
		{"COMPOSE_PROOF_TEXT", func(v *volume) { v.book.c.sheets[0].chars['䶮']++ }},
		{"COMPOSE_PROOF_LABEL", func(v *volume) { patch(t, v.file, "<</S /D", "<</S /r") }},
		{"COMPOSE_PROOF_LINK", func(v *volume) { v.book.c.sheets[1].jumps[0].page++ }},
		{"COMPOSE_PROOF_LINK", func(v *volume) { v.book.c.sheets[1].jumps[0].x += 5 }},
		{"COMPOSE_PROOF_LINK", func(v *volume) { // a link of the paper itself is lost
			sh := v.book.c.sheets[contract]
			sh.jumps = append(sh.jumps, sh.jumps[0])
		}},
		{"COMPOSE_PROOF_BOOKMARK", func(v *volume) {
			d := *v.book.plan
			d.Items = slices.Clone(d.Items)
			d.Items[0].Title.ZH += "二"
			v.book.plan, v.book.items = &d, d.Items
		}},
		{"COMPOSE_PROOF_MANIFEST", func(v *volume) { v.bundle.Manifest = append(bytes.Clone(v.bundle.Manifest), ' ') }},
		{"COMPOSE_PROOF_OPEN", func(v *volume) {
			if err := v.file.Truncate(100); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		v := make1()
		tt.harm(v)
		_, err := k.prove(t.Context(), v.file, v.book, v.bundle)
		var fault *packager.Fault
		if !asFault(err, &fault) || fault.Code != tt.code {
			t.Errorf("want %s, got %v", tt.code, err)
		}
	}
}

// A bundle that does not prove itself is not there.
func TestDisagreementStopsTheBuild(t *testing.T) {
	k := composer(t)
	k.engine = pdfium.New(pdfium.Options{})
	if err := k.engine.Close(); err != nil { // the reader is gone
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err := k.Compose(t.Context(), sample(t).plan, filepath.Join(dir, "out.pdf"), nil)
	var fault *packager.Fault
	if !asFault(err, &fault) || fault.Code != "COMPOSE_PROOF_OPEN" {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// patch replaces one string in a file by another of the same length.
func patch(t *testing.T, f *os.File, old, now string) {
	t.Helper()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(raw, []byte(old))
	if i < 0 || len(old) != len(now) {
		t.Fatalf("%q is not in the file", old)
	}
	if _, err := f.WriteAt([]byte(now), int64(i)); err != nil {
		t.Fatal(err)
	}
}

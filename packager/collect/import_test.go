package collect

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"dossier/packager"
)

// member is one entry of an archive that a test makes.
type member struct {
	name, content string
	gbk           bool // the name in GBK, without the UTF-8 flag
	link          bool
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
		if m.gbk {
			raw, err := simplifiedchinese.GBK.NewEncoder().String(m.name)
			if err != nil {
				t.Fatal(err)
			}
			h.Name, h.NonUTF8 = raw, true
		}
		if m.link {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(m.name, "/") {
			if _, err := f.Write([]byte(m.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarGz(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	w := tar.NewWriter(g)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Size: int64(len(m.content)), Mode: 0o644, Typeflag: tar.TypeReg}
		if m.link {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, m.content, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if !m.link {
			if _, err := w.Write([]byte(m.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func summary(r *ImportReport) []string {
	var out []string
	say := func(kind string, list []Imported) {
		for _, i := range list {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", kind, i.Path, i.ID)))
		}
	}
	say("placed", r.Placed)
	say("ambiguous", r.Ambiguous)
	say("unplaced", r.Unplaced)
	say("duplicate", r.Duplicates)
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s", f.Severity, f.Code))
	}
	slices.Sort(out)
	return out
}

// under returns every file below a folder, with its content.
func under(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestImport(t *testing.T) {
	long := strings.Repeat("很长的名字", 16)
	tests := []struct {
		name   string
		source map[string]string
		have   map[string]string // in the case before
		opt    ImportOptions
		want   []string
	}{
		{
			name:   "a folder, with litter",
			source: map[string]string{"营业执照.jpg": "a", "sub/国徽面.png": "b", ".DS_Store": "c", "__MACOSX/._x": "d", "sub/什么.pdf": "e"},
			want: []string{
				"placed materials/sub/国徽面.png legal_rep_id_emblem", "placed materials/营业执照.jpg business_licence", "unplaced materials/sub/什么.pdf",
			},
		},
		{
			name: "a ZIP with GBK names and macOS litter",
			source: map[string]string{"资料.zip": string(zipOf(t, member{name: "公司/营业执照.jpg", content: "a", gbk: true},
				member{name: "公司/", gbk: true}, member{name: "__MACOSX/公司/._营业执照.jpg", content: "x"}, member{name: ".DS_Store", content: "y"}))},
			want: []string{"placed materials/资料/公司/营业执照.jpg business_licence"},
		},
		{
			name: "nested archives",
			source: map[string]string{"all.zip": string(zipOf(t, member{name: "in.zip", content: string(zipOf(t, member{name: "营业执照.jpg", content: "a"}))},
				member{name: "t.tar.gz", content: string(tarGz(t, member{name: "国徽面.jpg", content: "b"}, member{name: "l", content: "/etc/passwd", link: true}))}))},
			want: []string{
				"placed materials/all/in/营业执照.jpg business_licence", "placed materials/all/t.tar/国徽面.jpg legal_rep_id_emblem", "warn FILE_OUTSIDE_SOURCE",
			},
		},
		{
			name: "names that lead out stay inside",
			source: map[string]string{"evil.zip": string(zipOf(t, member{name: "../../../../营业执照.jpg", content: "a"}, member{name: `C:\Windows\国徽面.jpg`, content: "b"},
				member{name: "link", content: "/etc/passwd", link: true}))},
			want: []string{
				"placed materials/evil/C_/Windows/国徽面.jpg legal_rep_id_emblem", "placed materials/营业执照.jpg business_licence",
				"warn ARCHIVE_UNSAFE_PATH", "warn ARCHIVE_UNSAFE_PATH", "warn FILE_OUTSIDE_SOURCE",
			},
		},
		{
			name:   "a backup is kept whole",
			source: map[string]string{"articles-001.zip": string(zipOf(t, member{name: "1.html", content: "a"})), "公众号导出.zip": string(zipOf(t, member{name: "2.html", content: "b"}))},
			want:   []string{"placed backups/articles-001.zip articles", "unplaced backups/公众号导出.zip"},
		},
		{
			name:   "as backups",
			source: map[string]string{"x.zip": string(zipOf(t, member{name: "1.html", content: "a"}))},
			opt:    ImportOptions{As: packager.RoleBackup},
			want:   []string{"unplaced backups/x.zip"},
		},
		{
			name:   "the same bytes are one file, other bytes under the same name are two",
			source: map[string]string{"a/营业执照.jpg": "same", "b/营业执照.jpg": "same", "c/有了.jpg": "old", "营业执照.jpg": "other"},
			have:   map[string]string{"materials/有了.jpg": "old", "materials/营业执照.JPG": "case"},
			want: []string{
				"duplicate materials/a/营业执照.jpg", "duplicate materials/有了.jpg",
				"placed materials/a/营业执照.jpg business_licence", "placed materials/营业执照-2.jpg business_licence",
			},
		},
		{
			name:   "asked",
			source: map[string]string{"人像面国徽面.jpg": "a"},
			opt: ImportOptions{Ask: func(file string, cs []Candidate) string {
				if len(cs) != 2 {
					return ""
				}
				return "legal_rep_id_emblem"
			}},
			want: []string{"placed materials/身份证国徽面-人像面国徽面.jpg legal_rep_id_emblem"},
		},
		{
			name:   "not asked",
			source: map[string]string{"人像面国徽面.jpg": "a"},
			want:   []string{"ambiguous materials/人像面国徽面.jpg"},
		},
		{
			name:   "recognised by content",
			source: map[string]string{"IMG_1.jpg": "LICENCE"},
			opt: ImportOptions{Recognise: func(_ context.Context, file string) (string, string) {
				if b, _ := os.ReadFile(file); string(b) == "LICENCE" {
					return "business_licence", "qr"
				}
				return "", ""
			}},
			want: []string{"placed materials/营业执照-IMG_1.jpg business_licence"},
		},
		{
			name:   "unusual names",
			source: map[string]string{"CON.jpg": "a", "尾点. .": "b", long + ".jpg": "c", "😀䶮.jpg": "d", "cafe\u0301.jpg": "e", "a／b.jpg": "f"},
			want: []string{
				"unplaced materials/_CON.jpg", "unplaced materials/尾点", "unplaced materials/" + shorten(long+".jpg", nameBytes),
				"unplaced materials/😀䶮.jpg", "unplaced materials/caf\u00e9.jpg", "unplaced materials/a／b.jpg",
			},
		},
		{
			name:   "broken sources",
			source: map[string]string{"坏.zip": "PK\x03\x04 this is no archive at all", "空.jpg": "", "r.rar": "Rar!\x1a\x07\x00 ..."},
			want:   []string{"block ARCHIVE_CORRUPT", "warn ARCHIVE_RAR", "warn FILE_EMPTY"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, source := tree(t, test.have), tree(t, test.source)
			before := under(t, source)
			got, err := Import(context.Background(), &packager.Case{Dir: dir}, rules(), []string{source}, test.opt)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(test.want)
			if d := cmp.Diff(test.want, summary(got)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if d := cmp.Diff(before, under(t, source)); d != "" {
				t.Errorf("the source was changed: %s", d)
			}
			have := under(t, dir)
			for p, content := range test.have {
				if have[p] != content {
					t.Errorf("%s was changed", p)
				}
			}
			for _, i := range slices.Concat(got.Placed, got.Ambiguous, got.Unplaced) {
				if digest(have[i.Path]) != i.SHA256 || int64(len(have[i.Path])) != i.Bytes {
					t.Errorf("%s: other bytes than reported", i.Path)
				}
				delete(have, i.Path)
			}
			for p := range have {
				if _, ok := test.have[p]; !ok {
					t.Errorf("%s was left behind", p)
				}
			}
		})
	}
}

// What Import places, Collect finds under the same requirement afterwards.
func TestImportThenCollect(t *testing.T) {
	dir, source := tree(t, nil), tree(t, map[string]string{"身份证/国徽面 正.jpg": "a", "IMG_1.jpg": "LICENCE", "articles.zip": "b", "人像面国徽面.png": "c"})
	opt := ImportOptions{
		Ask:       func(string, []Candidate) string { return "legal_rep_id_portrait" },
		Recognise: func(context.Context, string) (string, string) { return "business_licence", "qr" },
	}
	report, err := Import(context.Background(), &packager.Case{Dir: dir}, rules(), []string{source}, opt)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Collect(context.Background(), &packager.Case{Dir: dir}, rules(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Placed) != 4 || len(c.Materials) != 4 {
		t.Fatalf("%+v\n%+v", report, c.Materials)
	}
	for _, i := range report.Placed {
		for _, m := range c.Materials {
			if m.Path == i.Path && !slices.Equal(m.IDs, []string{i.ID}) {
				t.Errorf("%s: imported as %s, collected as %v", i.Path, i.ID, m.IDs)
			}
		}
	}
}

func TestImport7z(t *testing.T) {
	program, err := exec.LookPath("7z")
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Skip("7z is not installed")
	}
	source := tree(t, map[string]string{"营业执照.jpg": "a", "国徽面.jpg": "b"})
	archive := filepath.Join(t.TempDir(), "x.7z")
	if out, err := exec.Command(program, "a", archive, source+"/.").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := tree(t, nil)
	got, err := Import(context.Background(), &packager.Case{Dir: dir}, rules(), []string{archive}, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"placed materials/x/国徽面.jpg legal_rep_id_emblem", "placed materials/x/营业执照.jpg business_licence"}
	if d := cmp.Diff(want, summary(got)); d != "" {
		t.Error(d)
	}
}

// shelf is a Remote with files in memory; the real one is the S3 store, which
// its own room tests.
type shelf map[string]string

func (s shelf) List(_ context.Context, url string) ([]RemoteFile, error) {
	if !strings.HasPrefix(url, "s3://b/") {
		return nil, fmt.Errorf("no such bucket")
	}
	var out []RemoteFile
	for k, v := range s {
		if rest, ok := strings.CutPrefix(k, strings.TrimPrefix(url, "s3://b/")); ok {
			out = append(out, RemoteFile{URL: "s3://b/" + k, Name: strings.TrimPrefix(rest, "/"), Bytes: int64(len(v))})
		}
	}
	return out, nil
}

func (s shelf) Open(_ context.Context, f RemoteFile) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(s[strings.TrimPrefix(f.URL, "s3://b/")])), nil
}

func TestImportRemote(t *testing.T) {
	dir := tree(t, nil)
	store := shelf{"p/营业执照.jpg": "a", "q/other.jpg": "b"}
	got, err := Import(context.Background(), &packager.Case{Dir: dir}, rules(), []string{"s3://b/p", "s3://b/none", "s3://c/x"}, ImportOptions{Remote: store})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"block SOURCE_MISSING", "block SOURCE_UNREACHABLE", "placed materials/营业执照.jpg business_licence"}
	if d := cmp.Diff(want, summary(got)); d != "" {
		t.Error(d)
	}
}

func TestSafeName(t *testing.T) {
	tests := map[string]string{
		"营业执照.jpg": "营业执照.jpg", "CON.jpg": "_CON.jpg", "com1": "_com1", "Con .txt": "_Con .txt", "console.txt": "console.txt",
		"a/b\\c:d*e?.jpg": "a_b_c_d_e_.jpg", "trailing. . ": "trailing", " lead": "lead", "..": "file", "": "file", ".hidden": "_.hidden",
		"a\x00b\u202egpj.exe": "abgpj.exe", "e\u0301": "\u00e9", "bad\xffutf": "bad_utf", "-rf": "_-rf", "~$x": "_~$x", "___": "file",
	}
	for in, want := range tests {
		if got := SafeName(in); got != want {
			t.Errorf("SafeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"a", "CON", "../..", strings.Repeat("长", 200) + ".jpg", "\xff\xfe", "a.\u200b", ". ."} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, s string) {
		got := SafeName(s)
		if got == "" || got == "." || got == ".." || len(got) > nameBytes || strings.ContainsAny(got, "/\\\x00:") || !fs.ValidPath(got) {
			t.Fatalf("SafeName(%q) = %q", s, got)
		}
		if again := SafeName(got); again != got {
			t.Fatalf("SafeName is not stable: %q → %q → %q", s, got, again)
		}
		p := filepath.Join(dir, got)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
		if q := safePath(s); !filepath.IsLocal(q) {
			t.Fatalf("safePath(%q) = %q", s, q)
		}
	})
}

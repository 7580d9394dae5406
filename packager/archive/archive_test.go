package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dossier/packager/inspect/samples"
)

// walkAll lists an archive and reads every entry to its end.
func walkAll(b io.ReaderAt, size int64, limits Limits) (format Format, lines []string, err error) {
	format, err = Walk(context.Background(), b, size, limits, func(e Entry, read func() (io.ReadCloser, error)) error {
		s := e.Name
		if e.Dir {
			s += " dir"
		}
		if e.Link {
			s += " link"
		}
		if e.Encrypted {
			s += " encrypted"
		}
		if e.Unsafe() {
			s += " unsafe"
		}
		if read != nil {
			rc, err := read()
			if err != nil {
				return err
			}
			defer rc.Close()
			n, err := io.Copy(io.Discard, rc)
			if err != nil {
				return err
			}
			s += fmt.Sprintf(" %d", n)
		}
		lines = append(lines, s)
		return nil
	})
	return format, lines, err
}

func TestWalk(t *testing.T) {
	unicodeName := func() []byte { // Info-ZIP's Unicode Path field behind a name in an unknown code
		return zipWith(t, func(w *zip.Writer) {
			extra := []byte{0x75, 0x70, 0, 0, 1, 0, 0, 0, 0}
			name := "营业执照.jpg"
			binary.LittleEndian.PutUint16(extra[2:], uint16(5+len(name)))
			_, err := w.CreateHeader(&zip.FileHeader{Name: "\x99\x88.jpg", NonUTF8: true, Extra: append(extra, name...)})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	tests := []struct {
		name   string
		b      []byte
		limits Limits
		format Format
		lines  []string
		err    error
	}{
		{"GBK, UTF-8, NFD", samples.ZIP(samples.Member{Name: "公司/营业执照.jpg", Content: "abc", GBK: true}, samples.Member{Name: "身份证.jpg", Content: "d"}, samples.Member{Name: "e\u0301"}),
			Limits{}, ZIP, []string{"公司/营业执照.jpg 3", "身份证.jpg 1", "\u00e9 0"}, nil},
		{"Unicode Path field", unicodeName(), Limits{}, ZIP, []string{"营业执照.jpg 0"}, nil},
		{"backslashes", samples.ZIP(samples.Member{Name: `a\b.jpg`, Content: "x"}), Limits{}, ZIP, []string{"a/b.jpg 1"}, nil},
		{"leading out", samples.ZIP(samples.Member{Name: "../x"}, samples.Member{Name: "/y"}, samples.Member{Name: `C:\z`}, samples.Member{Name: "a/../../b"}, samples.Member{Name: "ok/..x"}, samples.Member{Name: "l", Content: "/etc", Link: true}),
			Limits{}, ZIP, []string{"../x unsafe 0", "/y unsafe 0", "C:/z unsafe 0", "a/../../b unsafe 0", "ok/..x 0", "l link unsafe"}, nil},
		{"folders", samples.ZIP(samples.Member{Name: "a/"}), Limits{}, ZIP, []string{"a/ dir"}, nil},
		{"encrypted", samples.EncryptedZIP(samples.Member{Name: "a", Content: "x"}), Limits{}, ZIP, []string{"a encrypted"}, nil},
		{"CRC", samples.CorruptZIP(samples.Member{Name: "a", Content: strings.Repeat("text", 99)}), Limits{}, ZIP, nil, ErrCorrupt},
		{"cut off", samples.ZIP(samples.Member{Name: "a", Content: "x"})[:40], Limits{}, ZIP, nil, ErrCorrupt},
		{"empty", samples.ZIP(), Limits{}, ZIP, nil, nil},
		{"TAR", samples.TarGz(samples.Member{Name: "a", Content: "abc"}, samples.Member{Name: "l", Content: "../x", Link: true}), Limits{}, TARGZ, []string{"a 3", "l link unsafe"}, nil},
		{"TAR, cut off", samples.TarGz(samples.Member{Name: "a", Content: strings.Repeat("abcdefgh", 999)})[:60], Limits{}, GZIP, nil, ErrCorrupt},
		{"too many entries", samples.ZIP(samples.Member{Name: "a"}, samples.Member{Name: "b"}, samples.Member{Name: "c"}), Limits{Entries: 2}, ZIP, []string{"a 0", "b 0"}, ErrBomb},
		{"bomb by ratio", samples.ZIP(samples.Member{Name: "zeros", Size: 20 << 20}), Limits{RatioFrom: 1 << 20}, ZIP, nil, ErrBomb},
		{"bomb by size", samples.ZIP(samples.Member{Name: "a", Content: strings.Repeat("x", 100)}), Limits{Bytes: 50}, ZIP, nil, ErrBomb},
		{"gzip bomb", samples.TarGz(samples.Member{Name: "a", Content: strings.Repeat("\x00", 20<<20)}), Limits{RatioFrom: 1 << 20}, TARGZ, nil, ErrBomb},
		{"RAR", []byte("Rar!\x1a\x07\x01\x00 and so on"), Limits{}, RAR, nil, ErrFormat},
		{"no archive", []byte("just some text"), Limits{}, None, nil, ErrFormat},
		{"nothing", nil, Limits{}, None, nil, ErrFormat},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			format, lines, err := walkAll(bytes.NewReader(test.b), int64(len(test.b)), test.limits)
			if format != test.format || !errors.Is(err, test.err) {
				t.Errorf("%q, %v", format, err)
			}
			if d := cmp.Diff(test.lines, lines); d != "" {
				t.Error(d)
			}
		})
	}
}

func zipWith(t testing.TB, fill func(*zip.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	fill(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// More than 100,000 entries are listed.
func TestManyEntries(t *testing.T) {
	const n = 120_000
	b := zipWith(t, func(w *zip.Writer) {
		for i := range n {
			if _, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("消息/%06d.html", i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	seen := 0
	_, err := Walk(context.Background(), bytes.NewReader(b), int64(len(b)), Limits{}, func(Entry, func() (io.ReadCloser, error)) error {
		seen++
		return nil
	})
	if err != nil || seen != n {
		t.Errorf("%d entries, %v", seen, err)
	}
}

// A directory without end is not read to its end.
func TestEndlessDirectory(t *testing.T) {
	entry := append([]byte("PK\x01\x02"), make([]byte, 42)...)
	b := append([]byte("PK\x03\x04"), bytes.Repeat(entry, (zipDirectoryBytes+1<<20)/len(entry))...)
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	binary.LittleEndian.PutUint16(end[8:], 1)
	binary.LittleEndian.PutUint16(end[10:], 1)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(b)-4))
	binary.LittleEndian.PutUint32(end[16:], 4)
	b = append(b, end...)
	if _, _, err := walkAll(bytes.NewReader(b), int64(len(b)), Limits{}); !errors.Is(err, ErrBomb) {
		t.Error(err)
	}
}

// sparse is a file of zeros with some bytes in it.
type sparse struct {
	size int64
	at   []int64
	runs [][]byte
}

func (s *sparse) Write(p []byte) (int, error) {
	if len(bytes.Trim(p, "\x00")) > 0 {
		s.at, s.runs = append(s.at, s.size), append(s.runs, bytes.Clone(p))
	}
	s.size += int64(len(p))
	return len(p), nil
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), s.size-off)
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	for i, at := range s.at {
		r := s.runs[i]
		if at < off+n && at+int64(len(r)) > off {
			copy(p[max(0, at-off):n], r[max(0, off-at):])
		}
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// An archive over 4 GiB (ZIP64) is read and its CRC tested.
func TestZIP64(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 4 GiB of zeros")
	}
	const size = 4<<30 + 5
	zeros := make([]byte, 1<<20)
	crc := crc32.NewIEEE()
	for n := int64(0); n < size; n += int64(len(zeros)) {
		crc.Write(zeros[:min(int64(len(zeros)), size-n)])
	}
	s := &sparse{}
	w := zip.NewWriter(s)
	big, err := w.CreateRaw(&zip.FileHeader{Name: "视频.mp4", Method: zip.Store, CRC32: crc.Sum32(), CompressedSize64: size, UncompressedSize64: size})
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(0); n < size; n += int64(len(zeros)) {
		if _, err := big.Write(zeros[:min(int64(len(zeros)), size-n)]); err != nil {
			t.Fatal(err)
		}
	}
	small, err := w.Create("small.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := small.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, lines, err := walkAll(s, s.size, Limits{})
	if d := cmp.Diff([]string{fmt.Sprintf("视频.mp4 %d", int64(size)), "small.txt 1"}, lines); d != "" || err != nil {
		t.Error(err, d)
	}
}

// Archives made by the 7z program: sound, encrypted, damaged.
func Test7z(t *testing.T) {
	program, err := exec.LookPath("7z")
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Skip("7z is not installed")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"营业执照.jpg": "abc", "b.txt": strings.Repeat("text ", 1000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pack := func(args ...string) []byte {
		t.Helper()
		p := filepath.Join(t.TempDir(), "x.7z")
		cmd := exec.Command(program, append([]string{"a", p, "营业执照.jpg", "b.txt"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sound := pack()
	damaged := bytes.Clone(sound)
	damaged[40] ^= 0xff
	tests := []struct {
		name  string
		b     []byte
		lines []string
		err   error
	}{
		{"sound", sound, []string{"b.txt 5000", "营业执照.jpg 3"}, nil},
		{"encrypted", pack("-psecret"), nil, ErrEncrypted},
		{"names encrypted", pack("-psecret", "-mhe=on"), nil, ErrEncrypted},
		{"damaged", damaged, nil, ErrCorrupt},
		{"cut off", sound[:len(sound)/2], nil, ErrCorrupt},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			format, lines, err := walkAll(bytes.NewReader(test.b), int64(len(test.b)), Limits{})
			slices.Sort(lines)
			if format != SevenZ || !errors.Is(err, test.err) || test.err == nil && !slices.Equal(lines, test.lines) {
				t.Errorf("%s %q %v", format, lines, err)
			}
		})
	}
}

// A time without a zone is China's.
func TestTimes(t *testing.T) {
	on := time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC)
	bare := zipWith(t, func(w *zip.Writer) {
		h := &zip.FileHeader{Name: "bare"}
		h.SetModTime(on) //nolint:staticcheck // writes the old field alone
		h.Modified = time.Time{}
		if _, err := w.CreateHeader(h); err != nil {
			t.Fatal(err)
		}
	})
	for name, test := range map[string]struct {
		b    []byte
		want time.Time
	}{
		"with a zone": {samples.ZIP(samples.Member{Name: "a", Time: on}), on},
		"without":     {bare, on.Add(-8 * time.Hour)},
	} {
		_, err := Walk(context.Background(), bytes.NewReader(test.b), int64(len(test.b)), Limits{}, func(e Entry, _ func() (io.ReadCloser, error)) error {
			if !e.ModTime.Equal(test.want) {
				t.Errorf("%s: %v, want %v", name, e.ModTime, test.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestContents(t *testing.T) {
	for want, b := range map[Content][]byte{
		Word: samples.Office("word"), Excel: samples.Office("xl"), PowerPoint: samples.Office("ppt"), OFD: samples.Office("ofd"),
		Plain:   samples.ZIP(samples.Member{Name: "word/a.txt", Content: "x"}), // a folder of that name
		Program: samples.ZIP(samples.Member{Name: "META-INF/MANIFEST.MF", Content: "x"}),
		OpenDocument: samples.ZIP(samples.Member{Name: "mimetype", Content: "application/vnd.oasis.opendocument.text"},
			samples.Member{Name: "content.xml", Content: "<x/>"}),
	} {
		if got := Contents(context.Background(), bytes.NewReader(b), int64(len(b))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDecodeName(t *testing.T) {
	for raw, want := range map[string]string{
		"\xd3\xaa\xd2\xb5\xd6\xb4\xd5\xd5.jpg": "营业执照.jpg", // row 19
		"a.jpg":                                "a.jpg",
		"e\u0301":                              "\u00e9",
		"\xff\xfe\xfd":                         "\u00ff\u00fe\u00fd",
	} {
		if got := DecodeName(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(samples.ZIP(samples.Member{Name: "a/b", Content: "text"}, samples.Member{Name: "营业执照", GBK: true}))
	f.Add(samples.EncryptedZIP(samples.Member{Name: "a", Content: "x"}))
	f.Add(samples.TarGz(samples.Member{Name: "a", Content: "abc"}))
	f.Add([]byte("7z\xbc\xaf\x27\x1c\x00\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = walkAll(bytes.NewReader(b), int64(len(b)), Limits{RatioFrom: 1 << 20})
		Contents(context.Background(), bytes.NewReader(b), int64(len(b)))
	})
}

func FuzzDecodeName(f *testing.F) {
	f.Add("\xd3\xaa\xd2\xb5")
	f.Add("e\u0301/../x")
	f.Fuzz(func(t *testing.T, s string) {
		if got := DecodeName(s); strings.ToValidUTF8(got, "?") != got {
			t.Fatalf("%q is not UTF-8", got)
		}
		Litter(s)
		safeName(s)
	})
}

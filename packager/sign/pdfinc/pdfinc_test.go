package pdfinc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValues(t *testing.T) {
	for src, want := range map[string]Kind{
		"null": Null, "true": Bool, "-1.5": Number, "+.5": Number, "12": Number, "12 0 R": Reference, "(a(b)\\)c)": String,
		"<48 65>": String, "/Na#20me": Name, "[1 0 R 2 [3]]": Array, "<</A 1/B[<</C(x)>>]>>": Dictionary, "% comment\n7": Number, " 7 ": Number,
	} {
		if k, err := KindOf([]byte(src)); err != nil || k != want {
			t.Errorf("%q: %v, %v", src, k, err)
		}
	}
	for _, src := range []string{"", "(", "<", "<<", "[", "<4G>", "1 0", "1 0 S", "endobj", "--1", "1.2.3", "]", ">>", "<</A>>", "<<1 2>>", strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		if k, err := KindOf([]byte(src)); err == nil {
			t.Errorf("%q is taken as %v", src, k)
		}
	}
	if _, err := ParseDict([]byte("<</A 1/#41 2>>")); err == nil {
		t.Error("a key may stand twice")
	}
	d, err := ParseDict([]byte("<</A 1/B 2 0 R/C(x)>>"))
	if err != nil || d.With("A", "5").Without("C").String() != "<</A 5\n/B 2 0 R\n>>" || string(d.Get("A")) != "1" {
		t.Error(d, err)
	}
	if ref, ok := ParseRef([]byte(" 2 1 R")); !ok || ref != (Ref{2, 1}) {
		t.Error(ref, ok)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"ab": "(ab)", `a(b)\`: `(a\(b\)\\)`, "测": "<FEFF6D4B>", "𬍛": "<FEFFD870DF5B>", "a\n": "<FEFF0061000A>"} {
		if got := Text(in); got != want {
			t.Errorf("%q: %s, not %s", in, got, want)
		}
	}
}

// minimal is a document with a table, of one page.
func minimal() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	at := []int{0}
	for _, o := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at)-1, o)
	}
	start := b.Len()
	b.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, off := range at[1:] {
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func TestUpdateAndReadBack(t *testing.T) {
	pdf := minimal()
	for i := range 50 { // revisions
		f, err := open(pdf)
		if err != nil {
			t.Fatal(i, err)
		}
		u := f.NewUpdate()
		ref := u.AddStream(Dict{}.With("Type", "/X"), bytes.Repeat([]byte("测试"), i))
		cat, root, err := u.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		u.Put(root, cat.With("Last", ref.String()).String())
		tail, err := u.Tail([]byte("0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		pdf = append(pdf, tail.Bytes...)
		if f, err = open(pdf); err != nil {
			t.Fatal(err)
		}
		cat, _, err = f.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		last, _ := ParseRef(cat.Get("Last"))
		data, err := f.StreamData(last)
		if err != nil || len(data) != 6*i {
			t.Fatal(len(data), err)
		}
	}
}

func TestByteRangeBeyond100MB(t *testing.T) {
	pdf := minimal()
	for _, size := range []int64{100_000_001, 4_294_967_297, MaxSize - 100_000} {
		f, err := open(pdf)
		if err != nil {
			t.Fatal(err)
		}
		f.Size = size // as if the file were that long
		u := f.NewUpdate()
		u.AddSignature(Dict{}.With("Type", "/Sig"), 100)
		tail, err := u.Tail(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("/ByteRange [0 %d", size+int64(tail.From))
		if !bytes.Contains(tail.Bytes, []byte(want)) || tail.Bytes[tail.From] != '<' || tail.Bytes[tail.To-1] != '>' {
			t.Errorf("%d: %.200q", size, tail.Bytes)
		}
		if err := tail.Fill(make([]byte, 101)); !errors.Is(err, ErrReserve) {
			t.Error(err)
		}
	}
	f, err := open(pdf)
	if err != nil {
		t.Fatal(err)
	}
	f.Size = MaxSize
	if _, err := f.NewUpdate().Tail(make([]byte, 32)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	good := string(minimal())
	for name, bad := range map[string]string{
		"empty":                "",
		"no header":            good[1:],
		"no startxref":         strings.Replace(good, "startxref", "startxxxx", 1),
		"startxref too far":    strings.Replace(good, "startxref\n", "startxref\n9", 1),
		"no Root":              strings.Replace(good, "/Root", "/Toor", 1),
		"Root is no catalog":   strings.Replace(good, "/Root 1", "/Root 2", 1),
		"circle of Prev":       strings.Replace(good, "/Size 4", fmt.Sprintf("/Size 4/Prev %d", strings.Index(good, "xref\n0 4")), 1),
		"object elsewhere":     strings.Replace(good, "1 0 obj", "9 0 obj", 1),
		"entries of 19 bytes":  strings.ReplaceAll(good, " n \n", " n\n"),
		"huge subsection":      strings.Replace(good, "xref\n0 4", "xref\n0 99999999", 1),
		"XRefStm is elsewhere": strings.Replace(good, "/Size 4", "/Size 4/XRefStm 9", 1),
	} {
		if _, err := open([]byte(bad)); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	circle := strings.Replace(good, "/Kids[3 0 R]", "/Kids[2 0 R]", 1)
	f, err := open([]byte(circle))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Page(1); err == nil || errors.Is(err, ErrNoPage) {
		t.Error("a circle of pages:", err)
	}
}

// sweep uses all that reads foreign bytes; it must not panic or run away.
func sweep(b []byte) {
	f, err := open(b)
	if err != nil {
		return
	}
	f.Page(1)
	f.Signatures()
	f.Permission()
	if u := f.NewUpdate(); u != nil {
		if cat, root, err := u.Catalog(); err == nil {
			u.Append(cat, root, "Annots", "1 0 R")
		}
		u.Tail(make([]byte, 32))
	}
}

func TestRandomDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seeds := seedFiles()
	for range 20_000 {
		b := bytes.Clone(seeds[rng.IntN(len(seeds))])
		for range 1 + rng.IntN(4) {
			b[rng.IntN(len(b))] = byte(rng.IntN(256))
		}
		sweep(b)
	}
}

// seedFiles are a table, and a stream with an object stream.
func seedFiles() [][]byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n")
	body := "1 0 2 30 <</Type/Catalog/Pages 2 0 R >><</Type/Pages/Kids[]/Count 0>>"
	stm := b.Len()
	fmt.Fprintf(&b, "3 0 obj\n<</Type/ObjStm/N 2/First 9/Length %d>>\nstream\n%s\nendstream\nendobj\n", len(body), body)
	start := b.Len()
	data := []byte{0, 0, 0, 2, 3, 0, 2, 3, 1, 1, byte(stm), 0, 1, byte(start), 0}
	fmt.Fprintf(&b, "4 0 obj\n<</Type/XRef/Size 5/W[1 1 1]/Root 1 0 R/Length %d>>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n", len(data), data, start)
	return [][]byte{minimal(), b.Bytes()}
}

func FuzzOpen(f *testing.F) {
	for _, s := range seedFiles() {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, b []byte) { sweep(b) })
}

func FuzzValue(f *testing.F) {
	f.Add("<</A[1 0 R(x)<48>]/B null>>")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := KindOf([]byte(s))
		if err != nil {
			return
		}
		if k == Dictionary {
			d, err := ParseDict([]byte(s))
			if err != nil {
				return
			}
			again, err := ParseDict([]byte(d.String()))
			if err != nil || again.String() != d.String() {
				t.Errorf("%q is written as %q: %v", s, d, err)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("测(试)\\")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		if k, err := KindOf([]byte(Text(s))); err != nil || k != String {
			t.Errorf("%q: %v", s, err)
		}
	})
}

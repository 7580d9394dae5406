package heif

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image/color"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/gen2brain/heic"

	"dossier/packager/inspect/samples"
)

// gridOf makes a file whose primary picture is a grid of one tile repeated,
// with more properties (irot, imir) for it.
func gridOf(t testing.TB, tile []byte, columns, rows, width, height int, more ...[]byte) []byte {
	t.Helper()
	f, err := parse(bytes.NewReader(tile), int64(len(tile)))
	if err != nil {
		t.Fatal(err)
	}
	id := f.primary
	if f.grid != nil { // an odd size is cut out of a grid of one tile
		id = f.grid.tiles[0]
	}
	data, err := f.data(id)
	if err != nil {
		t.Fatal(err)
	}
	tw, th := f.extent(id)
	be := binary.BigEndian
	num := func(size int, v int) []byte { return be.AppendUint32(nil, uint32(v))[4-size:] }
	box := func(name string, parts ...[]byte) []byte {
		body := slices.Concat(parts...)
		return append(append(num(4, 8+len(body)), name...), body...)
	}
	full := func(v, flags byte) []byte { return []byte{v, 0, 0, flags} }
	n := columns * rows
	var infes, ids, assoc []byte
	for i := range n {
		infes = append(infes, box("infe", full(2, 0), num(2, i+1), num(2, 0), []byte("hvc1"), []byte{0})...)
		ids = append(ids, num(2, i+1)...)
		assoc = append(assoc, num(2, i+1)...)
		assoc = append(assoc, 2, 0x81, 2)
	}
	infes = append(infes, box("infe", full(2, 0), num(2, n+1), num(2, 0), []byte("grid"), []byte{0})...)
	assoc = append(assoc, num(2, n+1)...)
	assoc = append(assoc, byte(1+len(more)), 3)
	for i := range more {
		assoc = append(assoc, byte(0x80|(4+i)))
	}
	grid := slices.Concat([]byte{0, 1, byte(rows - 1), byte(columns - 1)}, num(4, width), num(4, height))
	meta := func(at int) []byte {
		iloc := slices.Concat(full(1, 0), num(2, 0x4400), num(2, n+1))
		for i := range n {
			iloc = slices.Concat(iloc, num(2, i+1), num(2, 0), num(2, 0), num(2, 1), num(4, at), num(4, len(data)))
		}
		iloc = slices.Concat(iloc, num(2, n+1), num(2, 1), num(2, 0), num(2, 1), num(4, 0), num(4, len(grid)))
		ispe := func(w, h int) []byte { return box("ispe", full(0, 0), num(4, w), num(4, h)) }
		return box("meta", full(0, 0),
			box("hdlr", full(0, 0), num(4, 0), []byte("pict"), make([]byte, 13)),
			box("pitm", full(0, 0), num(2, n+1)),
			box("iloc", iloc),
			box("iinf", full(0, 0), num(2, n+1), infes),
			box("iref", full(0, 0), box("dimg", num(2, n+1), num(2, n), ids)),
			box("iprp",
				box("ipco", slices.Concat([][]byte{box("hvcC", f.property(id, "hvcC")), ispe(tw, th), ispe(width, height)}, more)...),
				box("ipma", full(0, 0), num(4, n+1), assoc)),
			box("idat", grid))
	}
	ftyp := box("ftyp", []byte("heic"), num(4, 0), []byte("mif1heic"))
	at := len(ftyp) + len(meta(0)) + 8
	return slices.Concat(ftyp, meta(at), box("mdat", data))
}

func irot(quarters byte) []byte { return []byte{0, 0, 0, 9, 'i', 'r', 'o', 't', quarters} }
func imir(axis byte) []byte     { return []byte{0, 0, 0, 9, 'i', 'm', 'i', 'r', axis} }

// Decoding tile by tile gives the picture that libheif gives for the whole.
func TestTilesAsLibheif(t *testing.T) {
	tests := []struct {
		name          string
		width, height int
		more          [][]byte
	}{
		{"whole tiles", 3 * 426, 2 * 284, nil},
		{"cut at the edges", 1201, 555, nil},
		{"turned left", 1200, 500, [][]byte{irot(1)}},
		{"turned round", 1200, 500, [][]byte{irot(2)}},
		{"turned right", 1200, 500, [][]byte{irot(3)}},
		{"mirrored top to bottom", 1200, 500, [][]byte{imir(0)}},
		{"mirrored left to right", 1200, 500, [][]byte{imir(1)}},
		{"turned, then mirrored", 1200, 500, [][]byte{irot(1), imir(1)}},
		{"mirrored, then turned", 1200, 500, [][]byte{imir(0), irot(3)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := gridOf(t, samples.HEIC, 3, 2, test.width, test.height, test.more...)
			info, err := Read(bytes.NewReader(b), int64(len(b)))
			if err != nil || !info.Tiled {
				t.Fatalf("%+v %v", info, err)
			}
			got, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), 0)
			if err != nil {
				t.Fatal(err)
			}
			want, err := heic.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if got.Bounds() != want.Bounds() || got.Bounds().Dx() != info.Width || got.Bounds().Dy() != info.Height {
				t.Fatalf("%v, libheif %v, info %+v", got.Bounds(), want.Bounds(), info)
			}
			// libheif puts grids together in RGB, which rounds; its wrapper
			// spoils the first bytes of what it returns, see decode
			spoilt := 0
			for y := range info.Height {
				for x := range info.Width {
					a, b := got.At(x, y).(color.YCbCr), want.At(x, y).(color.YCbCr)
					if apart(a.Y, b.Y) > 3 || apart(a.Cb, b.Cb) > 3 || apart(a.Cr, b.Cr) > 3 {
						spoilt++
					}
				}
			}
			if spoilt > 7*freed {
				t.Errorf("%d pixels are not those of libheif", spoilt)
			}
		})
	}
}

func apart(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

func TestSinglePicture(t *testing.T) {
	b := samples.HEIC
	info, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil || info.Width != 425 || info.Height != 283 {
		t.Fatalf("%+v %v", info, err)
	}
	if _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), 1000); !errors.Is(err, ErrTooBig) {
		t.Fatal(err)
	}
	if _, err := Decode(context.Background(), bytes.NewReader(b[:len(b)-100]), int64(len(b)-100), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(b), 100); !errors.Is(err, ErrFormat) {
		t.Fatal(err)
	}
}

// A 12-megapixel photo in tiles is decoded within a few dozen megabytes.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	b := gridOf(t, samples.HEIC, 9, 11, 3800, 3100)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), 0); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	info, _ := Read(bytes.NewReader(b), int64(len(b)))
	if grown := int64(after.Sys - before.Sys); grown > info.Cost()+64<<20 {
		t.Errorf("memory grew by %d MiB, cost says %d", grown>>20, info.Cost()>>20)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(samples.HEIC)
	f.Add(gridOf(f, samples.HEIC, 2, 2, 800, 500, irot(1))[:1000])
	f.Add([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic\x00\x00\x00\x10meta\x00\x00\x00\x00pitm"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Read(bytes.NewReader(b), int64(len(b)))
		if err == nil && (info.Width < 1 || info.Height < 1 || info.Width > longest || info.Height > longest) {
			t.Fatalf("%+v", info)
		}
	})
}

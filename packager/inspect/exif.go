package inspect

import (
	"bytes"
	"encoding/binary"
	"io"
)

// exif is what we need of an EXIF block (CIPA DC-008, JEITA CP-3451).
type exif struct {
	orientation int // 1 to 8
	gps         bool
}

// parseEXIF reads a TIFF block as EXIF has it. It looks at the first
// directory only, never follows an offset twice, and takes a damaged block for
// an upright picture without a place.
func parseEXIF(b []byte) exif {
	e := exif{orientation: 1}
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
	if len(b) < 8 {
		return e
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return e
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return e
	}
	n := int(order.Uint16(b[at:]))
	entries := b[at+2:]
	for i := 0; i < n && len(entries) >= 12; i, entries = i+1, entries[12:] {
		tag, typ := order.Uint16(entries), order.Uint16(entries[2:])
		switch tag {
		case 0x0112: // Orientation, SHORT
			if v := order.Uint16(entries[8:]); typ == 3 && v >= 1 && v <= 8 {
				e.orientation = int(v)
			}
		case 0x8825: // GPSInfo, LONG: an offset
			e.gps = gpsFilled(b, int64(order.Uint32(entries[8:])), order)
		}
	}
	return e
}

// gpsFilled reports whether a GPS directory has more than its version tag:
// cameras without a fix write an empty one.
func gpsFilled(b []byte, at int64, order binary.ByteOrder) bool {
	if at+2 > int64(len(b)) {
		return false
	}
	n := int(order.Uint16(b[at:]))
	entries := b[at+2:]
	for i := 0; i < n && len(entries) >= 12; i, entries = i+1, entries[12:] {
		if tag := order.Uint16(entries); tag >= 1 && tag <= 4 { // latitude, longitude
			return true
		}
	}
	return false
}

// metadata are the blocks about a picture that stand beside its pixels.
type metadata struct {
	exif        []byte
	xmp         []byte
	progressive bool // JPEG: coded in several scans
}

const metadataBytes = 1 << 20

// jpegMetadata walks the segments of a JPEG up to its first scan (ITU-T T.81,
// annex B).
func jpegMetadata(r io.ReaderAt, size int64) metadata {
	var m metadata
	for at := int64(2); at+4 <= size; {
		var h [4]byte
		if _, err := r.ReadAt(h[:], at); err != nil || h[0] != 0xff {
			return m
		}
		if h[1] == 0xff { // fill byte
			at++
			continue
		}
		if h[1] == 0xd9 || h[1] == 0xda || h[1] >= 0xd0 && h[1] <= 0xd7 {
			return m
		}
		n := int64(binary.BigEndian.Uint16(h[2:]))
		if n < 2 {
			return m
		}
		m.progressive = m.progressive || h[1] == 0xc2
		if h[1] == 0xe1 {
			seg := make([]byte, min(n-2, size-at-4))
			if _, err := r.ReadAt(seg, at+4); err != nil {
				return m
			}
			if rest, ok := bytes.CutPrefix(seg, []byte("Exif\x00\x00")); ok && m.exif == nil {
				m.exif = rest
			} else if rest, ok := bytes.CutPrefix(seg, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok && m.xmp == nil {
				m.xmp = rest
			}
		}
		at += 2 + n
	}
	return m
}

// pngMetadata walks the chunks of a PNG (ISO/IEC 15948; eXIf as registered).
func pngMetadata(r io.ReaderAt, size int64) metadata {
	var m metadata
	chunks(r, 8, size, binary.BigEndian, true, func(name string, body func() []byte) bool {
		switch name {
		case "eXIf":
			m.exif = body()
		case "iTXt":
			if b := body(); bytes.HasPrefix(b, []byte("XML:com.adobe.xmp\x00")) {
				m.xmp = b
			}
		}
		return name != "IEND"
	})
	return m
}

// webpMetadata walks the chunks of a WebP (RFC 9649).
func webpMetadata(r io.ReaderAt, size int64) metadata {
	var m metadata
	chunks(r, 12, size, binary.LittleEndian, false, func(name string, body func() []byte) bool {
		switch name {
		case "EXIF":
			m.exif = body()
		case "XMP ":
			m.xmp = body()
		}
		return true
	})
	return m
}

// chunks visits the chunks of a PNG (length, name, body, CRC) or of a RIFF
// (name, length, body, padded to even). It stops at the end, at what makes no
// sense, and after 10,000 chunks.
func chunks(r io.ReaderAt, at, size int64, order binary.ByteOrder, png bool, visit func(name string, body func() []byte) bool) {
	for range 10_000 {
		var h [8]byte
		if _, err := r.ReadAt(h[:], at); err != nil {
			return
		}
		name, n := string(h[:4]), int64(order.Uint32(h[4:]))
		if png {
			name, n = string(h[4:]), int64(order.Uint32(h[:]))
		}
		start := at + 8
		more := visit(name, func() []byte {
			b := make([]byte, max(0, min(n, size-start, metadataBytes)))
			if _, err := r.ReadAt(b, start); err != nil {
				return nil
			}
			return b
		})
		if !more {
			return
		}
		if at = start + n; png {
			at += 4
		} else {
			at += n & 1
		}
		if at >= size {
			return
		}
	}
}

// read interprets the blocks. XMP is searched for the names of GPS
// coordinates; its orientation is not used, as no viewer does.
func (m metadata) read() (e exif, has bool) {
	e = parseEXIF(m.exif)
	if bytes.Contains(m.xmp, []byte("GPSLatitude")) || bytes.Contains(m.xmp, []byte("GPSLongitude")) {
		e.gps = true
	}
	return e, len(m.exif) > 0
}

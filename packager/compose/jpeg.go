package compose

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"
)

// A JPEG goes into the bundle without being decoded: its entropy-coded data
// are copied as they are, and only segments that are not needed to show the
// picture are left out. Those are the ones in which cameras and phones write
// place, time, device and preview pictures (APP1 EXIF and XMP, APP13 IPTC,
// comments, maker trailers after the end of the image).

var (
	errNotJPEG  = errors.New("not a JPEG stream")
	errOddJPEG  = errors.New("a JPEG process that PDF readers do not know") // lossless, hierarchical, arithmetic, 12 bits
	jfifTag     = []byte("JFIF\x00")
	adobeTag    = []byte("Adobe")
	iccTag      = []byte("ICC_PROFILE\x00")
	endOfImage  = []byte{0xff, 0xd9}
	jpegSOI     = []byte{0xff, 0xd8}
	sofBaseline = map[byte]bool{0xc0: true, 0xc1: true, 0xc2: true}
)

// jpegParts is a JPEG without its metadata.
type jpegParts struct {
	keep          [][]byte // slices of the original, in order; their sum is a whole JPEG
	width, height int
	components    int
	adobe         bool // APP14: four components are stored inverted
	icc           []byte
	cut           bool // the image has no end marker: a truncated file
}

// splitJPEG walks the markers of a JPEG (ITU-T T.81, annex B).
func splitJPEG(b []byte) (*jpegParts, error) {
	if !bytes.HasPrefix(b, jpegSOI) {
		return nil, errNotJPEG
	}
	p := &jpegParts{}
	profile := map[byte][]byte{} // the chunks of an ICC profile, by number
	from := 0                    // start of the run that is being kept
	keepTo := func(i int) {
		if i > from {
			p.keep = append(p.keep, b[from:i])
		}
	}
	i := 2
	for {
		at := i
		for i < len(b) && b[i] == 0xff { // fill bytes
			i++
		}
		if i == at || i >= len(b) {
			break // junk or the end where a marker should be
		}
		m := b[i]
		i++
		if m == 0xd9 {
			keepTo(i)
			return p.finish(profile)
		}
		if m == 0x01 || m >= 0xd0 && m <= 0xd7 {
			continue // no length
		}
		if i+2 > len(b) {
			i = at
			break
		}
		n := int(binary.BigEndian.Uint16(b[i:]))
		if n < 2 || i+n > len(b) {
			i = at
			break
		}
		seg := b[i+2 : i+n]
		i += n
		switch {
		case m == 0xda: // start of scan: skip the entropy-coded data
			i = skipScan(b, i)
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			if !sofBaseline[m] || len(seg) < 6 || seg[0] != 8 {
				return nil, errOddJPEG
			}
			p.height = int(binary.BigEndian.Uint16(seg[1:]))
			p.width = int(binary.BigEndian.Uint16(seg[3:]))
			p.components = int(seg[5])
		case m == 0xcc:
			return nil, errOddJPEG // arithmetic coding
		case m == 0xe2 && bytes.HasPrefix(seg, iccTag) && len(seg) > len(iccTag)+2:
			profile[seg[len(iccTag)]] = seg[len(iccTag)+2:]
			fallthrough // the profile is kept beside the picture as an object
		case m == 0xfe || m >= 0xe0 && m <= 0xef && !neededSegment(m, seg):
			keepTo(at)
			from = i
		case m == 0xee:
			p.adobe = true
		}
	}
	if p.components == 0 {
		return nil, errNotJPEG
	}
	// No end marker. Readers show what is there; the marker makes it whole.
	p.cut = true
	keepTo(min(i, len(b)))
	p.keep = append(p.keep, endOfImage)
	return p.finish(profile)
}

func neededSegment(m byte, seg []byte) bool {
	switch m {
	case 0xe0:
		// A JFIF header with a thumbnail inside (the last two bytes of its
		// fixed part are the thumbnail's size) is left out whole: the
		// components alone say what the colours are.
		return bytes.HasPrefix(seg, jfifTag) && len(seg) == 14
	case 0xee:
		return bytes.HasPrefix(seg, adobeTag)
	}
	return false
}

// skipScan returns the index of the first marker after entropy-coded data.
func skipScan(b []byte, i int) int {
	for {
		k := bytes.IndexByte(b[i:], 0xff)
		if k < 0 || i+k+1 >= len(b) {
			return len(b)
		}
		i += k
		if m := b[i+1]; m != 0 && m != 0xff && (m < 0xd0 || m > 0xd7) {
			return i
		}
		i++
	}
}

func (p *jpegParts) finish(profile map[byte][]byte) (*jpegParts, error) {
	if p.width == 0 || p.height == 0 {
		return nil, errOddJPEG // height in a DNL segment
	}
	if p.components != 1 && p.components != 3 && p.components != 4 {
		return nil, errOddJPEG
	}
	var order []int
	for n := range profile {
		order = append(order, int(n))
	}
	sort.Ints(order)
	for _, n := range order {
		p.icc = append(p.icc, profile[byte(n)]...)
	}
	if !usableICC(p.icc, p.components) {
		p.icc = nil
	}
	return p, nil
}

// usableICC reports whether an ICC profile (ICC.1, 7.2) is whole and speaks of
// n components, so that a reader will not stumble over it.
func usableICC(b []byte, n int) bool {
	if len(b) < 128 || int(binary.BigEndian.Uint32(b)) != len(b) || string(b[36:40]) != "acsp" {
		return false
	}
	switch string(b[16:20]) {
	case "GRAY":
		return n == 1
	case "RGB ":
		return n == 3
	case "CMYK":
		return n == 4
	}
	return false
}

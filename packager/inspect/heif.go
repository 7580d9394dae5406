package inspect

import (
	"bytes"
	"encoding/binary"
	"io"
)

// heif is what we need of a HEIF file before it is decoded (ISO/IEC 23008-12).
type heif struct {
	width, height int // of the greatest image in it, before rotation
	frames        int // top-level images; 1 for a photo
	meta          metadata
}

// readHEIF walks the boxes of the meta box. It reads that box alone, at most
// 4 MiB of it, and the EXIF item.
func readHEIF(r io.ReaderAt, size int64) heif {
	h := heif{frames: 1}
	for at := int64(0); at+8 <= size; {
		name, body, next := box(r, at, size)
		if next <= at {
			return h
		}
		if name == "meta" {
			b := make([]byte, min(next-body, 4<<20))
			if n, _ := r.ReadAt(b, body); n < len(b) {
				return h
			}
			if len(b) > 4 {
				h.readMeta(b[4:], r, size) // a full box: version and flags come first
			}
			return h
		}
		at = next
	}
	return h
}

// box reads the header of the box at a place: its name, where its body begins
// and where the next box is (at, when it makes no sense).
func box(r io.ReaderAt, at, size int64) (name string, body, next int64) {
	var b [16]byte
	n, _ := r.ReadAt(b[:], at)
	if n < 8 {
		return "", at, at
	}
	length, head := int64(binary.BigEndian.Uint32(b[:])), int64(8)
	switch {
	case length == 1 && n == 16:
		length, head = int64(binary.BigEndian.Uint64(b[8:])), 16
	case length == 0:
		length = size - at
	}
	if length < head || length > size-at {
		return "", at, at
	}
	return string(b[4:8]), at + head, at + length
}

// boxes calls visit for each box in b.
func boxes(b []byte, visit func(name string, body []byte)) {
	r := bytes.NewReader(b)
	for at := int64(0); at+8 <= int64(len(b)); {
		name, body, next := box(r, at, int64(len(b)))
		if next <= at {
			return
		}
		visit(name, b[body:next])
		at = next
	}
}

func (h *heif) readMeta(b []byte, r io.ReaderAt, size int64) {
	var exifItem uint32
	var iloc []byte
	boxes(b, func(name string, body []byte) {
		switch name {
		case "iinf":
			exifItem = findEXIFItem(body)
		case "iloc":
			iloc = body
		case "iprp":
			boxes(body, func(name string, body []byte) {
				if name == "ipco" {
					h.readProperties(body)
				}
			})
		}
	})
	if exifItem == 0 {
		return
	}
	at, n := locate(iloc, exifItem)
	if n < 8 || n > metadataBytes || at < 0 || at+n > size {
		return
	}
	block := make([]byte, n)
	if _, err := r.ReadAt(block, at); err != nil {
		return
	}
	// the item begins with the offset of the TIFF header (A.2.1)
	if skip := int64(binary.BigEndian.Uint32(block)); skip < n-4 {
		h.meta.exif = block[4+skip:]
	}
}

func (h *heif) readProperties(b []byte) {
	boxes(b, func(name string, body []byte) {
		if name == "ispe" && len(body) >= 12 {
			w, ht := int(binary.BigEndian.Uint32(body[4:])), int(binary.BigEndian.Uint32(body[8:]))
			if w*ht > h.width*h.height {
				h.width, h.height = w, ht
			}
		}
	})
}

// findEXIFItem returns the id of the item of type Exif, or 0.
func findEXIFItem(b []byte) (id uint32) {
	if len(b) < 6 {
		return 0
	}
	skip := 6
	if b[0] > 0 {
		skip = 8
	}
	if len(b) < skip {
		return 0
	}
	boxes(b[skip:], func(name string, body []byte) {
		if name != "infe" || len(body) < 4 {
			return
		}
		switch v := body[0]; {
		case v == 2 && len(body) >= 12 && string(body[8:12]) == "Exif":
			id = uint32(binary.BigEndian.Uint16(body[4:]))
		case v == 3 && len(body) >= 14 && string(body[10:14]) == "Exif":
			id = binary.BigEndian.Uint32(body[4:])
		}
	})
	return id
}

// locate finds where the first extent of an item is in the file (8.11.3).
func locate(b []byte, item uint32) (at, length int64) {
	c := cursor{b: b}
	version := c.uint(1)
	c.uint(3)
	sizes := c.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	idSize := 2
	if version == 2 {
		idSize = 4
	}
	for n := c.uint(idSize); n > 0 && c.ok(); n-- {
		id, method := c.uint(idSize), uint64(0)
		if version > 0 {
			method = c.uint(2) & 15
		}
		c.uint(2) // data reference
		base := c.uint(baseSize)
		for k, extents := uint64(0), c.uint(2); k < extents && c.ok(); k++ {
			if version > 0 {
				c.uint(indexSize)
			}
			off, l := c.uint(offsetSize), c.uint(lengthSize)
			if uint32(id) == item && k == 0 && method == 0 && c.ok() {
				return int64(base + off), int64(l)
			}
		}
	}
	return 0, 0
}

// cursor reads big-endian numbers; after the end it gives zeros and is not ok.
type cursor struct {
	b    []byte
	over bool
}

func (c *cursor) ok() bool { return !c.over }

func (c *cursor) uint(n int) uint64 {
	if n > len(c.b) {
		c.over, c.b = true, nil
		return 0
	}
	var v uint64
	for _, x := range c.b[:n] {
		v = v<<8 | uint64(x)
	}
	c.b = c.b[n:]
	return v
}

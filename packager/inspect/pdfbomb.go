package inspect

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// What the streams of a PDF may unpack to. Readers hold one stream at a time,
// but all of its object streams.
const (
	objectStreamBytes = 100 << 20 // in all
	streamBytes       = 100 << 20 // one that is no picture
	pictureBytes      = 360 << 20 // the pixels of one picture: 120 million in three colours
	mostGrowth        = 4096      // bytes that one byte unpacks to at most: LZW's longest entry; Deflate ends at 1032
)

// errBomb says that a PDF unpacks to more than that.
var errBomb = errors.New("PDF bomb")

// checkStreams unpacks, without keeping anything, what could unpack to more
// than the limits allow.
func checkStreams(ctx context.Context, pc *model.Context) error {
	left := int64(objectStreamBytes)
	for _, n := range pc.Table {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n == nil || n.Free {
			continue
		}
		switch o := n.Object.(type) {
		case types.ObjectStreamDict:
			size, err := unpacked(&o.StreamDict, left)
			if err != nil {
				return err
			}
			left -= size
		case types.StreamDict:
			if err := checkStream(pc, &o); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkStream(pc *model.Context, s *types.StreamDict) error {
	if name(pc, s.Dict["Subtype"]) == "Image" {
		if b := pixelBytes(pc, s); b > pictureBytes {
			return fmt.Errorf("%w: a picture of %.0f MB", errBomb, b/1e6)
		}
		return nil
	}
	most := float64(len(s.Raw))
	for range s.FilterPipeline {
		most *= mostGrowth
	}
	if most <= streamBytes {
		return nil
	}
	_, err := unpacked(s, streamBytes)
	return err
}

// pixelBytes is what a decoded picture takes (ISO 32000-1, 8.9.5).
func pixelBytes(pc *model.Context, s *types.StreamDict) float64 {
	bits, colours := 8.0, 3.0
	switch name(pc, s.Dict["ColorSpace"]) {
	case "DeviceGray", "G":
		colours = 1
	case "DeviceCMYK", "CMYK":
		colours = 4
	}
	if b := number(pc, s.Dict["BitsPerComponent"]); b > 0 {
		bits = b
	}
	if mask, _ := s.Dict["ImageMask"].(types.Boolean); bool(mask) || bits == 1 {
		bits, colours = 1, 1
	}
	return number(pc, s.Dict["Width"]) * number(pc, s.Dict["Height"]) * bits * colours / 8
}

func number(pc *model.Context, o types.Object) float64 {
	if r, ok := o.(types.IndirectRef); ok {
		o, _ = pc.Dereference(r)
	}
	switch n := o.(type) {
	case types.Integer:
		return float64(n)
	case types.Float:
		return float64(n)
	}
	return 0
}

// unpacked is how many bytes a stream unpacks to; more than limit is errBomb.
// What cannot be unpacked counts as far as it goes: a reader of the stream will
// say what is wrong with it.
func unpacked(s *types.StreamDict, limit int64) (int64, error) {
	var r io.Reader = bytes.NewReader(s.Raw)
	for _, f := range s.FilterPipeline {
		if f.Name != filter.Flate {
			c := *s // what it is decoded to goes away
			if err := c.DecodeWithLimit(limit); errors.Is(err, filter.ErrDecodeLimitExceeded) {
				return limit, fmt.Errorf("%w: a stream of more than %s", errBomb, megabytes(limit))
			}
			return int64(len(c.Content)), nil
		}
		z, err := zlib.NewReader(r)
		if err != nil {
			return 0, nil
		}
		r = z
	}
	size, _ := io.Copy(io.Discard, io.LimitReader(r, limit+1))
	if size > limit {
		return size, fmt.Errorf("%w: a stream of more than %s", errBomb, megabytes(limit))
	}
	return size, nil
}

package archive

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
)

// Content says what a ZIP is when it is more than a ZIP.
type Content string

const (
	Plain        Content = ""
	Word         Content = "docx"
	Excel        Content = "xlsx"
	PowerPoint   Content = "pptx"
	OpenDocument Content = "odf"
	OFD          Content = "ofd"
	IWork        Content = "iwork"   // Pages, Numbers, Keynote
	Program      Content = "program" // JAR, APK: not to be unpacked
)

// Contents tells a plain ZIP from documents that are ZIPs with certain members
// (ECMA-376 part 2, GB/T 33190, OASIS OpenDocument part 3). It looks at the
// first 2000 members.
func Contents(ctx context.Context, r io.ReaderAt, size int64) Content {
	found, office := Plain, Plain
	types := false // [Content_Types].xml, which every OOXML package has
	enough := errors.New("enough")
	n := 0
	// What a document unpacks to is not asked here.
	endless := Limits{Bytes: math.MaxInt64, Ratio: math.MaxFloat64}
	_, _ = Walk(ctx, r, size, endless, func(e Entry, read func() (io.ReadCloser, error)) error {
		if n++; n > 2000 {
			return enough
		}
		folder, _, _ := strings.Cut(e.Name, "/")
		switch {
		case e.Name == "[Content_Types].xml":
			types = true
		case ooxml[folder] != Plain:
			office = ooxml[folder]
		case e.Name == "OFD.xml":
			found = OFD
		case e.Name == "Index/Document.iwa", e.Name == "Index.zip", e.Name == "index.apxl":
			found = IWork
		case e.Name == "META-INF/MANIFEST.MF", e.Name == "AndroidManifest.xml":
			found = Program
		case e.Name == "mimetype" && n == 1 && openDocument(read):
			found = OpenDocument
		}
		if types && office != Plain {
			found = office
		}
		if found != Plain {
			return enough
		}
		return nil
	})
	return found
}

var ooxml = map[string]Content{"word": Word, "xl": Excel, "ppt": PowerPoint}

func openDocument(read func() (io.ReadCloser, error)) bool {
	if read == nil {
		return false
	}
	rc, err := read()
	if err != nil {
		return false
	}
	defer rc.Close()
	b, _ := io.ReadAll(io.LimitReader(rc, 200))
	return strings.HasPrefix(string(b), "application/vnd.oasis.opendocument")
}

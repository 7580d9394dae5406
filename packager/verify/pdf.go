// Package verify judges bundles offline: the PDF with its signatures, what later
// revisions changed, the manifest, the audit log, the receipt, the materials. It
// shares no code with the rooms that make them and has a PDF reader, a CMS and a
// token parser of its own, which repair nothing: what has to be repaired is not
// what was signed.
package verify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"dossier/packager"
)

// Options are what a verdict is judged by.
type Options struct {
	Now time.Time
	// Manifest are the bytes that the attached manifest.json must have; nil
	// when they are not known.
	Manifest []byte
	// Roots are the certificates that the caller trusts; nil for none, which
	// is a stated result and no failure.
	Roots *x509.CertPool
	// Store is where Folder looks whether the publication that the receipt
	// names is still there, whole and the newest; nil for not at all.
	Store Source
}

// findings gathers the checks of one verdict.
type findings struct {
	v      packager.Verdict
	log    *history // the copy beside the bundle, if it holds
	stored int      // number of the newest publication that the living log knows
}

func (f *findings) add(ok bool, name, code, target string, args packager.Args) {
	f.v.Checks = append(f.v.Checks, packager.VerifyCheck{Name: name, OK: ok, Code: code, Target: target, Args: args})
}

// fail adds a check that does not hold, with its cause.
func (f *findings) fail(name, code, target string, err error, args packager.Args) {
	why := causeOf(err)
	all := maps.Clone(why.args)
	if all == nil {
		all = packager.Args{}
	}
	maps.Copy(all, args)
	f.v.Checks = append(f.v.Checks, packager.VerifyCheck{Name: name, Code: code, Cause: why.key, Target: target, Args: all})
}

func (f *findings) verdict() *packager.Verdict {
	f.v.OK = len(f.v.Checks) > 0
	for _, c := range f.v.Checks {
		f.v.OK = f.v.OK && c.OK
	}
	return &f.v
}

// PDF checks a signed bundle by itself. The error is one of reading the file;
// everything that is wrong with its content is in the verdict.
func PDF(ctx context.Context, path string, o Options) (*packager.Verdict, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &findings{}
	checkPDF(r, &cancelReader{ctx, f}, size, o, filepath.Base(path))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.verdict(), nil
}

// cancelReader ends long reading when the context does.
type cancelReader struct {
	ctx context.Context
	r   io.ReaderAt
}

func (c *cancelReader) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.ReadAt(p, off)
}

func checkPDF(f *findings, r io.ReaderAt, size int64, o Options, target string) {
	d, sigs, err := openSigned(r, size)
	if err != nil {
		f.fail("pdf.readable", "VERIFY_PDF_DAMAGED", target, err, nil)
		return
	}
	f.add(true, "pdf.readable", "VERIFY_PDF_READABLE", target, nil)
	if len(sigs) == 0 {
		f.add(false, "pdf.signature", "VERIFY_UNSIGNED", target, nil)
		return
	}
	j := &judge{f: f, o: o, target: target, last: d, states: map[int64]*document{size: d}, stores: map[int64]*evidence{}}
	j.signatures(sigs)
	j.revisions(sigs)
	d.checkManifest(f, o, target)
}

func openSigned(r io.ReaderAt, size int64) (*document, []signature, error) {
	d, err := openDocument(r, size)
	if err != nil {
		return nil, nil, err
	}
	sigs, err := d.signatures()
	slices.SortStableFunc(sigs, func(a, b signature) int { return cmp.Compare(a.end(), b.end()) })
	return d, sigs, err
}

func codeFor(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}

// signature is a signature field with its value.
type signature struct {
	field     string
	num       int // object number of the value, 0 when it stands in the field
	value     dict
	subFilter name
	contents  text
	byteRange [4]int64
}

// end is where what the signature covers ends.
func (s *signature) end() int64 { return s.byteRange[2] + s.byteRange[3] }

// signatures walks the form's fields.
func (d *document) signatures() ([]signature, error) {
	root, err := d.getDict(d.trailer["Root"])
	if err != nil {
		return nil, err
	}
	if root == nil || root["Type"] != name("Catalog") {
		return nil, because("pdf.catalog")
	}
	form, err := d.getDict(root["AcroForm"])
	if err != nil || form == nil {
		return nil, err
	}
	var out []signature
	nodes := 0
	err = d.walkFields(form["Fields"], "", nil, 0, &nodes, &out)
	return out, err
}

func (d *document) walkFields(o any, prefix string, inherited any, depth int, nodes *int, out *[]signature) error {
	if *nodes++; depth > maxDepth || len(*out) > 64 || *nodes > maxNodes {
		return because("pdf.fields")
	}
	fields, err := d.getArray(o)
	if err != nil {
		return err
	}
	for _, fo := range fields {
		fd, err := d.getDict(fo)
		if err != nil {
			return err
		}
		title, _ := fd["T"].(text)
		full := prefix + readable(title.b)
		kind := inherited
		if t, ok := fd["FT"]; ok {
			kind = t
		}
		if kids, ok := fd["Kids"]; ok {
			if err := d.walkFields(kids, full+".", kind, depth+1, nodes, out); err != nil {
				return err
			}
		}
		if kind != name("Sig") || fd["V"] == nil {
			continue
		}
		s, err := d.readSignature(full, fd["V"])
		if err != nil {
			return err
		}
		*out = append(*out, s)
	}
	return nil
}

func (d *document) readSignature(field string, v any) (signature, error) {
	s := signature{field: field}
	if r, ok := v.(ref); ok {
		s.num = r.num
	}
	var err error
	if s.value, err = d.getDict(v); err != nil {
		return s, err
	}
	var ok bool
	s.subFilter, _ = s.value["SubFilter"].(name)
	if s.contents, ok = s.value["Contents"].(text); !ok {
		return s, because("pdf.contents")
	}
	br, ok := ints(s.value["ByteRange"])
	if !ok || len(br) != 4 {
		return s, because("range.form")
	}
	copy(s.byteRange[:], br)
	return s, nil
}

// checkRange holds /ByteRange against the file: everything from the first
// byte on but the /Contents token itself, to the end of a revision.
func (d *document) checkRange(s *signature) (end int64, err error) {
	b := s.byteRange
	end = b[2] + b[3]
	switch {
	case b[0] != 0 || b[1] <= 0 || b[3] <= 0 || b[2] <= b[1] || b[2] > d.size || b[3] > d.size-b[2]:
		return 0, because("range.form")
	case !s.contents.hex || s.contents.off != b[1] || s.contents.end != b[2]:
		return 0, because("range.gap")
	}
	// The token must be plain hex of one case, without blanks: then each of
	// its bytes has one way to be written, and none can change unseen.
	token := make([]byte, b[2]-b[1])
	if _, err := d.r.ReadAt(token, b[1]); err != nil {
		return 0, err
	}
	lower, upper := fmt.Appendf(nil, "<%x>", s.contents.b), fmt.Appendf(nil, "<%X>", s.contents.b)
	if !bytes.Equal(token, lower) && !bytes.Equal(token, upper) {
		return 0, because("range.hex")
	}
	return end, nil
}

// checkManifest holds the attached manifest against the one beside the file.
func (d *document) checkManifest(f *findings, o Options, target string) {
	got, err := d.attachment("manifest.json")
	switch {
	case err != nil:
		f.fail("pdf.manifest", "VERIFY_PDF_DAMAGED", target, err, nil)
	case got == nil:
		f.add(false, "pdf.manifest", "VERIFY_NO_MANIFEST", target, nil)
	case o.Manifest != nil && !bytes.Equal(got, o.Manifest):
		f.add(false, "pdf.manifest", "VERIFY_MANIFEST_DIFFERS", target, nil)
	default:
		sum := sha256.Sum256(got)
		f.v.Manifest = got
		f.add(true, "pdf.manifest", "VERIFY_MANIFEST", target, packager.Args{"sha256": hex.EncodeToString(sum[:])})
	}
}

// attachment returns the bytes of an embedded file (7.11.4), nil if it is not
// there.
func (d *document) attachment(want string) ([]byte, error) {
	root, err := d.getDict(d.trailer["Root"])
	if err != nil || root == nil {
		return nil, err
	}
	names, err := d.getDict(root["Names"])
	if err != nil || names == nil {
		return nil, err
	}
	tree, err := d.getDict(names["EmbeddedFiles"])
	if err != nil || tree == nil {
		return nil, err
	}
	return d.findFile(tree, want, 0, new(int))
}

func (d *document) findFile(node dict, want string, depth int, nodes *int) ([]byte, error) {
	if *nodes++; depth > maxDepth || *nodes > maxNodes {
		return nil, because("pdf.names")
	}
	pairs, err := d.getArray(node["Names"])
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(pairs); i += 2 {
		spec, err := d.getDict(pairs[i])
		if err != nil {
			return nil, err
		}
		if !isNamed(spec, want) {
			continue
		}
		ef, err := d.getDict(spec["EF"])
		if err != nil || ef == nil {
			return nil, err
		}
		o, err := d.get(ef["F"])
		if err != nil {
			return nil, err
		}
		s, ok := o.(*stream)
		if !ok {
			return nil, because("pdf.kind", "want", "stream")
		}
		return d.decode(s)
	}
	kids, err := d.getArray(node["Kids"])
	if err != nil {
		return nil, err
	}
	for _, k := range kids {
		kd, err := d.getDict(k)
		if err != nil {
			return nil, err
		}
		if b, err := d.findFile(kd, want, depth+1, nodes); b != nil || err != nil {
			return b, err
		}
	}
	return nil, nil
}

// isNamed compares the names of a file specification; text strings may be
// UTF-16BE, and an ASCII name is all that we look for.
func isNamed(spec dict, want string) bool {
	for _, k := range []name{"UF", "F"} {
		t, ok := spec[k].(text)
		if !ok {
			continue
		}
		b := t.b
		if bytes.HasPrefix(b, []byte{0xFE, 0xFF}) {
			b = bytes.ReplaceAll(b[2:], []byte{0}, nil)
		}
		if string(b) == want {
			return true
		}
	}
	return false
}

package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
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
}

// findings gathers the checks of one verdict.
type findings struct{ v packager.Verdict }

func (f *findings) add(ok bool, name, code, target string, args packager.Args) bool {
	f.v.Checks = append(f.v.Checks, packager.VerifyCheck{Name: name, OK: ok, Code: code, Target: target, Args: args})
	return ok
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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := &findings{}
	checkPDF(ctx, r, &cancelReader{ctx, f}, st.Size(), o, "bundle.pdf")
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

func checkPDF(_ context.Context, f *findings, r io.ReaderAt, size int64, o Options, target string) {
	d, err := openDocument(r, size)
	if err != nil {
		f.add(false, "pdf.readable", "VERIFY_PDF_DAMAGED", target, packager.Args{"error": err.Error()})
		return
	}
	sigs, err := d.signatures()
	if err != nil {
		f.add(false, "pdf.readable", "VERIFY_PDF_DAMAGED", target, packager.Args{"error": err.Error()})
		return
	}
	f.add(true, "pdf.readable", "VERIFY_PDF_READABLE", target, nil)
	if len(sigs) == 0 {
		f.add(false, "pdf.signature", "VERIFY_UNSIGNED", target, nil)
		return
	}
	last := int64(0)
	for i := range sigs {
		end := d.checkSignature(f, &sigs[i], o, target)
		last = max(last, end)
	}
	f.add(last == size, "pdf.coverage", codeFor(last == size, "VERIFY_COVERS_ALL", "VERIFY_APPENDED"), target,
		packager.Args{"bytes": fmt.Sprint(size - last)})
	d.checkManifest(f, o, target)
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
	value     dict
	subFilter name
	contents  text
	byteRange [4]int64
}

// signatures walks the form's fields.
func (d *document) signatures() ([]signature, error) {
	root, err := d.getDict(d.trailer["Root"])
	if err != nil {
		return nil, err
	}
	if root == nil || root["Type"] != name("Catalog") {
		return nil, fmt.Errorf("%w: no catalog", errDamaged)
	}
	form, err := d.getDict(root["AcroForm"])
	if err != nil || form == nil {
		return nil, err
	}
	var out []signature
	err = d.walkFields(form["Fields"], "", nil, 0, &out)
	return out, err
}

func (d *document) walkFields(o any, prefix string, inherited any, depth int, out *[]signature) error {
	if depth > maxDepth || len(*out) > 64 {
		return fmt.Errorf("%w: too many fields", errDamaged)
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
		full := prefix + string(title.b)
		kind := inherited
		if t, ok := fd["FT"]; ok {
			kind = t
		}
		if kids, ok := fd["Kids"]; ok {
			if err := d.walkFields(kids, full+".", kind, depth+1, out); err != nil {
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
	var err error
	if s.value, err = d.getDict(v); err != nil {
		return s, err
	}
	var ok bool
	s.subFilter, _ = s.value["SubFilter"].(name)
	if s.contents, ok = s.value["Contents"].(text); !ok {
		return s, fmt.Errorf("%w: a signature without /Contents", errDamaged)
	}
	br, ok := ints(s.value["ByteRange"])
	if !ok || len(br) != 4 {
		return s, fmt.Errorf("%w: /ByteRange", errDamaged)
	}
	copy(s.byteRange[:], br)
	return s, nil
}

// checkSignature judges one signature and returns the end of what it covers.
func (d *document) checkSignature(f *findings, s *signature, o Options, target string) int64 {
	args := packager.Args{"field": s.field}
	fail := func(code string, err error) int64 {
		if err != nil {
			args["error"] = err.Error()
		}
		f.add(false, "pdf.signature", code, target, args)
		return 0
	}
	end, err := d.checkRange(s)
	if err != nil {
		return fail("VERIFY_BYTERANGE", err)
	}
	c, rest, err := parseCMS(s.contents.b)
	if err != nil {
		return fail("VERIFY_CMS", err)
	}
	if len(bytes.Trim(rest, "\x00")) != 0 {
		return fail("VERIFY_CMS", cmsError("bytes hidden in the padding"))
	}
	content := io.MultiReader(
		io.NewSectionReader(d.r, 0, s.byteRange[1]),
		io.NewSectionReader(d.r, s.byteRange[2], s.byteRange[3]))
	switch s.subFilter {
	case "ETSI.CAdES.detached", "adbe.pkcs7.detached":
		if c.content != nil || !c.contentType.Equal(oidData) {
			return fail("VERIFY_CMS", cmsError("the signature is not detached"))
		}
		err = c.check(content)
	default:
		return fail("VERIFY_SUBFILTER", fmt.Errorf("%s", s.subFilter))
	}
	if errors.Is(err, errDigest) {
		return fail("VERIFY_CHANGED", nil)
	}
	if err != nil {
		return fail("VERIFY_CMS", err)
	}
	args["signer"] = c.signer.Subject.CommonName
	args["fingerprint"] = fingerprint(c.signer)
	f.add(true, "pdf.signature", "VERIFY_SIGNATURE", target, args)
	f.v.Signatures = append(f.v.Signatures, packager.SignatureReport{
		Field: s.field, Level: "B-B", Signer: c.signer.Subject.CommonName,
		SHA256Fingerprint: fingerprint(c.signer), Covers: end,
		Trust: c.trust(o),
	})
	f.checkCertificate(c, o, target)
	return end
}

// checkRange holds /ByteRange against the file: everything from the first
// byte on but the /Contents token itself, to the end of a revision.
func (d *document) checkRange(s *signature) (end int64, err error) {
	b := s.byteRange
	end = b[2] + b[3]
	switch {
	case b[0] != 0 || b[1] <= 0 || b[3] <= 0 || b[2] <= b[1] || end > d.size || end < 0:
		return 0, errors.New("it does not begin with the first byte, or leaves the file")
	case !s.contents.hex || s.contents.off != b[1] || s.contents.end != b[2]:
		return 0, errors.New("the gap is not the signature itself")
	}
	// The token must be plain hex of one case, without blanks: then each of
	// its bytes has one way to be written, and none can change unseen.
	token := make([]byte, b[2]-b[1])
	if _, err := d.r.ReadAt(token, b[1]); err != nil {
		return 0, err
	}
	lower := bytes.ContainsAny(token, "abcdef")
	upper := bytes.ContainsAny(token, "ABCDEF")
	if lower && upper || int64(2*len(s.contents.b)+2) != int64(len(token)) {
		return 0, errors.New("the signature is not written in plain hex")
	}
	return end, nil
}

func (c *cms) trust(o Options) string {
	if o.Roots == nil {
		return "none"
	}
	pool := x509.NewCertPool()
	for _, cert := range c.certs {
		pool.AddCert(cert)
	}
	_, err := c.signer.Verify(x509.VerifyOptions{
		Roots: o.Roots, Intermediates: pool, CurrentTime: o.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return "untrusted"
	}
	return "trusted"
}

// checkCertificate looks at the certificates for themselves: each one is the
// signer's or the issuer of one before, signed as it says.
func (f *findings) checkCertificate(c *cms, o Options, target string) {
	args := packager.Args{"signer": c.signer.Subject.CommonName, "until": c.signer.NotAfter.UTC().Format(time.DateOnly)}
	used := map[*x509.Certificate]bool{c.signer: true}
	for cert := c.signer; ; {
		if bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
				args["error"] = err.Error()
				f.add(false, "pdf.certificate", "VERIFY_CERTIFICATE", target, args)
				return
			}
			break
		}
		var issuer *x509.Certificate
		for _, k := range c.certs {
			if !used[k] && bytes.Equal(k.RawSubject, cert.RawIssuer) {
				issuer = k
			}
		}
		if issuer == nil {
			break // a chain may end below its root
		}
		if err := issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			args["error"] = err.Error()
			f.add(false, "pdf.certificate", "VERIFY_CERTIFICATE", target, args)
			return
		}
		used[issuer] = true
		cert = issuer
	}
	if len(used) != len(c.certs) {
		args["error"] = "certificates that nobody signed with"
		f.add(false, "pdf.certificate", "VERIFY_CERTIFICATE", target, args)
		return
	}
	if o.Now.Before(c.signer.NotBefore) {
		f.add(false, "pdf.certificate", "VERIFY_CERTIFICATE_EARLY", target, args)
		return
	}
	f.add(true, "pdf.certificate", codeFor(o.Now.After(c.signer.NotAfter), "VERIFY_CERTIFICATE_EXPIRED", "VERIFY_CERTIFICATE_OK"), target, args)
}

// checkManifest holds the attached manifest against the one beside the file.
func (d *document) checkManifest(f *findings, o Options, target string) {
	got, err := d.attachment("manifest.json")
	switch {
	case err != nil:
		f.add(false, "pdf.manifest", "VERIFY_PDF_DAMAGED", target, packager.Args{"error": err.Error()})
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
	return d.findFile(tree, want, 0)
}

func (d *document) findFile(node dict, want string, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: name tree", errDamaged)
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
			return nil, fmt.Errorf("%w: attachment", errDamaged)
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
		if b, err := d.findFile(kd, want, depth+1); b != nil || err != nil {
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

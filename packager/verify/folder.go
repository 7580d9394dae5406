package verify

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
)

const (
	receiptName  = "receipt.json"
	bundleStem   = "bundle" // bundle.pdf; in volumes bundle-1of3.pdf and so on
	manifestName = "manifest.json"
	eventsName   = "events.jsonl"
)

// maxDocument bounds what is read into memory whole: receipt and manifest.
const maxDocument = 16 << 20

// Folder checks an out folder: its receipt, everything that the receipt names,
// and, when caseDir is not "", the materials in the case folder that the
// manifest names and the log that goes on there. A material that is gone is said and is no failure: its time
// may have been over (PIPL art. 19).
func Folder(ctx context.Context, dir, caseDir string, o Options) (*packager.Verdict, error) {
	f := &findings{}
	b, err := readSmall(filepath.Join(dir, receiptName))
	if errors.Is(err, fs.ErrNotExist) {
		f.add(false, "receipt", "VERIFY_NO_RECEIPT", dir, nil)
		return f.verdict(), nil
	}
	if err != nil {
		f.fail("receipt", "VERIFY_FILE_UNREADABLE", receiptName, err, nil)
		return f.verdict(), nil
	}
	s := f.receipt(b)
	if s == nil {
		return f.verdict(), nil
	}
	for _, file := range s.receipt.Files {
		if !filepath.IsLocal(filepath.FromSlash(file.Name)) {
			f.fail("receipt.file", "VERIFY_RECEIPT", file.Name, because("receipt.name"), nil)
			continue
		}
		if err := f.fileDigest(ctx, filepath.Join(dir, filepath.FromSlash(file.Name)), file); err != nil {
			return nil, err
		}
	}
	for _, obj := range s.receipt.Objects {
		// Page pictures are stored among the blobs and stand in the folder.
		if strings.HasPrefix(obj.Name, "pages/") && filepath.IsLocal(filepath.FromSlash(obj.Name)) {
			if err := f.fileDigest(ctx, filepath.Join(dir, filepath.FromSlash(obj.Name)), obj); err != nil {
				return nil, err
			}
		}
	}
	if err := f.documents(ctx, dir, s, o, true); err != nil {
		return nil, err
	}
	if caseDir != "" {
		if err := f.materials(ctx, caseDir, f.v.Manifest); err != nil {
			return nil, err
		}
		if f.log != nil {
			if err := f.livingLog(caseDir, dir, s, f.log); err != nil {
				return nil, err
			}
		}
	}
	if o.Store != nil {
		if err := f.store(ctx, o.Store, s, dir, b); err != nil {
			return nil, err
		}
	}
	return f.verdict(), ctx.Err()
}

// receipt checks the receipt's own seal; nil when it does not hold.
func (f *findings) receipt(b []byte) *sealed {
	s, err := parseReceipt(b)
	if err != nil {
		f.fail("receipt.seal", "VERIFY_RECEIPT", receiptName, err, nil)
		return nil
	}
	f.add(true, "receipt.seal", "VERIFY_RECEIPT_OK", receiptName, packager.Args{"signer": nameOf(s.seal.signer)})
	return s
}

// documents checks the PDF, the manifest and the log against each other and
// against the receipt. Without a bundle that can be read the rest is checked.
func (f *findings) documents(ctx context.Context, dir string, s *sealed, o Options, bundle bool) error {
	manifest, err := readSmall(filepath.Join(dir, manifestName))
	if err == nil {
		o.Manifest = manifest
	} else if !errors.Is(err, fs.ErrNotExist) {
		f.fail("manifest", "VERIFY_FILE_UNREADABLE", manifestName, err, nil)
	}
	f.complete(s)
	if !bundle {
		ok := s.receipt.Signature.SHA256Fingerprint == fingerprint(s.seal.signer)
		f.add(ok, "receipt.signer", codeFor(ok, "VERIFY_RECEIPT_SIGNER_ALONE", "VERIFY_RECEIPT_SIGNER"), receiptName, nil)
	}
	for _, pdf := range s.receipt.Bundle.Files(bundleStem) {
		if !filepath.IsLocal(pdf.Name) {
			continue // complete has said so
		}
		if err := f.pdfFile(ctx, filepath.Join(dir, pdf.Name), s, o); err != nil {
			return err
		}
	}
	f.sameCase(s, manifest)
	h, err := f.copyOfLog(filepath.Join(dir, eventsName), s)
	if err != nil || h == nil {
		return err
	}
	f.log = h
	printed := 0
	for _, pdf := range s.receipt.Bundle.Files(bundleStem) {
		if filepath.IsLocal(pdf.Name) {
			printed = max(printed, f.printedHead(filepath.Join(dir, pdf.Name), h))
		}
	}
	f.workbook(filepath.Join(dir, workbookName), h, printed)
	return nil
}

// pdfFile checks one PDF of the bundle, and that the receipt's signer signed it.
func (f *findings) pdfFile(ctx context.Context, path string, s *sealed, o Options) error {
	v, err := PDF(ctx, path, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return nil // the digest check has said so
	}
	f.take(v)
	f.sameSigner(s, v)
	return nil
}

// sameSigner holds the receipt's signature entry and its seal against the
// signature in a PDF: another case's receipt, or a receipt that somebody
// else made, is not this bundle's.
func (f *findings) sameSigner(s *sealed, v *packager.Verdict) {
	want := s.receipt.Signature.SHA256Fingerprint
	ok := want == fingerprint(s.seal.signer)
	found := false
	for _, sig := range v.Signatures {
		found = found || sig.SHA256Fingerprint == want && bringsOnly(s.seal.certs, sig.Chain)
	}
	f.add(ok && found, "receipt.signer", codeFor(ok && found, "VERIFY_RECEIPT_SIGNER_OK", "VERIFY_RECEIPT_SIGNER"), receiptName, nil)
}

// bringsOnly reports whether the seal's certificates are those that were judged
// with the signature: nothing else vouches for the last one of a chain.
func bringsOnly(certs []*x509.Certificate, chain []packager.CertificateReport) bool {
	for _, c := range certs {
		if !slices.ContainsFunc(chain, func(r packager.CertificateReport) bool { return r.SHA256Fingerprint == fingerprint(c) }) {
			return false
		}
	}
	return true
}

// receiptFiles are the files that every receipt names beside the bundle's PDFs
// (packager.Receipt).
var receiptFiles = []string{workbookName, eventsName, manifestName}

// complete holds the receipt's list of files against what it has to name, and
// its two statements about the bundle against each other.
func (f *findings) complete(s *sealed) {
	file := func(name string) *packager.StoredObject {
		i := slices.IndexFunc(s.receipt.Files, func(o packager.StoredObject) bool { return o.Name == name })
		if i < 0 {
			f.fail("receipt.files", "VERIFY_RECEIPT", receiptName, because("receipt.files", "name", name), nil)
			return nil
		}
		return &s.receipt.Files[i]
	}
	b := s.receipt.Bundle
	pdfs := b.Files(bundleStem)
	if pdfs[0].SHA256 != b.SHA256 || pdfs[0].Bytes != b.Bytes || pdfs[0].Pages != b.Pages {
		f.fail("receipt.files", "VERIFY_RECEIPT", receiptName, because("receipt.bundle"), nil)
	}
	for i, pdf := range pdfs {
		// All volumes under the names that such a set has: none can be left out.
		o := file(pdf.Name)
		if o == nil {
			continue
		}
		if sum, n := o.Plain(); sum != pdf.SHA256 || n != pdf.Bytes || pdf.Name != packager.VolumeName(bundleStem, i+1, len(pdfs)) {
			f.fail("receipt.files", "VERIFY_RECEIPT", receiptName, because("receipt.bundle"), nil)
		}
	}
	for _, name := range receiptFiles {
		file(name)
	}
}

func (f *findings) sameCase(s *sealed, manifest []byte) {
	var m packager.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		f.fail("manifest", "VERIFY_MANIFEST_DAMAGED", manifestName, because("manifest.json"), nil)
		return
	}
	r := s.receipt
	ok := m.Bundle == r.Bundle.ID && m.Case == r.Case && m.Platform == r.Platform && m.Rules.Digest == r.Rules.Digest &&
		max(len(m.Volumes), 1) == len(r.Bundle.Files(bundleStem))
	f.add(ok, "receipt.case", codeFor(ok, "VERIFY_RECEIPT_CASE_OK", "VERIFY_RECEIPT_CASE"), receiptName, packager.Args{"bundle": m.Bundle})
}

// fileDigest compares a file with what the receipt says of it.
func (f *findings) fileDigest(ctx context.Context, path string, want packager.StoredObject) error {
	sum, n, err := hashFile(ctx, path)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		f.add(false, "receipt.file", "VERIFY_FILE_MISSING", want.Name, nil)
		return nil
	case err != nil:
		f.fail("receipt.file", "VERIFY_FILE_UNREADABLE", want.Name, err, nil)
		return nil
	}
	wantSum, wantBytes := want.Plain()
	ok := sum == wantSum && n == wantBytes
	f.add(ok, "receipt.file", codeFor(ok, "VERIFY_FILE_OK", "VERIFY_FILE_CHANGED"), want.Name, packager.Args{"sha256": sum})
	return nil
}

// materials holds the files of the case folder against the manifest.
func (f *findings) materials(ctx context.Context, caseDir string, manifest []byte) error {
	var m packager.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil // said before
	}
	type named struct {
		path, sha string
		bytes     int64
	}
	var all []named
	for _, it := range m.Materials {
		all = append(all, named{it.Path, it.SHA256, it.Bytes})
	}
	for _, b := range m.Backups {
		all = append(all, named{b.Path, b.SHA256, b.Bytes})
	}
	for _, it := range all {
		if !filepath.IsLocal(filepath.FromSlash(it.path)) {
			f.fail("material", "VERIFY_MANIFEST_DAMAGED", it.path, because("manifest.path"), nil)
			continue
		}
		sum, n, err := hashFile(ctx, filepath.Join(caseDir, filepath.FromSlash(it.path)))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			f.add(true, "material", "VERIFY_MATERIAL_ABSENT", it.path, nil)
		case err != nil:
			f.fail("material", "VERIFY_FILE_UNREADABLE", it.path, err, nil)
		default:
			ok := sum == it.sha && n == it.bytes
			f.add(ok, "material", codeFor(ok, "VERIFY_MATERIAL_OK", "VERIFY_MATERIAL_CHANGED"), it.path, nil)
		}
	}
	return nil
}

// openRegular opens a file that is one: a pipe or a device never ends.
func openRegular(path string) (*os.File, int64, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !st.Mode().IsRegular() {
		return nil, 0, because("file.kind")
	}
	f, err := os.Open(path)
	return f, st.Size(), err
}

func hashFile(ctx context.Context, path string) (string, int64, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return hashAll(ctx, f)
}

func hashAll(ctx context.Context, r io.Reader) (string, int64, error) {
	h := sha256.New()
	n, err := copyTo(h, &cancelStream{ctx, r})
	return hex.EncodeToString(h.Sum(nil)), n, err
}

type cancelStream struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelStream) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func readSmall(path string) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

func readBounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(b) > maxDocument {
		err = because("file.large", "bytes", itoa(maxDocument))
	}
	return b, err
}

package packager

import "fmt"

// Report is what check returns: every requirement with its verdict and every
// finding, the most urgent first.
type Report struct {
	Case         *Case
	Rules        *RuleSet
	Files        []Inspected
	Letters      []Letter
	Requirements []RequirementVerdict // in the pack's order
	Findings     []Finding
	Agreement    []Agreement
	Unread       []string // paths of papers whose particulars no machine has read
}

// Complete reports whether nothing blocks.
func (r *Report) Complete() bool {
	for _, f := range r.Findings {
		if f.Severity == Block {
			return false
		}
	}
	return true
}

// RequirementVerdict says whether one requirement is met, and by what.
type RequirementVerdict struct {
	Requirement
	Satisfied bool
	// State is "ok", "warn", "block" or "info": the worst finding about it.
	State     Severity
	Materials []string // paths of the files that answer it
}

// StateOK is the state of a requirement without a warning or a blocker.
const StateOK Severity = "ok"

// Agreement is one row of the cross-document table: one particular as the case
// states it and as each paper shows it.
type Agreement struct {
	Field  string // name, uscc, legal_representative, account_id, agent
	Stated string
	Read   []AgreementCell
}

// AgreementCell is one paper's version of a particular.
type AgreementCell struct {
	Material string // path
	Value    string
	By       []string // who read it so: "user", "text", "qr", "ocr"
	// State is StateOK where the paper agrees, Warn where it differs, and Info
	// where a machine read something else and is not sure of it: then only the
	// paper itself can say.
	State Severity
}

// Plan is what goes into the bundle, in which order, with digests. It is
// derived from the Report alone, so that the same case on the same day gives
// the same plan.
type Plan struct {
	Report   *Report
	BundleID string // "DS-20261122-7Q3F9K2M"
	Tool     string // version of dossier
	Items    []Item
	Backups  []BackupLine
	Gaps     []Gap // with Draft only
	Draft    bool
	Revision *Revision // the bundle that this one replaces, or nil
	// MaxBytes is the largest size of the signed PDF; pictures are resampled
	// to reach it. 0: no limit.
	MaxBytes int64
}

// Revision says which bundle is replaced and why. Items keep the numbers that
// they had there.
type Revision struct {
	Bundle  string // id of the bundle that was refused
	Day     Day
	Reason  string // of the refusal, as the platform gave it
	Changes []Change
}

// Change is one difference between a bundle and the one that it replaces.
type Change struct {
	What   string // added, replaced, removed
	Item   int    // Item.No
	Title  Text
	Before string // SHA-256 in the replaced bundle; "" when added
	After  string // "" when removed
}

// Item is one material in the bundle under its number.
type Item struct {
	No           int // 1, 2, 3 …: printed as 材料 1
	Part         string
	Title        Text
	Requirements []string
	File         Inspected
}

// BackupLine is one row of the backup sheet.
type BackupLine struct {
	Requirement string
	Title       Text
	File        Inspected
	Items       *int64
	ExportedOn  Day
}

// Gap is a requirement that a draft shows as missing.
type Gap struct {
	Requirement RequirementVerdict
	Findings    []Finding
}

// Bundle is the composed, not yet signed PDF. Where a size limit asks for
// parts, it is one volume of several, and the first leads the others.
type Bundle struct {
	Plan     *Plan
	No, Of   int       // volume No of Of; 1 of 1 as a rule
	Rest     []*Bundle // in the first volume: the others, in order
	Path     string
	SHA256   string
	Bytes    int64
	Pages    int
	Map      []PageRange
	Manifest []byte // the bytes of the attachment manifest.json, in every volume the same
	// Stamp is where the visible signature goes.
	Stamp StampPlace
	// Placed says where each page of each material is shown, in order.
	Placed []Placed
	// Proof is what compose checked in its own output with an independent
	// reader; a disagreement is an error, so that a bundle has always passed.
	Proof Proof
	// Findings is what compose has to say: a paper that could not be shown, a
	// signature that the bundle cannot carry along. The first volume has all.
	Findings []Finding
}

// Volumes returns the volumes in order, the first of which is b.
func (b *Bundle) Volumes() []*Bundle { return append([]*Bundle{b}, b.Rest...) }

// FileName is the name of the volume's file after stem: bundle.pdf, or
// bundle-1of3.pdf.
func (b *Bundle) FileName(stem string) string { return VolumeName(stem, b.No, b.Of) }

// VolumeName is the name of volume no of so many.
func VolumeName(stem string, no, of int) string {
	if of <= 1 {
		return stem + ".pdf"
	}
	return fmt.Sprintf("%s-%dof%d.pdf", stem, no, of)
}

// Placed is the place of one page of a material: a page of the bundle and a
// rectangle in PDF points from the lower left corner.
type Placed struct {
	Item       int // Item.No
	Leaf       int // page of the material, from 1
	Page       int // page of the bundle, from 1
	X, Y, W, H float64
	Pixels     int  // width of a picture in pixels when upright; 0 for a page of a PDF
	Marked     bool // carries the purpose watermark
}

// Proof counts what was found, in the finished file, where it was said to be.
type Proof struct {
	Pages      int `json:"pages"`      // with the printed number equal to the PDF page
	Links      int `json:"links"`      // leading to the page that they name
	Bookmarks  int `json:"bookmarks"`  // likewise
	Materials  int `json:"materials"`  // on exactly the pages that the index says
	Characters int `json:"characters"` // printed by dossier and read back, each with a glyph
}

// PageRange is where an item is in the bundle; pages count from 1.
type PageRange struct {
	Item     int    // Item.No; 0 for the tool's own pages
	Name     string // cover, review, index, backup, signature, or ""
	From, To int
}

// StampPlace is the place of the signature's visible stamp: a page and a
// rectangle in PDF points from the lower left corner.
type StampPlace struct {
	Page       int
	X, Y, W, H float64
}

// SignedBundle is a bundle with its signature. Each volume has its own.
type SignedBundle struct {
	Bundle
	Signature Signature
	Signed    []*SignedBundle // in the first volume: the others, in order
}

// Volumes returns the signed volumes in order, the first of which is s.
func (s *SignedBundle) Volumes() []*SignedBundle { return append([]*SignedBundle{s}, s.Signed...) }

// Ref names the bundle: the file of the first volume, and every volume where
// there are several. stem is as in FileName.
func (s *SignedBundle) Ref(stem string) BundleRef {
	r := BundleRef{ID: s.Plan.BundleID, SHA256: s.SHA256, Pages: s.Pages, Bytes: s.Bytes}
	if len(s.Signed) > 0 {
		for _, v := range s.Volumes() {
			r.Parts = append(r.Parts, PartRef{Name: v.FileName(stem), SHA256: v.SHA256, Pages: v.Pages, Bytes: v.Bytes})
		}
	}
	return r
}

// Signature describes the signature made.
type Signature struct {
	Level             string  `json:"level"` // B-B, B-T, B-LT, B-LTA (ETSI EN 319 142-1)
	Signer            string  `json:"signer"`
	SHA256Fingerprint string  `json:"sha256_fingerprint"` // of the certificate, hex
	Timestamp         *string `json:"timestamp"`          // RFC 3339, from the timestamp token
}

// Verdict is the answer of verify.
type Verdict struct {
	OK         bool
	Checks     []VerifyCheck
	Signatures []SignatureReport
	Revisions  []RevisionReport
	Manifest   []byte // the manifest found in the PDF, nil if there is none
}

// SignatureReport is what verify found out about one signature.
type SignatureReport struct {
	Field             string
	Kind              string // approval, certification, timestamp
	Level             string // B-B, B-T, B-LT, B-LTA; "CMS" for a signature that is no PAdES; "DocTimeStamp"
	Signer            string // common name of the certificate
	SHA256Fingerprint string // of the certificate, hex
	Algorithm         string // "RSA-PSS SHA-256"
	Covers            int64  // bytes of the file, from its beginning
	Trust             string // none (no roots given), untrusted, trusted
	Time              string // RFC 3339, from a checked timestamp; "" when there is none
	TimeSource        string // signature-timestamp, document-timestamp; "" when there is none
	TSA               string // who stated Time
	TSATrust          string // as Trust
	Claimed           string // /M as it is written: what the signer says, proven by nothing
	Reason            string // /Reason
	Permits           int    // DocMDP level 1 to 3 of a certification, else 0
	Chain             []CertificateReport
}

// CertificateReport is one certificate of a chain, the signer's first.
type CertificateReport struct {
	Subject, Issuer   string
	Serial            string // decimal
	SHA256Fingerprint string // hex
	NotBefore         string // RFC 3339, UTC
	NotAfter          string
	Revocation        string // good, revoked, unknown, not-needed (it vouches for itself)
	Source            string // OCSP, CRL, or "" when nothing was found
	At                string // RFC 3339: the time that Source speaks of
}

// RevisionReport is what one revision after the first signature changed.
type RevisionReport struct {
	Number   int // the first signed state is 1
	From, To int64
	Changes  []RevisionChange
}

// RevisionChange is one change with its judgement.
type RevisionChange struct {
	Kind    string // signature, timestamp, dss, metadata; content, font, annotation, attachment, form, catalog, page, other
	Where   string // path in the PDF, "Root/Pages/Kids[0]/Contents"
	Page    int    // page it is on, from 1; 0 for none
	Allowed bool
}

// VerifyCheck is one thing that verify looked at.
type VerifyCheck struct {
	Name   string // stable id: "pdf.signature", "receipt.file" …
	OK     bool
	Code   string // code of the catalog that explains the result
	Cause  string // key of the catalog that fills {cause} in the message, or ""
	Target string // file, object or page it is about
	Args   Args   // for the message and for the cause
}

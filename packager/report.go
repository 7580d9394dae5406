package packager

// Report is what check returns: every requirement with its verdict and every
// finding, the most urgent first.
type Report struct {
	Case         *Case
	Rules        *RuleSet
	Files        []Inspected
	Requirements []RequirementVerdict // in the pack's order
	Findings     []Finding
	Agreement    []Agreement
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
	By       string // "user", "text", "qr", "ocr"
	Equal    bool
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

// Bundle is the composed, not yet signed PDF.
type Bundle struct {
	Plan     *Plan
	Path     string
	SHA256   string
	Bytes    int64
	Pages    int
	Map      []PageRange
	Manifest []byte // the bytes of the attachment manifest.json
	// Stamp is where the visible signature goes.
	Stamp StampPlace
	// Placed says where each page of each material is shown, in order.
	Placed []Placed
	// Proof is what compose checked in its own output with an independent
	// reader; a disagreement is an error, so that a bundle has always passed.
	Proof Proof
	// Findings is what compose has to say: a paper that could not be shown, a
	// signature that the bundle cannot carry along.
	Findings []Finding
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

// SignedBundle is a bundle with its signature.
type SignedBundle struct {
	Bundle
	Signature Signature
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
	Manifest   []byte // the manifest found in the PDF, nil if there is none
}

// SignatureReport is what verify found out about one signature.
type SignatureReport struct {
	Field             string
	Level             string // B-B, B-T, B-LT, B-LTA, or "DocTimeStamp"
	Signer            string // common name of the certificate
	SHA256Fingerprint string // of the certificate, hex
	Covers            int64  // bytes of the file, from its beginning
	Trust             string // none (no roots given), untrusted, trusted
	Time              string // RFC 3339, from a checked timestamp; "" when there is none
}

// VerifyCheck is one thing that verify looked at.
type VerifyCheck struct {
	Name   string // stable id: "pdf.signature", "receipt.digest.bundle.pdf" …
	OK     bool
	Code   string // code of the catalog that explains the result
	Target string // file, object or page it is about
	Args   Args
}

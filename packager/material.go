package packager

import "time"

// Material is a file that answers (or may answer) a requirement.
type Material struct {
	Path    string   // slash-separated, relative to the case folder
	Abs     string   // where the bytes are on this disk
	IDs     []string // material ids of the catalogue, or backup requirement ids; empty: not placed
	Role    Role
	Matched Match  // why it stands under its ids
	SHA256  string // hex
	Bytes   int64
	ModTime time.Time
}

// Role says what a file is for.
type Role string

const (
	RoleMaterial Role = "material"
	RoleBackup   Role = "backup"
	RoleEvidence Role = "evidence" // of a fact; Material.IDs holds the requirement or fact id
	RoleConsent  Role = "consent"  // stored, never in the bundle
	RoleUnplaced Role = "unplaced"
)

// InBundle reports whether a file for this is seen on pages of the bundle.
func (r Role) InBundle() bool { return r == RoleMaterial || r == RoleEvidence }

// Match says how a file came to its requirement.
type Match struct {
	By   string // "case" (case.yaml names it), "name", "content"
	Word string // the word of the name, or the field of the content
}

// Collection is what collect returns: every file of the case, hashed.
type Collection struct {
	Case      *Case
	Rules     *RuleSet
	Materials []Material // in order of path
	Findings  []Finding
}

// Inspection is what inspect returns: the same files, with what they are.
type Inspection struct {
	Case     *Case
	Rules    *RuleSet
	Files    []Inspected
	Letters  []Letter  // that were drafted for the case or can be
	Findings []Finding // so far: from collect and inspect
}

// Inspected is a material with what was found out about it.
type Inspected struct {
	Material
	Media   string // media type by content, "image/jpeg"
	Form    Form
	Pages   int // pages it will take up before framing; 0 when it has none
	Picture *Picture
	PDF     *PDFInfo
	Archive *Archive
	QR      []string // contents of QR codes found
	Fields  []Field  // read by machine from text layer, QR or OCR
	// Shown is a PDF on this disk that shows the content in its place, made of
	// an office file, and ShownSHA256 its digest in hex; "" for every other form.
	Shown, ShownSHA256 string
	// Password opens an encrypted PDF; "" for every other file.
	Password Secret
	ReadBy   string // how its text was read: "text" (layer), "ocr"; "": not read by machine
	// Unusable says why the content cannot be shown in the bundle ("" when it
	// can): the code of the finding that explains it.
	Unusable string
}

// Form is the broad class of a file.
type Form string

const (
	FormPicture Form = "picture"
	FormPDF     Form = "pdf"
	FormArchive Form = "archive"
	FormOffice  Form = "office"
	FormOFD     Form = "ofd"
	FormTable   Form = "table" // CSV, JSON, HTML, plain text exports
	FormOther   Form = "other"
)

// Picture holds the measurements of a picture.
type Picture struct {
	Format        string // jpeg, png, heic, webp, bmp, gif, tiff
	Width, Height int    // pixels, as stored
	Orientation   int    // EXIF 1 to 8; 1 when absent
	Frames        int
	HasGPS        bool
	HasEXIF       bool
	CMYK          bool
	// Sharpness is the variance of the Laplacian where print is, at 2000 pixels
	// of the longer side and full contrast; 0 where it cannot be told.
	Sharpness   float64
	Brightness  float64 // mean, 0 to 1
	Contrast    float64 // standard deviation, 0 to 1
	Glare       float64 // share of clipped bright area, 0 to 1
	SkewDegrees float64
	Blank       bool
	Screenshot  bool   // a screen's own pixels
	ScreenPhoto bool   // a photo of a screen (moiré)
	PHash       uint64 // perceptual hash, 64 bits
}

// DPI is the resolution that the picture has on its page; see PageDPI.
func (f *Inspected) DPI() int {
	switch {
	case f.Picture != nil:
		return PageDPI(f.Picture.UprightSize())
	case f.PDF != nil:
		return f.PDF.ScanDPI
	}
	return 0
}

// StoredAt returns the pixel, as a picture is stored, that stands at x, y of the
// upright picture of w × h pixels, for an EXIF orientation of 1 to 8 (CIPA
// DC-008, 4.6.4, tag 274); any other is taken for 1.
func StoredAt(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, w - 1 - x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return h - 1 - y, x
	}
	return x, y
}

// UprightSize returns width and height after the EXIF orientation is applied.
func (p *Picture) UprightSize() (w, h int) {
	if p.Orientation >= 5 {
		return p.Height, p.Width
	}
	return p.Width, p.Height
}

// The room for a material on a page of the bundle, in points: A4, less margins,
// head and foot. A material may lie on an upright page or across.
const (
	uprightW, uprightH = 483.28, 667.89
	acrossW, acrossH   = 729.89, 421.28
)

// PageScale is the factor that fits something of w × h into that room.
func PageScale(w, h float64) float64 {
	return max(min(uprightW/w, uprightH/h), min(acrossW/w, acrossH/h))
}

// PageDPI is the resolution, in pixels an inch, of a picture of w × h pixels
// that fills its page of the bundle; 0 for no picture. One with few pixels is
// printed smaller than that, at 150.
func PageDPI(w, h int) int {
	if w <= 0 || h <= 0 {
		return 0
	}
	return int(72/PageScale(float64(w), float64(h)) + 0.5)
}

// PDFInfo is what a PDF is like.
type PDFInfo struct {
	Version       string
	Encrypted     bool // needs a password that we do not have
	EmptyPassword bool // encrypted, opened with the empty password
	Signatures    int
	// Signed is the state of each of its signatures, in the order of signing, as
	// an offline reader sees them; shorter than Signatures or nil where nobody
	// looked.
	Signed      []MaterialSignature
	JavaScript  bool
	Launch      bool
	XFA         bool
	FormFields  int
	Attachments []string
	Repaired    bool // had to be repaired to be read
	TextLayer   bool // text was found in it; looked for only in papers that are read
	Fonts       bool // it sets text in fonts: not a mere scan
	// ScanDPI is the lowest resolution, in pixels an inch at the size on the page
	// of the bundle, of its scanned pages, and ScanPage the first that has it; 0
	// where there are none, or nobody looked. Looked for in papers that are read.
	ScanDPI, ScanPage int
}

// Archive is the listing of a ZIP, TAR or 7z without its content, or the count
// of an export that is one file (Format csv, json, html, xlsx).
type Archive struct {
	Format            string
	Entries           int
	Files             int
	Bytes             int64 // uncompressed
	Encrypted         bool
	Corrupt           bool
	First, Last       time.Time // modification times of entries
	Unsafe            []string  // entries with a path that leaves the archive, or links
	Names             []string  // the first names, for the reader
	Items             *int64    // rows or records counted inside, when it is known how
	FirstDay, LastDay Day       // of the data, where a column says so
}

// Field is one value read from a paper.
type Field struct {
	Name       string // name, uscc, legal_representative, id_number, valid_until, dated, account_id, addressee
	Value      string
	By         string  // "text", "qr", "ocr"
	Confidence float64 // 0 to 1
	Proven     bool    // a check digit shows that it was read right
	Page       int
	Zone       *Zone
}

// MaterialSignature is the state of one electronic signature of a material. It
// holds nothing that changes with the day: whether a certificate is still
// valid is for the reader of ValidFrom and ValidUntil, and whom to trust for
// the reader of Issuer.
type MaterialSignature struct {
	Field string
	Kind  string // approval, certification, timestamp
	Level string // as in SignatureReport; "" unless it is intact or altered
	State SignatureState
	// Code explains a state other than intact, with Cause and Args as in
	// VerifyCheck.
	Code  string
	Cause string
	Args  Args
	// What the signature says, "" where it could not be read. Names come from
	// certificates; identity numbers in them are masked.
	Signer, Issuer        string // common names; the same: a self-made certificate
	SHA256Fingerprint     string // of the certificate, hex
	ValidFrom, ValidUntil Day    // of the certificate, in UTC
	Time                  string // RFC 3339, from a checked timestamp; "" when there is none
	TSA                   string // who stated Time
	Claimed               string // /M as it is written, proven by nothing
	Reason                string // /Reason
}

// SignatureState says whether a signature still speaks for what is in the file.
type SignatureState string

const (
	SignatureIntact  SignatureState = "intact"  // it holds, and nothing but proof was added since
	SignatureAltered SignatureState = "altered" // it holds for an older state; what was added since is more than a later signature may bring
	SignatureBroken  SignatureState = "broken"  // what it covers is not what was signed
	SignatureVoid    SignatureState = "void"    // it holds, by a certificate that was withdrawn or not in force when it was made
	SignatureUnclear SignatureState = "unclear" // it cannot be judged here: form or algorithm is not known, or the file is damaged
)

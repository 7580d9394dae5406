package packager

// Record is what audit returns: the files that stand beside the PDF.
type Record struct {
	SignedBundle
	Workbook File   // audit.xlsx
	Events   File   // events.jsonl
	Manifest File   // manifest.json
	Head     string // hash of the last event in Events
}

// File is a file that was made, with its digest.
type File struct {
	Path   string // on disk
	SHA256 string // hex
	Bytes  int64
}

// StoredObject is one object in the store, as the receipt names it.
type StoredObject struct {
	Key     string `json:"key"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Version string `json:"version"`
	// Name is the file's path in the case or in the out folder: Chinese names
	// live here and never in keys.
	Name string `json:"name"`
	// Sealed is there when the stored bytes are a ciphertext: SHA256 and Bytes
	// are those of the ciphertext then.
	Sealed *SealedObject `json:"sealed,omitempty"`
}

// Plain is the digest and size of the file, whether it is stored as it is or
// sealed.
func (o StoredObject) Plain() (sha256 string, bytes int64) {
	if o.Sealed != nil {
		return o.Sealed.SHA256, o.Sealed.Bytes
	}
	return o.SHA256, o.Bytes
}

// SealedObject says what is inside a ciphertext.
type SealedObject struct {
	Key    string `json:"key"`    // where the wrapped key of the case was stored
	SHA256 string `json:"sha256"` // of the plaintext
	Bytes  int64  `json:"bytes"`  // of the plaintext
}

// Receipt is written last; its presence means that everything before it is
// complete. On disk and in the store it is one line of canonical JSON (RFC
// 8785) whose last member, "seal", is the base64 (RFC 4648 §4, no line
// breaks) of a detached CMS signature over the canonical bytes without it.
type Receipt struct {
	Version     int            `json:"version"` // 1
	Case        string         `json:"case"`
	Number      int            `json:"number"` // n of <case>/<n>
	Platform    string         `json:"platform"`
	Application string         `json:"application"`
	Day         string         `json:"day"`
	CreatedAt   string         `json:"created_at"` // RFC 3339, UTC
	Tool        string         `json:"tool"`
	Rules       RulesRef       `json:"rules"`
	Bundle      BundleRef      `json:"bundle"`
	Signature   Signature      `json:"signature"`
	Files       []StoredObject `json:"files"`   // bundle.pdf (or bundle-1of3.pdf …), audit.xlsx, events.jsonl, manifest.json
	Objects     []StoredObject `json:"objects"` // blobs of the materials
	EventsHead  string         `json:"events_head"`
	Store       string         `json:"store"` // URL without credentials
	Supersedes  string         `json:"supersedes,omitempty"`
	// RetentionDays is how long personal materials are to be kept after the
	// case is completed (PIPL art. 19); 0: not stated.
	RetentionDays int `json:"retention_days,omitempty"`
}

// Expiry is written beside a receipt when the time of its personal materials
// was over: expired.json, and expired.2.json … of later runs. It is sealed as a
// Receipt is. storage/upkeep reads the members that it knows.
type Expiry struct {
	Version  int      `json:"version"` // 1
	Case     string   `json:"case"`
	Number   int      `json:"number"`
	At       string   `json:"at"` // RFC 3339, UTC
	Reason   string   `json:"reason"`
	Removed  []string `json:"removed"`  // keys of objects that were deleted
	Shredded []string `json:"shredded"` // keys of objects whose key was destroyed
	Kept     []string `json:"kept"`     // keys of objects that another publication needs
	Locked   []string `json:"locked,omitempty"`
	// Event continues the log of the publication: its Prev is the receipt's
	// EventsHead, or the Hash of the event of the Expiry before.
	Event Event `json:"event"`
}

// RulesRef names the rule pack that judged the case.
type RulesRef struct {
	Platform string `json:"platform"`
	Revision string `json:"revision"`
	Digest   string `json:"digest"`
}

// BundleRef names the bundle. Digest, pages and size are those of its PDF, or
// of the first one where the size limit made it several.
type BundleRef struct {
	ID     string    `json:"id"`
	SHA256 string    `json:"sha256"`
	Pages  int       `json:"pages"`
	Bytes  int64     `json:"bytes"`
	Parts  []PartRef `json:"parts,omitempty"` // all of them, in order; none when there is one PDF
}

// PartRef names one PDF of a bundle in several volumes.
type PartRef struct {
	Name   string `json:"name"` // bundle-1of3.pdf
	SHA256 string `json:"sha256"`
	Pages  int    `json:"pages"`
	Bytes  int64  `json:"bytes"`
}

// Files are the bundle's PDFs; stem names them as in Bundle.FileName.
func (r BundleRef) Files(stem string) []PartRef {
	if len(r.Parts) > 0 {
		return r.Parts
	}
	return []PartRef{{Name: VolumeName(stem, 1, 1), SHA256: r.SHA256, Pages: r.Pages, Bytes: r.Bytes}}
}

package packager

// Manifest lists what is in a bundle. It is attached to the PDF under the name
// manifest.json and stands beside it with the same bytes. It holds no time of
// the making and no identity number, so that the same case on the same day
// gives the same bytes. Indented JSON, UTF-8, ending in one line feed.
type Manifest struct {
	Version     int              `json:"version"` // 1
	Bundle      string           `json:"bundle"`  // bundle id
	Case        string           `json:"case"`
	Platform    string           `json:"platform"`
	Application string           `json:"application"`
	AccountType string           `json:"account_type"`
	Account     string           `json:"account"` // id of the account
	Applicant   string           `json:"applicant"`
	USCC        string           `json:"uscc"`
	Day         string           `json:"day"`
	Tool        string           `json:"tool"`
	Rules       RulesRef         `json:"rules"`
	Pages       int              `json:"pages"`             // of all volumes
	Volumes     []int            `json:"volumes,omitempty"` // pages of each; none when there is one PDF
	Materials   []ManifestItem   `json:"materials"`
	Backups     []ManifestBackup `json:"backups"`
	Findings    []ManifestNote   `json:"findings"` // warnings that remain
}

// ManifestItem is one material of the bundle.
type ManifestItem struct {
	No           int      `json:"no"`
	Title        string   `json:"title"`
	Requirements []string `json:"requirements"`
	Path         string   `json:"path"` // in the case folder
	SHA256       string   `json:"sha256"`
	Bytes        int64    `json:"bytes"`
	Media        string   `json:"media"`
	Shown        string   `json:"shown_sha256,omitempty"` // of the PDF whose pages stand for it, made of an office file
	Volume       int      `json:"volume,omitempty"`       // from 1; 0 when there is one PDF
	From         int      `json:"from"`                   // first page in its PDF
	To           int      `json:"to"`
}

// ManifestBackup is one backup file; its content stays out of the bundle.
type ManifestBackup struct {
	Requirement string `json:"requirement"`
	Path        string `json:"path"`
	SHA256      string `json:"sha256"`
	Bytes       int64  `json:"bytes"`
	Items       *int64 `json:"items,omitempty"`
	ExportedOn  string `json:"exported_on,omitempty"`
}

// ManifestNote is a finding that remains.
type ManifestNote struct {
	Code        string   `json:"code"`
	Severity    Severity `json:"severity"`
	Requirement string   `json:"requirement,omitempty"`
	Material    string   `json:"material,omitempty"`
	Accepted    string   `json:"accepted,omitempty"` // why a blocker was let pass
}

// Event is one line of events.jsonl, the audit log. A line is the canonical
// JSON (RFC 8785) of the event, so that its bytes are its meaning; Hash is the
// hex SHA-256 of the canonical JSON of the event without the member "hash",
// Prev the Hash of the line before (64 zeros in the first line). Seal, which
// may be absent, is the base64 of a detached CMS signature over the canonical
// JSON of the event without "hash" and "seal": by way of Prev it covers every
// line up to its own.
type Event struct {
	Seq    int               `json:"seq"`  // 1, 2, 3 …
	At     string            `json:"at"`   // RFC 3339 with milliseconds, UTC
	Zone   string            `json:"zone"` // zone of the machine, "+08:00"
	User   string            `json:"user"` // OS user
	Host   string            `json:"host"`
	Name   string            `json:"name,omitempty"` // configured name of the person
	What   string            `json:"what"`           // collected, checked, composed, signed, verified, stored …
	Case   string            `json:"case"`
	Tool   string            `json:"tool"`
	Rules  string            `json:"rules,omitempty"`   // digest of the rule pack
	Inputs map[string]string `json:"inputs,omitempty"`  // name → hex SHA-256
	Output map[string]string `json:"outputs,omitempty"` // name → hex SHA-256
	Data   map[string]string `json:"data,omitempty"`    // codes and values; no identity numbers
	Prev   string            `json:"prev"`
	Seal   string            `json:"seal,omitempty"`
	Hash   string            `json:"hash,omitempty"` // absent only in what is hashed
}

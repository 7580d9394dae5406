package check

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"dossier/packager"
)

// packCase is one file of templates/platforms/<id>/cases/: a case, the files
// that it has, and what check has to say. The whole form:
//
//	# 余额 0.02 元，超过上限               a comment says what the case shows
//	at: 2026-11-22                        # the day of filing
//	case:                                 # a case.yaml, as a mapping (or as a text: |)
//	  version: 1
//	  platform: wechat_oa
//	  …
//	files:                                # virtual files; those that the case names exist anyhow
//	  - materials/其他.jpg                # short for {path: …}
//	  - path: materials/营业执照.jpg
//	    ids: [business_licence]           # else from the case: materials, facts, backups, consent
//	    role: material                    # material, backup, evidence, consent, unplaced; else as above
//	    media: image/jpeg                 # else by the extension
//	    bytes: 900000
//	    sha: aa                           # any text; two files with the same one have the same bytes
//	    pages: 1
//	    pixels: [3000, 2000]              # of a picture: width, height
//	    unusable: PDF_ENCRYPTED           # the content cannot be shown, and why
//	    picture: {sharpness: 900, brightness: 0.6, contrast: 0.2, glare: 0, skew: 0, blank: false,
//	              screenshot: false, screen_photo: false, gps: false, phash: 1, orientation: 1}
//	    pdf: {encrypted: false, signatures: 0, javascript: false, text_layer: false}
//	    archive: {format: zip, entries: 97, files: 96, bytes: 90000, encrypted: false, corrupt: false,
//	              unsafe: [../x], names: [a.html], items: 96, first_day: 2026-01-01, last_day: 2026-11-01}
//	    qr: ["http://www.gsxt.gov.cn/index.html?uniscid=…"]
//	    fields: [{name: name, value: …, by: ocr, confidence: 0.9, proven: false}]
//	absent_files: [materials/x.jpg]       # named by the case, and yet not there
//	expect:
//	  complete: false
//	  findings:                           # each must be among the findings; more may be there
//	    - {code: PRECONDITION_FAILS, severity: block, requirement: balance_cleared}
//	    - {code: NAME_DIFFERS, material: materials/x.jpg, args: {read: …}}
//	  absent: [ID_EXPIRED, MATERIAL_MISSING business_licence]   # codes, or "CODE requirement", that
//	                                      # may not be found as a warning or a blocker
//	  only: true                          # no other warning or blocker than those listed
//	  satisfied: [business_licence]       # requirements that are met
//	  unsatisfied: [articles]
//	  not_asked: [authorization_letter]   # requirements that this case does not have
//
// A file without measurements is a good one: a sharp photo of 3000 × 2000, a
// PDF of one page, an archive with one file. A picture under business_licence
// bears the QR code of the applicant unless qr is given (qr: [] for none).
type packCase struct {
	At          packager.Day
	Case        yaml.Node
	Files       []virtualFile
	AbsentFiles []string `yaml:"absent_files"`
	Expect      struct {
		Complete    *bool
		Findings    []expected
		Absent      []string
		Only        bool
		Satisfied   []string
		Unsatisfied []string
		NotAsked    []string `yaml:"not_asked"`
	}
}

type expected struct {
	Code        string
	Severity    packager.Severity
	Requirement string
	Material    string
	Args        map[string]string
}

type virtualFile struct {
	Path     string
	IDs      []string
	Role     packager.Role
	Media    string
	Bytes    *int64
	SHA      string
	Pages    *int
	Pixels   [2]int
	Unusable string
	Picture  *struct {
		Sharpness   *float64
		Brightness  *float64
		Contrast    *float64
		Glare       float64
		Skew        float64
		Blank       bool
		Screenshot  bool
		ScreenPhoto bool `yaml:"screen_photo"`
		GPS         bool
		PHash       uint64
		Orientation int
	}
	PDF *struct {
		Encrypted  bool
		Signatures int
		JavaScript bool
		TextLayer  bool `yaml:"text_layer"`
	}
	Archive *struct {
		Format    string
		Entries   int
		Files     *int
		Bytes     *int64
		Encrypted bool
		Corrupt   bool
		Unsafe    []string
		Names     []string
		Items     *int64
		FirstDay  packager.Day `yaml:"first_day"`
		LastDay   packager.Day `yaml:"last_day"`
	}
	QR     []string
	Fields []struct {
		Name, Value, By string
		Confidence      *float64
		Proven          bool
	}
}

// UnmarshalYAML takes a path alone, too.
func (v *virtualFile) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		v.Path = n.Value
		return nil
	}
	type plainFile virtualFile
	return strictly(n, (*plainFile)(v))
}

// strictly decodes a node and refuses unknown keys, which Node.Decode lets
// pass.
func strictly(n *yaml.Node, into any) error {
	b, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	return d.Decode(into)
}

func parsePackCase(b []byte) (*packCase, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var p packCase
	if err := d.Decode(&p); err != nil {
		return nil, err
	}
	switch {
	case p.At.IsZero():
		return nil, errors.New("at is missing")
	case p.Case.Kind == 0:
		return nil, errors.New("case is missing")
	case p.Expect.Complete == nil:
		return nil, errors.New("expect.complete is missing")
	}
	for _, e := range p.Expect.Findings {
		if e.Code == "" {
			return nil, errors.New("a finding of expect has no code")
		}
	}
	return &p, nil
}

// text is the case.yaml of the case.
func (p *packCase) text() ([]byte, error) {
	if p.Case.Kind == yaml.ScalarNode {
		return []byte(p.Case.Value), nil
	}
	return yaml.Marshal(&p.Case)
}

// inspected makes the files of a case: those that the case names and those
// that the pack case lists, in order of path.
func (p *packCase) inspected(k *packager.Case, rs *packager.RuleSet) ([]packager.Inspected, error) {
	listed := map[string]virtualFile{}
	for _, v := range p.Files {
		if _, twice := listed[v.Path]; v.Path == "" || twice {
			return nil, fmt.Errorf("files: %q is empty or listed twice", v.Path)
		}
		listed[v.Path] = v
	}
	var out []packager.Inspected
	add := func(path string, role packager.Role, ids ...string) {
		v, ok := listed[path]
		switch {
		case slices.Contains(p.AbsentFiles, path) || ok && (v.Role != "" || v.IDs != nil):
			return // stands under what is said there
		case !ok:
			v = virtualFile{Path: path}
		}
		for i := range out {
			if f := &out[i]; f.Path == path && f.Role == role {
				for _, id := range ids {
					if !slices.Contains(f.IDs, id) {
						f.IDs = append(f.IDs, id)
					}
				}
				return
			}
		}
		out = append(out, v.inspected(k, role, ids))
	}
	for _, id := range sorted(k.Materials) {
		for _, path := range k.Materials[id] {
			add(path, packager.RoleMaterial, id)
		}
	}
	for _, id := range sorted(k.Facts) {
		for _, path := range k.Facts[id].Evidence {
			ids := []string{id}
			for _, r := range rs.Requirements {
				if slices.Contains(r.Facts, id) {
					ids = append(ids, r.ID)
				}
			}
			add(path, packager.RoleEvidence, ids...)
		}
	}
	for _, b := range k.Backups {
		for _, path := range b.Files {
			add(path, packager.RoleBackup, b.Requirement)
		}
	}
	for _, c := range k.Consent {
		for _, path := range c.Evidence {
			add(path, packager.RoleConsent, "consent")
		}
	}
	for _, v := range p.Files {
		if slices.ContainsFunc(out, func(f packager.Inspected) bool { return f.Path == v.Path }) {
			continue
		}
		role := v.Role
		switch {
		case role != "":
		case len(v.IDs) == 0:
			role = packager.RoleUnplaced
		case strings.HasPrefix(v.Path, "backups/"):
			role = packager.RoleBackup
		default:
			role = packager.RoleMaterial
		}
		out = append(out, v.inspected(k, role, v.IDs))
	}
	slices.SortStableFunc(out, func(a, b packager.Inspected) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// known are the media types of extensions.
var known = map[string]struct {
	media string
	form  packager.Form
}{
	".jpg": {"image/jpeg", packager.FormPicture}, ".jpeg": {"image/jpeg", packager.FormPicture}, ".png": {"image/png", packager.FormPicture},
	".heic": {"image/heic", packager.FormPicture}, ".webp": {"image/webp", packager.FormPicture}, ".bmp": {"image/bmp", packager.FormPicture},
	".pdf": {"application/pdf", packager.FormPDF}, ".ofd": {"application/ofd", packager.FormOFD},
	".zip": {"application/zip", packager.FormArchive}, ".7z": {"application/x-7z-compressed", packager.FormArchive}, ".tar": {"application/x-tar", packager.FormArchive},
	".csv": {"text/csv", packager.FormTable}, ".json": {"application/json", packager.FormTable}, ".html": {"text/html", packager.FormTable}, ".txt": {"text/plain", packager.FormTable},
	".xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", packager.FormOffice},
	".docx": {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", packager.FormOffice},
	".mp4":  {"video/mp4", packager.FormOther},
}

func (v virtualFile) inspected(k *packager.Case, role packager.Role, ids []string) packager.Inspected {
	f := packager.Inspected{
		Material: packager.Material{Path: v.Path, IDs: slices.Clone(ids), Role: role, SHA256: v.SHA, Bytes: 100_000},
		Media:    v.Media, Form: packager.FormOther, QR: v.QR, Unusable: v.Unusable,
	}
	f.Matched.By = "case"
	if f.SHA256 == "" {
		f.SHA256 = "of " + v.Path
	}
	if v.Bytes != nil {
		f.Bytes = *v.Bytes
	}
	for ext, x := range known {
		if ext == strings.ToLower(path.Ext(v.Path)) && v.Media == "" || v.Media == x.media {
			f.Media, f.Form = x.media, x.form
		}
	}
	switch f.Form {
	case packager.FormPicture:
		f.Pages, f.Picture = 1, v.picture()
		if v.QR == nil && slices.Contains(ids, "business_licence") {
			f.QR = []string{"http://www.gsxt.gov.cn/index.html?uniscid=" + k.Applicant.USCC}
		}
	case packager.FormPDF:
		f.Pages, f.PDF = 1, &packager.PDFInfo{Version: "1.7"}
		if v.PDF != nil {
			f.PDF.Encrypted, f.PDF.Signatures, f.PDF.JavaScript, f.PDF.TextLayer = v.PDF.Encrypted, v.PDF.Signatures, v.PDF.JavaScript, v.PDF.TextLayer
		}
	case packager.FormArchive:
		f.Archive = v.archive()
	}
	if v.Pages != nil {
		f.Pages = *v.Pages
	}
	for _, x := range v.Fields {
		field := packager.Field{Name: x.Name, Value: x.Value, By: x.By, Confidence: 0.95, Proven: x.Proven}
		if x.By == "" {
			field.By = "ocr"
		}
		if x.Confidence != nil {
			field.Confidence = *x.Confidence
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

func (v virtualFile) picture() *packager.Picture {
	p := photo(v.Path).Picture
	if v.Pixels != [2]int{} {
		p.Width, p.Height = v.Pixels[0], v.Pixels[1]
	}
	x := v.Picture
	if x == nil {
		return p
	}
	override(&p.Sharpness, x.Sharpness)
	override(&p.Brightness, x.Brightness)
	override(&p.Contrast, x.Contrast)
	p.Glare, p.SkewDegrees, p.Blank, p.Screenshot, p.ScreenPhoto, p.HasGPS = x.Glare, x.Skew, x.Blank, x.Screenshot, x.ScreenPhoto, x.GPS
	if x.PHash != 0 {
		p.PHash = x.PHash
	}
	if x.Orientation != 0 {
		p.Orientation = x.Orientation
	}
	return p
}

func (v virtualFile) archive() *packager.Archive {
	a := &packager.Archive{Format: "zip", Entries: 1, Files: 1, Bytes: 1000}
	x := v.Archive
	if x == nil {
		return a
	}
	if x.Format != "" {
		a.Format = x.Format
	}
	override(&a.Files, x.Files)
	override(&a.Bytes, x.Bytes)
	a.Entries = max(x.Entries, a.Files)
	a.Encrypted, a.Corrupt, a.Unsafe, a.Names, a.Items, a.FirstDay, a.LastDay = x.Encrypted, x.Corrupt, x.Unsafe, x.Names, x.Items, x.FirstDay, x.LastDay
	return a
}

func override[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// compare says where a report is not what the case expects.
func (p *packCase) compare(r *packager.Report) []string {
	var wrong []string
	miss := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
	if r.Complete() != *p.Expect.Complete {
		miss("complete is %t", r.Complete())
	}
	for _, e := range p.Expect.Findings {
		if !slices.ContainsFunc(r.Findings, e.fits) {
			miss("not found: %+v", e)
		}
	}
	for _, a := range p.Expect.Absent {
		code, req, _ := strings.Cut(a, " ")
		for _, f := range r.Findings {
			if f.Code == code && f.Severity != packager.Info && (req == "" || f.Requirement == req) {
				miss("found, should be absent: %s %s", written(f), f.Material)
			}
		}
	}
	if p.Expect.Only {
		for _, f := range r.Findings {
			if f.Severity != packager.Info && !slices.ContainsFunc(p.Expect.Findings, func(e expected) bool { return e.fits(f) }) {
				miss("found, not listed: %s %s %v", written(f), f.Material, f.Args)
			}
		}
	}
	verdict := func(id string) *packager.RequirementVerdict {
		for i := range r.Requirements {
			if r.Requirements[i].ID == id {
				return &r.Requirements[i]
			}
		}
		return nil
	}
	for _, id := range p.Expect.Satisfied {
		if v := verdict(id); v == nil || !v.Satisfied {
			miss("%s should be satisfied (asked for: %t)", id, v != nil)
		}
	}
	for _, id := range p.Expect.Unsatisfied {
		if v := verdict(id); v == nil || v.Satisfied {
			miss("%s should not be satisfied (asked for: %t)", id, v != nil)
		}
	}
	for _, id := range p.Expect.NotAsked {
		if verdict(id) != nil {
			miss("%s should not be asked for", id)
		}
	}
	return wrong
}

func (e expected) fits(f packager.Finding) bool {
	if f.Code != e.Code || e.Severity != "" && f.Severity != e.Severity ||
		e.Requirement != "" && f.Requirement != e.Requirement || e.Material != "" && f.Material != e.Material {
		return false
	}
	for k, v := range e.Args {
		if f.Args[k] != v {
			return false
		}
	}
	return true
}

// The loader itself: what it makes of a small file, and that it refuses
// mistakes.
func TestPackCase(t *testing.T) {
	p, err := parsePackCase([]byte(`
at: 2026-11-22
case:
  version: 1
  account: {bound_phone: 13800138000}
files:
  - materials/其他.jpg
  - {path: materials/a.jpg, ids: [business_licence], pixels: [320, 200], qr: []}
  - {path: backups/a.zip, ids: [articles], archive: {files: 0}}
expect: {complete: false, findings: [{code: MATERIAL_MISSING, severity: block}], absent: [ID_EXPIRED]}
`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.text()
	if err != nil || !strings.Contains(string(text), "bound_phone: 13800138000") {
		t.Errorf("text %q, %v", text, err)
	}
	files, err := p.inspected(&packager.Case{Materials: map[string][]string{"application_letter": {"materials/b.pdf"}}}, &packager.RuleSet{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprint(f.Path, " ", f.Role, " ", f.IDs, " ", f.Form))
	}
	want := []string{"backups/a.zip backup [articles] archive", "materials/a.jpg material [business_licence] picture",
		"materials/b.pdf material [application_letter] pdf", "materials/其他.jpg unplaced [] picture"}
	if !slices.Equal(got, want) {
		t.Errorf("files %q", got)
	}
	if f := files[1]; f.Picture.Width != 320 || len(f.QR) != 0 {
		t.Errorf("%+v", f)
	}
	if wrong := p.compare(&packager.Report{}); len(wrong) != 2 {
		t.Errorf("an empty report: %q", wrong)
	}
	for name, y := range map[string]string{
		"no day":       "case: {}\nexpect: {complete: true}",
		"no case":      "at: 2026-11-22\nexpect: {complete: true}",
		"no verdict":   "at: 2026-11-22\ncase: {}",
		"unknown key":  "at: 2026-11-22\ncase: {}\nexpect: {complete: true}\nfile: []",
		"unknown key2": "at: 2026-11-22\ncase: {}\nexpect: {complete: true}\nfiles: [{path: a, wide: 3}]",
		"no code":      "at: 2026-11-22\ncase: {}\nexpect: {complete: true, findings: [{severity: block}]}",
	} {
		if _, err := parsePackCase([]byte(y)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package check

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/templates"
)

func day(s string) packager.Day {
	d, err := packager.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func ptr[T any](v T) *T { return &v }

// base is a complete case under a small rule set: an enterprise with a sealed
// letter, a licence, both sides of the legal representative's card, one
// precondition with evidence and one backup. All names and numbers are
// fictional.
func base() *packager.Inspection {
	rule := func(id string) []packager.Rule { return []packager.Rule{{ID: id, Confidence: "S"}} }
	text := func(s string) packager.Text { return packager.Text{ZH: s, EN: s + " (en)"} }
	material := func(id string) packager.Requirement {
		return packager.Requirement{ID: id, Kind: packager.KindMaterial, Severity: packager.Block, Title: text(id), Rules: rule("T-" + id), AnyOf: []string{id}, Min: 1}
	}
	spec := func(id, part string, order int) packager.MaterialSpec {
		return packager.MaterialSpec{ID: id, Name: text(id), Part: part, Order: order, MinShortSide: 300, WarnShortSide: 600,
			Quality:  packager.Quality{Sharpness: 40, Brightness: 0.12, Contrast: 0.02, Even: 0.004, Glare: 0.06, Skew: 12, Alike: 4},
			Personal: part == "identity", Sealed: part == "letter" || part == "authorisation", Signed: part == "letter" || part == "authorisation",
			Dated: part == "letter" || part == "authorisation", MaxAgeDays: map[string]int{"letter": 30}[part]}
	}
	rs := &packager.RuleSet{
		Platform: "test", Operator: "样本平台（深圳）有限公司", Day: day("2026-11-22"),
		AccountType: text("企业"),
		Requirements: []packager.Requirement{
			material("application_letter"), material("business_licence"),
			material("legal_rep_id_portrait"), material("legal_rep_id_emblem"),
			{ID: "auto_renewal_off", Kind: packager.KindPrecondition, Severity: packager.Block, IfUnknown: packager.Warn, Title: text("自动续费已关闭"), Next: text("去关闭"),
				Rules: rule("T-P1"), Outcome: packager.Holds, Facts: []string{"auto_renewal_off"}, Evidence: packager.Warn},
			{ID: "articles", Kind: packager.KindBackup, Severity: packager.Block, Title: text("图文备份"), Rules: rule("T-B1"),
				MaxAgeDays: 30, MaxItems: 100, MediaAllowed: []string{"pdf", "html"}},
		},
		Catalogue: map[string]packager.MaterialSpec{
			"application_letter":        spec("application_letter", "letter", 10),
			"authorization_letter":      spec("authorization_letter", "authorisation", 10),
			"business_licence":          spec("business_licence", "licence", 10),
			"organisation_certificate":  spec("organisation_certificate", "licence", 20),
			"legal_rep_id_portrait":     spec("legal_rep_id_portrait", "identity", 10),
			"legal_rep_id_emblem":       spec("legal_rep_id_emblem", "identity", 11),
			"agent_id_portrait":         spec("agent_id_portrait", "identity", 20),
			"agent_id_emblem":           spec("agent_id_emblem", "identity", 21),
			"employee_id_portrait":      spec("employee_id_portrait", "identity", 30),
			"labour_contract":           {ID: "labour_contract", Name: text("劳动合同"), Part: "special", Personal: true},
			"sub_account_authorization": {ID: "sub_account_authorization", Name: text("子账号授权"), Part: "authorisation", Order: 20},
			"ownership_proof":           {ID: "ownership_proof", Name: text("账号所有权证明"), Part: "ownership"},
		},
	}
	k := &packager.Case{
		Platform: "test", Application: "close", AccountType: "enterprise",
		Account: packager.Account{ID: "gh_0123456789ab", Name: "测试虚构服务号", BoundPhone: "13800138000", BoundEmail: "ops@example.com"},
		Applicant: packager.Applicant{Name: "样本科技有限公司", USCC: "91330106673959654P",
			LegalRepresentative: packager.Person{Name: "测试甲", IDNumber: "110199198001010016", IDValidUntil: day("2031-05-01")}},
		Papers: map[string]packager.Paper{},
		Facts:  map[string]packager.Fact{"auto_renewal_off": {Value: true, On: day("2026-11-10"), Evidence: []string{"materials/关闭.png"}}},
		Backups: []packager.Backup{{Requirement: "articles", Files: []string{"backups/articles.zip"},
			ExportedOn: day("2026-11-12"), Items: ptr[int64](96)}},
		Pos: map[string]packager.Position{"applicant.uscc": {File: "case.yaml", Line: 12, Column: 9}},
	}
	in := &packager.Inspection{Case: k, Rules: rs}
	in.Files = []packager.Inspected{
		{Material: packager.Material{Path: "backups/articles.zip", Role: packager.RoleBackup, IDs: []string{"articles"}, SHA256: "b1", Bytes: 5000},
			Media: "application/zip", Form: packager.FormArchive, Archive: &packager.Archive{Format: "zip", Entries: 97, Files: 96, Bytes: 90000, Names: []string{"a/1.html", "a/2.html"}}},
		photo("materials/营业执照.jpg", "business_licence"),
		photo("materials/身份证人像面.jpg", "legal_rep_id_portrait"),
		photo("materials/身份证国徽面.jpg", "legal_rep_id_emblem"),
		photo("materials/申请函.jpg", "application_letter"),
		{Material: packager.Material{Path: "materials/关闭.png", Role: packager.RoleEvidence, IDs: []string{"auto_renewal_off"}, SHA256: "e1", Bytes: 900},
			Media: "image/png", Form: packager.FormPicture, Pages: 1, Picture: good(750, 1334)},
	}
	in.Files[1].QR = []string{"http://www.gsxt.gov.cn/index.html?uniscid=91330106673959654P"}
	return in
}

// photo is a good photo that differs from every other one.
func photo(path string, ids ...string) packager.Inspected {
	p := good(3000, 2000)
	h := uint64(14695981039346656037)
	for _, b := range []byte(path) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	p.PHash = h
	return packager.Inspected{
		Material: packager.Material{Path: path, IDs: ids, Role: packager.RoleMaterial, SHA256: "sha of " + path, Bytes: 900_000},
		Media:    "image/jpeg", Form: packager.FormPicture, Pages: 1, Picture: p,
	}
}

func good(w, h int) *packager.Picture {
	return &packager.Picture{Format: "jpeg", Width: w, Height: h, Orientation: 1, Frames: 1, Sharpness: 900, Brightness: 0.6, Contrast: 0.2}
}

// scanned makes a file a scanned PDF with so many pixels an inch on its page.
func scanned(in *packager.Inspection, path string, dpi int) {
	f := file(in, path)
	f.Form, f.Picture, f.PDF = packager.FormPDF, nil, &packager.PDFInfo{ScanDPI: dpi, ScanPage: 1}
	setDPI(in, "materials/申请函.jpg")
}

func setDPI(in *packager.Inspection, path string) {
	id := file(in, path).IDs[0]
	spec := in.Rules.Catalogue[id]
	spec.MinDPI, spec.WarnDPI = 55, 105
	in.Rules.Catalogue[id] = spec
}

func file(in *packager.Inspection, path string) *packager.Inspected {
	for i := range in.Files {
		if in.Files[i].Path == path {
			return &in.Files[i]
		}
	}
	panic("no file " + path)
}

func remove(in *packager.Inspection, path string) {
	in.Files = slices.DeleteFunc(in.Files, func(f packager.Inspected) bool { return f.Path == path })
}

func requirement(in *packager.Inspection, id string) *packager.Requirement {
	for i := range in.Rules.Requirements {
		if in.Rules.Requirements[i].ID == id {
			return &in.Rules.Requirements[i]
		}
	}
	panic("no requirement " + id)
}

func read(name, value string) packager.Field {
	return packager.Field{Name: name, Value: value, By: "ocr", Confidence: 0.95}
}

func proven(name, value, by string) packager.Field {
	return packager.Field{Name: name, Value: value, By: by, Confidence: 1, Proven: true}
}

// written is a finding in short: "block ID_EXPIRED legal_rep_id_emblem".
func written(f packager.Finding) string {
	return strings.TrimSpace(string(f.Severity) + " " + f.Code + " " + f.Requirement)
}

func all(r *packager.Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, written(f))
	}
	return out
}

// catalog holds the words of this room.
func catalog(t testing.TB) *i18n.Catalog {
	t.Helper()
	b, err := templates.FS.ReadFile("locales/check.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := i18n.Load(fstest.MapFS{"locales/check.yaml": {Data: b}}, "locales")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// spoken holds that a finding of this room has words in both languages, with
// every place filled.
func spoken(t *testing.T, c *i18n.Catalog, f packager.Finding) {
	t.Helper()
	if !slices.Contains(c.Keys(), f.Code) {
		if f.Code == "PDF_ENCRYPTED" || strings.HasPrefix(f.Code, "ARCHIVE_") {
			return // of inspect
		}
		t.Errorf("%s has no words", f.Code)
	}
	for _, lang := range i18n.Languages {
		message, next := c.Printer(lang).Finding(f)
		if message == "" || strings.ContainsAny(message+next, "{}") {
			t.Errorf("%s in %s: %q, %q", f.Code, lang, message, next)
		}
	}
}

func TestCompleteCaseHasNothingToSay(t *testing.T) {
	r := Check(base())
	if len(r.Findings) != 0 || !r.Complete() {
		t.Errorf("findings: %v", all(r))
	}
	for _, v := range r.Requirements {
		if !v.Satisfied || v.State != packager.StateOK || len(v.Materials) == 0 {
			t.Errorf("%s: satisfied %t, state %s, materials %v", v.ID, v.Satisfied, v.State, v.Materials)
		}
	}
}

// TestFindings changes one thing in the complete case and lists everything
// that is then found.
func TestFindings(t *testing.T) {
	const licence, portrait, emblem, letter, export = "materials/营业执照.jpg", "materials/身份证人像面.jpg", "materials/身份证国徽面.jpg", "materials/申请函.jpg", "backups/articles.zip"
	legal := func(in *packager.Inspection) *packager.Person { return &in.Case.Applicant.LegalRepresentative }
	paper := func(id string, p packager.Paper) func(*packager.Inspection) {
		return func(in *packager.Inspection) { in.Case.Papers[id] = p }
	}
	agent := func(in *packager.Inspection) {
		in.Case.Agent = &packager.Person{Name: "样本乙·买买提", IDNumber: "310199198512310026", Phone: "13800138000"}
		in.Case.Consent = []packager.Consent{{Person: "测试甲", On: day("2026-11-11"), Evidence: []string{"materials/同意书.pdf"}}}
	}
	words := catalog(t)
	for _, x := range []struct {
		name   string
		change func(*packager.Inspection)
		want   []string
	}{
		// Materials.
		{"no letter", func(in *packager.Inspection) { remove(in, letter) }, []string{"block MATERIAL_MISSING application_letter"}},
		{"no letter, no licence: both are said", func(in *packager.Inspection) { remove(in, letter); remove(in, licence) },
			[]string{"block MATERIAL_MISSING application_letter", "block MATERIAL_MISSING business_licence"}},
		{"advised letter missing", func(in *packager.Inspection) {
			remove(in, letter)
			requirement(in, "application_letter").Severity = packager.Warn
		}, []string{"warn MATERIAL_MISSING application_letter"}},
		{"one of two will do", func(in *packager.Inspection) {
			requirement(in, "business_licence").AnyOf = []string{"organisation_certificate", "business_licence"}
		}, nil},
		{"three authorisations asked, two there", func(in *packager.Inspection) {
			in.Rules.Requirements = append(in.Rules.Requirements, packager.Requirement{ID: "sub", Kind: packager.KindMaterial, Severity: packager.Block, AnyOf: []string{"sub_account_authorization"}, Min: 3})
			in.Files = append(in.Files, photo("materials/子1.jpg", "sub_account_authorization"), photo("materials/子2.jpg", "sub_account_authorization"))
		}, []string{"block MATERIAL_TOO_FEW sub"}},
		{"only the portrait side", func(in *packager.Inspection) { remove(in, emblem) }, []string{"block MATERIAL_MISSING legal_rep_id_emblem"}},
		{"only the portrait side, nothing asked", func(in *packager.Inspection) {
			remove(in, emblem)
			in.Rules.Requirements = slices.DeleteFunc(in.Rules.Requirements, func(r packager.Requirement) bool { return strings.HasPrefix(r.ID, "legal") })
		}, []string{"warn ID_SIDE_MISSING legal_rep_id_portrait"}},
		{"both sides in one picture", func(in *packager.Inspection) {
			remove(in, emblem)
			file(in, portrait).IDs = []string{"legal_rep_id_portrait", "legal_rep_id_emblem"}
		}, nil},
		{"sides swapped", func(in *packager.Inspection) {
			file(in, portrait).Fields = []packager.Field{read("valid_until", "2031-05-01")}
			file(in, emblem).Fields = []packager.Field{read("id_number", "110199198001010016")}
		}, []string{"warn ID_SIDES_SWAPPED legal_rep_id_portrait"}},
		{"unusable letter, inspect said so", func(in *packager.Inspection) {
			file(in, letter).Unusable = "PDF_ENCRYPTED"
			in.Findings = []packager.Finding{{Code: "PDF_ENCRYPTED", Severity: packager.Block, Requirement: "application_letter", Material: letter}}
		}, []string{"block PDF_ENCRYPTED application_letter"}},
		{"unusable letter, only advised", func(in *packager.Inspection) {
			requirement(in, "application_letter").Severity = packager.Warn
			file(in, letter).Unusable = "PDF_ENCRYPTED"
			in.Findings = []packager.Finding{{Code: "PDF_ENCRYPTED", Severity: packager.Block, Requirement: "application_letter", Material: letter}}
		}, []string{"warn PDF_ENCRYPTED application_letter"}},
		{"unusable letter, nobody said so", func(in *packager.Inspection) { file(in, letter).Unusable = "PDF_ENCRYPTED" },
			[]string{"block MATERIAL_UNUSABLE application_letter"}},

		{"letter scanned too coarsely", func(in *packager.Inspection) { scanned(in, letter, 54) }, []string{"block RESOLUTION_TOO_LOW application_letter"}},
		{"letter scanned coarsely", func(in *packager.Inspection) { scanned(in, letter, 104) }, []string{"warn RESOLUTION_LOW application_letter"}},
		{"letter scanned well", func(in *packager.Inspection) { scanned(in, letter, 105) }, nil},
		{"letter that is no scan", func(in *packager.Inspection) { scanned(in, letter, 0) }, nil},
		{"card scanned coarsely, no threshold", func(in *packager.Inspection) { scanned(in, portrait, 54) }, nil},
		{"small photo: said once", func(in *packager.Inspection) {
			setDPI(in, letter)
			file(in, letter).Picture.Width, file(in, letter).Picture.Height = 400, 500
		}, []string{"warn PICTURE_SMALL application_letter"}},

		// Statements.
		{"precondition fails", func(in *packager.Inspection) { requirement(in, "auto_renewal_off").Outcome = packager.Fails },
			[]string{"block PRECONDITION_FAILS auto_renewal_off"}},
		{"precondition not stated", func(in *packager.Inspection) {
			requirement(in, "auto_renewal_off").Outcome = packager.Unknown
			in.Case.Facts = nil
			remove(in, "materials/关闭.png")
		}, []string{"warn PRECONDITION_UNKNOWN auto_renewal_off"}},
		{"advised precondition not stated", func(in *packager.Inspection) {
			r := requirement(in, "auto_renewal_off")
			r.Outcome, r.Severity, r.IfUnknown = packager.Unknown, packager.Warn, ""
		}, []string{"info PRECONDITION_UNKNOWN auto_renewal_off"}},
		{"pack blocks on unknown", func(in *packager.Inspection) {
			r := requirement(in, "auto_renewal_off")
			r.Outcome, r.IfUnknown = packager.Unknown, packager.Block
		}, []string{"block PRECONDITION_UNKNOWN auto_renewal_off"}},
		{"no evidence", func(in *packager.Inspection) {
			remove(in, "materials/关闭.png")
			in.Case.Facts["auto_renewal_off"] = packager.Fact{Value: true}
		}, []string{"warn EVIDENCE_MISSING auto_renewal_off"}},
		{"a fact of tomorrow", func(in *packager.Inspection) {
			f := in.Case.Facts["auto_renewal_off"]
			f.On = day("2026-11-23")
			in.Case.Facts["auto_renewal_off"] = f
		}, []string{"warn FACT_IN_FUTURE auto_renewal_off"}},

		// Backups.
		{"no backup", func(in *packager.Inspection) { remove(in, export); in.Case.Backups = nil }, []string{"block BACKUP_MISSING articles"}},
		{"nothing to back up", func(in *packager.Inspection) {
			remove(in, export)
			in.Case.Backups = []packager.Backup{{Requirement: "articles", Items: ptr[int64](0)}}
		}, []string{"info BACKUP_NOTHING articles"}},
		{"backup not in case.yaml", func(in *packager.Inspection) { in.Case.Backups = nil }, nil},
		{"exported 30 days before", func(in *packager.Inspection) { in.Case.Backups[0].ExportedOn = day("2026-10-23") }, nil},
		{"exported 31 days before", func(in *packager.Inspection) { in.Case.Backups[0].ExportedOn = day("2026-10-22") }, []string{"warn BACKUP_TOO_OLD articles"}},
		{"exported tomorrow", func(in *packager.Inspection) { in.Case.Backups[0].ExportedOn = day("2026-11-23") }, []string{"warn BACKUP_IN_FUTURE articles"}},
		{"day of export not stated", func(in *packager.Inspection) { in.Case.Backups[0].ExportedOn = packager.Day{} }, []string{"info BACKUP_UNDATED articles"}},
		{"100 articles", func(in *packager.Inspection) { in.Case.Backups[0].Items = ptr[int64](100) }, nil},
		{"101 articles", func(in *packager.Inspection) { in.Case.Backups[0].Items = ptr[int64](101) }, []string{"warn BACKUP_BATCH_TOO_LARGE articles"}},
		{"101 articles in two files", func(in *packager.Inspection) {
			in.Case.Backups[0].Items = ptr[int64](101)
			in.Case.Backups[0].Files = append(in.Case.Backups[0].Files, "backups/b.zip")
			in.Files = append(in.Files, packager.Inspected{Material: packager.Material{Path: "backups/b.zip", Role: packager.RoleBackup, IDs: []string{"articles"}, SHA256: "b2", Bytes: 9},
				Media: "application/zip", Form: packager.FormArchive, Archive: &packager.Archive{Files: 5, Bytes: 9, Names: []string{"x.HTML"}}})
		}, nil},
		{"101 articles counted inside", func(in *packager.Inspection) { file(in, export).Archive.Items = ptr[int64](101) }, []string{"warn BACKUP_BATCH_TOO_LARGE articles"}},
		{"no bytes", func(in *packager.Inspection) { file(in, export).Bytes = 0 }, []string{"block BACKUP_EMPTY articles"}},
		{"only folders", func(in *packager.Inspection) { file(in, export).Archive.Files = 0 }, []string{"block BACKUP_EMPTY articles"}},
		{"corrupt", func(in *packager.Inspection) { file(in, export).Archive.Corrupt = true }, []string{"block BACKUP_CORRUPT articles"}},
		{"corrupt, inspect said so", func(in *packager.Inspection) {
			file(in, export).Unusable = "ARCHIVE_CORRUPT"
			in.Findings = []packager.Finding{{Code: "ARCHIVE_CORRUPT", Severity: packager.Block, Requirement: "articles", Material: export}}
		}, []string{"block ARCHIVE_CORRUPT articles"}},
		{"encrypted", func(in *packager.Inspection) { file(in, export).Archive.Encrypted = true }, []string{"warn BACKUP_ENCRYPTED articles"}},
		{"path out of the archive", func(in *packager.Inspection) { file(in, export).Archive.Unsafe = []string{"../../x"} }, []string{"warn BACKUP_UNSAFE articles"}},
		{"path out of the archive, inspect said so", func(in *packager.Inspection) {
			file(in, export).Archive.Unsafe = []string{"../../x"}
			in.Findings = []packager.Finding{{Code: "ARCHIVE_UNSAFE_PATH", Severity: packager.Warn, Requirement: "articles", Material: export}}
		}, []string{"warn ARCHIVE_UNSAFE_PATH articles"}},
		{"wrong media inside", func(in *packager.Inspection) { file(in, export).Archive.Names = []string{"1.docx"} }, []string{"warn BACKUP_WRONG_MEDIA articles"}},
		{"window not covered", func(in *packager.Inspection) {
			requirement(in, "articles").WindowDays = 60
			in.Case.Backups[0].FromDay = day("2026-10-01")
		}, []string{"warn BACKUP_WINDOW_SHORT articles"}},
		{"window covered", func(in *packager.Inspection) {
			requirement(in, "articles").WindowDays = 60
			in.Case.Backups[0].FromDay = day("2026-09-13")
		}, nil},

		// Numbers.
		{"USCC: wrong check character", func(in *packager.Inspection) { in.Case.Applicant.USCC = "91330106673959654Q" },
			[]string{"block USCC_INVALID", "info USCC_ON_LICENCE business_licence"}},
		{"USCC: letter O", func(in *packager.Inspection) {
			in.Case.Applicant.USCC = "9133O106673959654P"
			file(in, licence).QR = []string{"http://gsxt.gov.cn/%7Babc_DEF-1500000000000%7D"}
		}, []string{"block USCC_INVALID", "info USCC_HINT", "info LICENCE_QR_OPAQUE business_licence"}},
		{"USCC: lower case and full width", func(in *packager.Inspection) {
			in.Case.Applicant.USCC = "９１３３０１０６６７３９５９６５４p"
		}, nil},
		{"government with a company's code", func(in *packager.Inspection) { in.Case.AccountType = "government" }, []string{"warn USCC_CATEGORY_UNUSUAL"}},
		{"ID: wrong check digit", func(in *packager.Inspection) { legal(in).IDNumber = "110199198001010017" }, []string{"block ID_NUMBER_INVALID legal_rep_id_portrait"}},
		{"ID: no such day", func(in *packager.Inspection) { legal(in).IDNumber = "110199199002290018" },
			[]string{"block ID_NUMBER_INVALID legal_rep_id_portrait", "block ID_BIRTH_DATE_IMPOSSIBLE legal_rep_id_portrait"}},
		{"ID: letter O", func(in *packager.Inspection) { legal(in).IDNumber = "11O199198001010016" },
			[]string{"block ID_NUMBER_INVALID legal_rep_id_portrait", "info ID_NUMBER_HINT legal_rep_id_portrait"}},
		{"ID: a permit without its type", func(in *packager.Inspection) { legal(in).IDNumber = "H12345678" },
			[]string{"block ID_NUMBER_INVALID legal_rep_id_portrait", "info ID_TYPE_HINT legal_rep_id_portrait"}},
		{"ID: a permit", func(in *packager.Inspection) { legal(in).IDNumber, legal(in).IDType = "H12345678", "hk_macau_permit" }, nil},
		{"ID: 15 digits", func(in *packager.Inspection) { legal(in).IDNumber = "110199800101001" }, []string{"warn ID_OLD_FORM legal_rep_id_portrait"}},
		{"ID: a minor", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "110199201201010015", packager.Day{}
		},
			[]string{"warn LEGAL_REPRESENTATIVE_MINOR legal_rep_id_portrait"}},
		{"no mobile number", func(in *packager.Inspection) { in.Case.Account.BoundPhone = "10012345678" }, []string{"warn PHONE_INVALID"}},
		{"no mailbox", func(in *packager.Inspection) { in.Case.Account.BoundEmail = "ops" }, []string{"warn EMAIL_INVALID"}},

		// Terms.
		{"expired yesterday", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", day("2026-11-21")
		}, []string{"block ID_EXPIRED legal_rep_id_emblem"}},
		{"expires today", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", day("2026-11-22")
		}, []string{"warn ID_EXPIRES_SOON legal_rep_id_emblem"}},
		{"expires in 90 days", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", day("2027-02-20")
		}, []string{"warn ID_EXPIRES_SOON legal_rep_id_emblem"}},
		{"expires in 91 days", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", day("2027-02-21")
		}, nil},
		{"long term", func(in *packager.Inspection) {
			p := legal(in)
			p.IDNumber, p.IDValidUntil, p.IDLongTerm = "110199196003150048", packager.Day{}, true
		}, nil},
		{"long term at 25", func(in *packager.Inspection) {
			p := legal(in)
			p.IDNumber, p.IDValidUntil, p.IDLongTerm = "440399200106300033", packager.Day{}, true
		}, []string{"warn ID_TERM_UNUSUAL legal_rep_id_emblem"}},
		{"expired, as the user reads on the card", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", packager.Day{}
			in.Case.Papers["legal_rep_id_emblem"] = packager.Paper{ValidUntil: day("2026-11-21")}
		}, []string{"block ID_EXPIRED legal_rep_id_emblem"}},
		{"expired, as a machine reads", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", packager.Day{}
			file(in, emblem).Fields = []packager.Field{read("valid_until", "2026-11-21")}
		}, []string{"warn ID_EXPIRED legal_rep_id_emblem"}},
		{"two ends of validity", func(in *packager.Inspection) {
			file(in, emblem).Fields = []packager.Field{read("valid_until", "2036.05.01")}
		}, []string{"warn ID_TERM_DIFFERS legal_rep_id_emblem"}},
		{"another end of validity, as a machine guesses", func(in *packager.Inspection) {
			file(in, emblem).Fields = []packager.Field{{Name: "valid_until", Value: "2021.05.01", By: "ocr", Confidence: 0.3}}
		}, nil},
		{"a passport that expired", func(in *packager.Inspection) {
			p := legal(in)
			p.IDType, p.IDNumber, p.IDValidUntil = "passport", "C01X00T47", day("2026-11-21")
			requirement(in, "legal_rep_id_portrait").AnyOf = []string{"legal_rep_passport"}
			file(in, portrait).IDs = []string{"legal_rep_passport"}
		}, []string{"block ID_EXPIRED legal_rep_id_portrait"}},
		{"expired, but nobody wants the card", func(in *packager.Inspection) {
			legal(in).IDNumber, legal(in).IDValidUntil = "", day("2026-11-21")
			in.Rules.Requirements = slices.DeleteFunc(in.Rules.Requirements, func(r packager.Requirement) bool { return strings.HasPrefix(r.ID, "legal") })
			remove(in, portrait)
			remove(in, emblem)
		}, []string{"warn ID_EXPIRED legal_rep_id_emblem"}},

		// The licence.
		{"licence of another entity, by its QR code", func(in *packager.Inspection) {
			file(in, licence).QR = []string{"http://www.gsxt.gov.cn/index.html?uniscid=9144030071526726XG"}
		}, []string{"block LICENCE_OTHER_ENTITY business_licence"}},
		{"licence of another entity, by a proven reading", func(in *packager.Inspection) {
			file(in, licence).QR = []string{"http://gsxt.gov.cn/%7Babc-1500000000000%7D"}
			file(in, licence).Fields = []packager.Field{proven("uscc", "9144030071526726XG", "ocr")}
		}, []string{"block LICENCE_OTHER_ENTITY business_licence", "info LICENCE_QR_OPAQUE business_licence"}},
		{"licence of another entity, by an unproven reading", func(in *packager.Inspection) {
			file(in, licence).QR = []string{"http://gsxt.gov.cn/%7Babc-1500000000000%7D"}
			file(in, licence).Fields = []packager.Field{read("uscc", "9144030071526726XG")}
		}, []string{"warn LICENCE_OTHER_ENTITY business_licence", "info LICENCE_QR_OPAQUE business_licence"}},
		{"licence of another entity, as the user reads", paper("business_licence", packager.Paper{USCC: "9144030071526726XG"}),
			[]string{"block LICENCE_OTHER_ENTITY business_licence"}},
		{"QR code agrees, OCR misread", func(in *packager.Inspection) {
			file(in, licence).Fields = []packager.Field{proven("uscc", "9144030071526726XG", "ocr")}
		}, nil},
		{"no QR code", func(in *packager.Inspection) { file(in, licence).QR = nil }, []string{"warn LICENCE_QR_NOT_FOUND business_licence"}},
		{"foreign QR code", func(in *packager.Inspection) { file(in, licence).QR = []string{"https://example.com"} }, []string{"warn LICENCE_QR_FOREIGN business_licence"}},
		{"QR code of the public display", func(in *packager.Inspection) {
			file(in, licence).QR = []string{"https://zzlz.gsxt.gov.cn/businessCheck/verifKey.do?showType=p&serial=91330106673959654P-SAIC_SHOW_1&signData=x"}
		}, nil},

		// Agreement.
		{"name with other brackets", func(in *packager.Inspection) {
			in.Case.Applicant.Name = "样本（北京）科技有限公司"
			in.Case.Papers["business_licence"] = packager.Paper{Name: "样本(北京)科技有限公司"}
		}, nil},
		{"有限责任公司", paper("business_licence", packager.Paper{Name: "样本科技有限责任公司"}), []string{"warn NAME_DIFFERS business_licence"}},
		{"name without (北京)", func(in *packager.Inspection) {
			in.Case.Applicant.Name = "样本（北京）科技有限公司"
			in.Case.Papers["application_letter"] = packager.Paper{Name: "样本科技有限公司"}
		}, []string{"block NAME_DIFFERS application_letter"}},
		{"another name, as a machine reads", func(in *packager.Inspection) {
			file(in, letter).Fields = []packager.Field{read("name", "别家科技有限公司")}
		}, []string{"warn NAME_DIFFERS application_letter"}},
		{"another name, as a machine guesses", func(in *packager.Inspection) {
			file(in, letter).Fields = []packager.Field{{Name: "name", Value: "別宗科技有限公司", By: "ocr", Confidence: 0.4}}
		}, nil},
		{"another code on the letter", paper("application_letter", packager.Paper{USCC: "9144030071526726XG"}), []string{"block USCC_DIFFERS application_letter"}},
		{"another code on the letter, as a machine reads", func(in *packager.Inspection) {
			file(in, letter).Fields = []packager.Field{proven("uscc", "9144030071526726XG", "ocr")}
		}, []string{"warn USCC_DIFFERS application_letter"}},
		{"two codes on the letter", func(in *packager.Inspection) {
			file(in, letter).Fields = []packager.Field{proven("uscc", "9144030071526726XG", "ocr"), proven("uscc", "91330106673959654P", "ocr")}
		}, nil},
		{"an administrator's authorisation names the administrator", paper("sub_account_authorization", packager.Paper{Name: "样本庚"}), nil},
		{"a contract holds the employer's number", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙", IDNumber: "440399200106300033"}
			in.Case.Consent = []packager.Consent{{Person: "样本丙", Evidence: []string{"x"}}}
			f := photo("materials/合同.jpg", "labour_contract")
			f.Fields = []packager.Field{proven("id_number", "110199198001010016", "ocr")}
			in.Files = append(in.Files, f)
		}, nil},
		{"another account on the letter", paper("application_letter", packager.Paper{AccountID: "gh_ffffffffffff"}), []string{"block ACCOUNT_DIFFERS application_letter"}},
		{"account in another case", paper("application_letter", packager.Paper{AccountID: "GH_0123456789AB"}), []string{"warn ACCOUNT_DIFFERS application_letter"}},
		{"another legal representative on the licence", paper("business_licence", packager.Paper{LegalRepresentative: "测试丁"}),
			[]string{"block LEGAL_REPRESENTATIVE_DIFFERS business_licence"}},
		{"another person on the card", paper("legal_rep_id_portrait", packager.Paper{Name: "测试丁"}),
			[]string{"block LEGAL_REPRESENTATIVE_DIFFERS legal_rep_id_portrait"}},
		{"another number on the card, proven", func(in *packager.Inspection) {
			file(in, portrait).Fields = []packager.Field{proven("id_number", "310199198512310026", "ocr")}
		}, []string{"block ID_NUMBER_DIFFERS legal_rep_id_portrait"}},
		{"another number on the card, unproven", func(in *packager.Inspection) {
			file(in, portrait).Fields = []packager.Field{read("id_number", "110199198001010018")}
		}, []string{"warn ID_NUMBER_DIFFERS legal_rep_id_portrait"}},
		{"another addressee", paper("application_letter", packager.Paper{Addressee: "别家平台有限公司"}), []string{"warn ADDRESSEE_DIFFERS application_letter"}},

		// Letters.
		{"undated", paper("application_letter", packager.Paper{Undated: true}), []string{"block LETTER_UNDATED application_letter"}},
		{"unsealed", paper("application_letter", packager.Paper{Sealed: ptr(false)}), []string{"block LETTER_UNSEALED application_letter"}},
		{"unsigned", paper("application_letter", packager.Paper{Signed: ptr(false)}), []string{"warn LETTER_UNSIGNED application_letter"}},
		{"all well", paper("application_letter", packager.Paper{Dated: day("2026-11-20"), Signed: ptr(true), Sealed: ptr(true), Addressee: "样本平台(深圳)有限公司",
			AccountID: "gh_0123456789ab", Name: "样本科技有限公司", USCC: "91330106673959654P", LegalRepresentative: "测试甲"}), nil},
		{"dated today", paper("application_letter", packager.Paper{Dated: day("2026-11-22")}), nil},
		{"dated tomorrow", paper("application_letter", packager.Paper{Dated: day("2026-11-23")}), []string{"block LETTER_IN_FUTURE application_letter"}},
		{"30 days old", paper("application_letter", packager.Paper{Dated: day("2026-10-23")}), nil},
		{"31 days old", paper("application_letter", packager.Paper{Dated: day("2026-10-22")}), []string{"warn LETTER_TOO_OLD application_letter"}},
		{"dated tomorrow, as a machine reads", func(in *packager.Inspection) {
			file(in, letter).Fields = []packager.Field{read("dated", "2026-11-23")}
		}, []string{"warn LETTER_IN_FUTURE application_letter"}},
		{"advised letter unsealed", func(in *packager.Inspection) {
			requirement(in, "application_letter").Severity = packager.Warn
			in.Case.Papers["application_letter"] = packager.Paper{Sealed: ptr(false), Undated: true}
		}, []string{"warn LETTER_UNDATED application_letter", "warn LETTER_UNSEALED application_letter"}},

		// Authorisation and agent.
		{"agent", agent, nil},
		{"authorisation ended yesterday", func(in *packager.Inspection) {
			agent(in)
			requirement(in, "application_letter").AnyOf = []string{"application_letter", "authorization_letter"}
			in.Case.Papers["authorization_letter"] = packager.Paper{ValidFrom: day("2026-11-01"), ValidUntil: day("2026-11-21"), Agent: "样本乙•买买提"}
		}, []string{"block AUTHORIZATION_EXPIRED application_letter"}},
		{"authorisation ends today", func(in *packager.Inspection) {
			agent(in)
			in.Case.Papers["authorization_letter"] = packager.Paper{ValidFrom: day("2026-11-22"), ValidUntil: day("2026-11-22")}
		}, nil},
		{"authorisation begins tomorrow", func(in *packager.Inspection) {
			agent(in)
			in.Case.Papers["authorization_letter"] = packager.Paper{ValidFrom: day("2026-11-23")}
		}, []string{"warn AUTHORIZATION_NOT_YET_VALID authorization_letter"}},
		{"another agent", func(in *packager.Inspection) {
			agent(in)
			in.Case.Papers["authorization_letter"] = packager.Paper{Agent: "样本戊"}
		}, []string{"warn AGENT_DIFFERS authorization_letter"}},
		{"an authorisation for somebody, and no agent", paper("authorization_letter", packager.Paper{Agent: "样本戊"}),
			[]string{"warn AGENT_DIFFERS authorization_letter"}},
		{"agent is the legal representative", func(in *packager.Inspection) {
			in.Case.Agent = &packager.Person{Name: "测试甲", IDNumber: "110199198001010016"}
		}, []string{"info AGENT_IS_LEGAL_REPRESENTATIVE"}},

		// Consent.
		{"agent files with the legal representative's card", func(in *packager.Inspection) { agent(in); in.Case.Consent = nil },
			[]string{"warn CONSENT_MISSING legal_rep_id_portrait"}},
		{"consent without evidence", func(in *packager.Inspection) { agent(in); in.Case.Consent[0].Evidence = nil },
			[]string{"info CONSENT_WITHOUT_EVIDENCE legal_rep_id_portrait"}},
		{"consent of tomorrow", func(in *packager.Inspection) { agent(in); in.Case.Consent[0].On = day("2026-11-23") },
			[]string{"warn CONSENT_IN_FUTURE legal_rep_id_portrait"}},
		{"employee without consent", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙", IDNumber: "440399200106300033"}
			in.Files = append(in.Files, photo("materials/合同.jpg", "labour_contract"))
		}, []string{"warn CONSENT_MISSING labour_contract"}},
		{"employee's certificate of employment without consent", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙", IDNumber: "440399200106300033"}
			in.Rules.Catalogue["employment_certificate"] = packager.MaterialSpec{ID: "employment_certificate", Part: "special", Personal: true}
			in.Files = append(in.Files, photo("materials/在职证明.jpg", "employment_certificate"))
		}, []string{"warn CONSENT_MISSING employment_certificate"}},
		{"the certificate of employment of somebody else", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙"}
			in.Case.Papers["employment_certificate"] = packager.Paper{Name: "样本己"}
		}, []string{"block PERSON_DIFFERS employment_certificate"}},
		{"pack wants the employee's consent", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙"}
			in.Files = append(in.Files, photo("materials/合同.jpg", "labour_contract"))
			in.Rules.Requirements = append(in.Rules.Requirements, packager.Requirement{ID: "employee_consent", Kind: packager.KindDeclaration, Severity: packager.Block, Outcome: packager.Holds})
		}, []string{"block CONSENT_MISSING employee_consent"}},
		{"employee named, none of their papers inside", func(in *packager.Inspection) { in.Case.Employee = &packager.Person{Name: "样本丙"} }, nil},
		{"the contract of somebody else", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙"}
			in.Case.Papers["labour_contract"] = packager.Paper{Name: "样本己"}
		}, []string{"block PERSON_DIFFERS labour_contract"}},
		{"the contract names the employer", func(in *packager.Inspection) {
			in.Case.Employee = &packager.Person{Name: "样本丙"}
			in.Case.Papers["labour_contract"] = packager.Paper{Name: "样本科技有限公司"}
		}, nil},

		// The same picture twice.
		{"one picture for both sides", func(in *packager.Inspection) {
			*file(in, emblem).Picture = *file(in, portrait).Picture
			file(in, emblem).SHA256 = file(in, portrait).SHA256
		}, []string{"block SAME_FILE_TWICE legal_rep_id_emblem"}},
		{"one picture for both sides, saved anew", func(in *packager.Inspection) {
			file(in, emblem).Picture.PHash = file(in, portrait).Picture.PHash ^ 0b1111
		}, []string{"block SAME_PICTURE_TWICE legal_rep_id_emblem"}},
		{"five bits apart", func(in *packager.Inspection) {
			file(in, emblem).Picture.PHash = file(in, portrait).Picture.PHash ^ 0b11111
		}, nil},
		{"letter looks like the licence: pages of text do", func(in *packager.Inspection) {
			file(in, letter).Picture.PHash = file(in, licence).Picture.PHash
		}, nil},
		{"card looks like the licence", func(in *packager.Inspection) {
			file(in, portrait).Picture.PHash = file(in, licence).Picture.PHash
		}, []string{"block SAME_PICTURE_TWICE legal_rep_id_portrait"}},
		{"emblem sides of two persons look alike", func(in *packager.Inspection) {
			agent(in)
			f := photo("materials/经办人国徽面.jpg", "agent_id_emblem")
			f.Picture.PHash = file(in, emblem).Picture.PHash
			in.Files = append(in.Files, f, photo("materials/经办人人像面.jpg", "agent_id_portrait"))
		}, nil},
		{"one scan of both sides under two names", func(in *packager.Inspection) {
			for _, p := range []string{portrait, emblem} {
				f := file(in, p)
				f.SHA256, f.Form, f.Pages, f.Picture = "both", packager.FormPDF, 2, nil
			}
		}, []string{"warn SAME_FILE_TWICE legal_rep_id_emblem"}},
		{"one file for two persons", func(in *packager.Inspection) {
			agent(in)
			f := photo("materials/经办人国徽面.jpg", "agent_id_emblem")
			f.SHA256 = file(in, emblem).SHA256
			in.Files = append(in.Files, f, photo("materials/经办人人像面.jpg", "agent_id_portrait"))
		}, []string{"block SAME_FILE_TWICE agent_id_emblem"}},
		{"licence once more under another name", func(in *packager.Inspection) {
			f := photo("materials/执照2.jpg", "business_licence")
			f.SHA256, f.QR = file(in, licence).SHA256, file(in, licence).QR
			in.Files = append(in.Files, f)
		}, []string{"info FILE_REPEATED business_licence"}},
		{"one photo of the licence, saved twice", func(in *packager.Inspection) {
			f := photo("materials/执照2.jpg", "business_licence")
			f.Picture.PHash, f.QR = file(in, licence).Picture.PHash^1, file(in, licence).QR
			in.Files = append(in.Files, f)
		}, []string{"warn SAME_PICTURE_TWICE business_licence"}},
		{"one photo named for licence and letter", func(in *packager.Inspection) {
			remove(in, letter)
			file(in, licence).IDs = []string{"business_licence", "application_letter"}
		}, []string{"block SAME_FILE_TWICE application_letter"}},
		{"one scan of five pages named for licence and letter", func(in *packager.Inspection) {
			remove(in, letter)
			f := file(in, licence)
			f.IDs, f.Form, f.Pages, f.Picture = []string{"business_licence", "application_letter"}, packager.FormPDF, 5, nil
		}, nil},

		// Pictures.
		{"320 × 200", func(in *packager.Inspection) {
			file(in, licence).Picture.Width, file(in, licence).Picture.Height = 320, 200
		},
			[]string{"block PICTURE_TOO_SMALL business_licence"}},
		{"800 × 500", func(in *packager.Inspection) {
			file(in, licence).Picture.Width, file(in, licence).Picture.Height = 800, 500
		},
			[]string{"warn PICTURE_SMALL business_licence"}},
		{"blurred", func(in *packager.Inspection) { file(in, licence).Picture.Sharpness = 5 }, []string{"warn PICTURE_BLURRED business_licence"}},
		{"dark", func(in *packager.Inspection) { file(in, licence).Picture.Brightness = 0.1 }, []string{"warn PICTURE_DARK business_licence"}},
		{"pale", func(in *packager.Inspection) { file(in, licence).Picture.Contrast = 0.01 }, []string{"warn PICTURE_PALE business_licence"}},
		{"glare", func(in *packager.Inspection) { file(in, licence).Picture.Glare = 0.2 }, []string{"warn PICTURE_GLARE business_licence"}},
		{"tilted 30°", func(in *packager.Inspection) { file(in, licence).Picture.SkewDegrees = -30 }, []string{"warn PICTURE_SKEWED business_licence"}},
		{"an even surface", func(in *packager.Inspection) {
			file(in, licence).Picture.Blank, file(in, licence).Picture.Contrast = true, 0.001
		}, []string{"block PICTURE_BLANK business_licence"}},
		{"an empty sheet by a window", func(in *packager.Inspection) {
			file(in, licence).Picture.Blank, file(in, licence).Picture.Contrast = true, 0.08
		}, []string{"warn PICTURE_BLANK business_licence"}},
		{"so dark that it measures as blank", func(in *packager.Inspection) {
			p := file(in, licence).Picture
			p.Blank, p.Contrast, p.Brightness = true, 0.035, 0.09
		}, []string{"warn PICTURE_DARK business_licence"}},
		{"so pale that it measures as blank", func(in *packager.Inspection) {
			p := file(in, licence).Picture
			p.Blank, p.Contrast, p.Brightness = true, 0.015, 0.99
		}, []string{"warn PICTURE_PALE business_licence"}},
		{"screenshot of a licence", func(in *packager.Inspection) { file(in, licence).Picture.Screenshot = true }, []string{"warn PICTURE_SCREENSHOT business_licence"}},
		{"photo of a screen", func(in *packager.Inspection) { file(in, licence).Picture.ScreenPhoto = true }, []string{"warn PICTURE_OF_SCREEN business_licence"}},
		{"screenshot as evidence", func(in *packager.Inspection) { file(in, "materials/关闭.png").Picture.Screenshot = true }, nil},
		{"place of the photo", func(in *packager.Inspection) { file(in, licence).Picture.HasGPS = true }, []string{"info PICTURE_HAS_GPS business_licence"}},

		// Names of files.
		{"identity number in the name of a file", func(in *packager.Inspection) {
			file(in, portrait).Path = "materials/身份证人像面110199198001010016.jpg"
		}, []string{"block FILE_NAME_HAS_ID legal_rep_id_portrait"}},
		{"passport number in the name of a folder", func(in *packager.Inspection) {
			p := legal(in)
			p.IDType, p.IDNumber = "passport", "C01X00T47"
			requirement(in, "legal_rep_id_portrait").AnyOf = []string{"legal_rep_passport"}
			file(in, portrait).IDs, file(in, portrait).Path = []string{"legal_rep_passport"}, "materials/c01x00t47/护照.jpg"
		}, []string{"block FILE_NAME_HAS_ID legal_rep_passport"}},
		{"identity number in a name, and something else to say about the file", func(in *packager.Inspection) {
			file(in, licence).Path = "materials/110199198001010016.jpg"
			file(in, "materials/110199198001010016.jpg").Picture.Sharpness = 5
		}, []string{"block FILE_NAME_HAS_ID business_licence", "warn PICTURE_BLURRED business_licence"}},
		{"the name of a file that goes nowhere", func(in *packager.Inspection) {
			in.Files = append(in.Files, packager.Inspected{Material: packager.Material{Path: "materials/110199198001010016.txt", Role: packager.RoleUnplaced}})
		}, nil},
		{"mobile number in the name of a file", func(in *packager.Inspection) {
			file(in, licence).Path = "materials/13800138000.jpg"
		}, []string{"warn FILE_NAME_HAS_PHONE business_licence"}},
		{"a fact of tomorrow that two requirements read", func(in *packager.Inspection) {
			two := *requirement(in, "auto_renewal_off")
			two.ID = "two"
			in.Rules.Requirements = append(in.Rules.Requirements, two)
			f := in.Case.Facts["auto_renewal_off"]
			f.On = day("2026-11-23")
			in.Case.Facts["auto_renewal_off"] = f
		}, []string{"warn FACT_IN_FUTURE auto_renewal_off"}},

		// Provenance.
		{"grade C", func(in *packager.Inspection) { requirement(in, "articles").Rules[0].Confidence = "C" }, []string{"info RULE_UNCONFIRMED articles"}},
		{"grade C beside grade S", func(in *packager.Inspection) {
			r := requirement(in, "articles")
			r.Rules = append(r.Rules, packager.Rule{ID: "T-B2", Confidence: "C"})
		}, nil},
		{"doubt", func(in *packager.Inspection) {
			in.Rules.Doubts = []packager.Doubt{{ID: "D-1", Rules: []string{"T-B1"}, Default: "a", Readings: []packager.Reading{{ID: "a", Text: packager.Text{ZH: "甲说", EN: "a"}}}}}
		}, []string{"info SOURCES_DISAGREE"}},
		{"unconfirmed pack", func(in *packager.Inspection) { in.Rules.Unconfirmed = true }, []string{"warn RULE_PACK_UNCONFIRMED"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			in := base()
			x.change(in)
			r := Check(in)
			got := all(r)
			if !reflect.DeepEqual(got, x.want) {
				t.Errorf("got  %q\nwant %q", got, x.want)
			}
			blocked := slices.ContainsFunc(x.want, func(w string) bool { return strings.HasPrefix(w, "block") })
			if r.Complete() == blocked {
				t.Errorf("complete: %t", r.Complete())
			}
			for _, f := range r.Findings {
				spoken(t, words, f)
				if strings.Contains(f.Material, "110199198001010016") || strings.Contains(f.Material, "C01X00T47") {
					t.Errorf("%s: the name of a file holds an identity number", f.Code)
				}
				for k, v := range f.Args {
					for _, number := range []string{"110199198001010016", "110199198001010017", "310199198512310026", "440399200106300033", "110199800101001"} {
						if strings.Contains(v, number) {
							t.Errorf("%s: %s holds an identity number", f.Code, k)
						}
					}
				}
			}
		})
	}
}

// messy is a case with as much wrong as fits into one.
func messy() *packager.Inspection {
	in := base()
	in.Case.Applicant.USCC = "9I33O106673959654P"
	in.Case.Applicant.LegalRepresentative.IDNumber = "11O199199OO2290018"
	in.Case.Agent = &packager.Person{Name: "样本乙", IDNumber: "x"}
	in.Case.Facts["auto_renewal_off"] = packager.Fact{Value: true, On: day("2026-12-01")}
	for _, id := range []string{"application_letter", "authorization_letter", "business_licence", "legal_rep_id_portrait", "labour_contract"} {
		in.Case.Papers[id] = packager.Paper{Undated: id == "authorization_letter", Dated: day("2027-01-01"), Sealed: ptr(false), Signed: ptr(false), Addressee: "别家", AccountID: "别号",
			Name: "别家公司", USCC: "9144030071526726XG", LegalRepresentative: "别人", Agent: "别人", IDNumber: "310199198512310026", ValidFrom: day("2027-01-01"), ValidUntil: day("2020-01-01")}
	}
	for i := range in.Files {
		f := &in.Files[i]
		f.SHA256 = "same"
		f.Fields = []packager.Field{read("name", "又一家公司"), proven("uscc", "91110000802100433B", "qr"), read("valid_until", "2020.01.01"), read("dated", "2030年1月1日")}
	}
	in.Rules.Doubts = []packager.Doubt{{ID: "D-1"}, {ID: "D-2"}}
	in.Rules.Unconfirmed = true
	in.Findings = []packager.Finding{{Code: "FILE_UNPLACED", Severity: packager.Info, Material: "materials/x"}}
	return in
}

// Papers that no machine has read are named; what is no paper, or cannot be
// shown, is not.
func TestUnread(t *testing.T) {
	in := base()
	file(in, "materials/申请函.jpg").ReadBy = "ocr"
	file(in, "materials/身份证国徽面.jpg").Unusable = "PICTURE_UNREADABLE"
	if got := Check(in).Unread; !slices.Equal(got, []string{"materials/营业执照.jpg", "materials/身份证人像面.jpg"}) {
		t.Error(got)
	}
}

func TestSameInspectionGivesSameReport(t *testing.T) {
	first := Check(messy())
	if len(first.Findings) < 30 {
		t.Fatalf("only %d findings", len(first.Findings))
	}
	for range 20 {
		if again := Check(messy()); !reflect.DeepEqual(again, first) {
			t.Fatalf("two runs differ:\n%q\n%q", all(first), all(again))
		}
	}
	if !slices.IsSortedFunc(first.Findings, func(a, b packager.Finding) int { return a.Severity.Rank() - b.Severity.Rank() }) {
		t.Errorf("not the most urgent first: %q", all(first))
	}
}

func TestCheckChangesNothing(t *testing.T) {
	in, want := messy(), messy()
	Check(in)
	if !reflect.DeepEqual(in, want) {
		t.Error("the inspection was changed")
	}
}

func TestAgreementTable(t *testing.T) {
	in := base()
	in.Case.Papers["application_letter"] = packager.Paper{Name: "样本科技有限责任公司", AccountID: "gh_0123456789ab"}
	unsure := read("legal_representative", "测试申")
	unsure.Confidence = 0.3
	file(in, "materials/营业执照.jpg").Fields = []packager.Field{
		proven("uscc", "91330106673959654P", "qr"), proven("uscc", "91330106673959654P", "ocr"), // one paper, one cell
		unsure,
	}
	got := map[string]packager.Agreement{}
	for _, row := range Check(in).Agreement {
		got[row.Field] = row
	}
	for field, want := range map[string][]packager.AgreementCell{
		"name":                 {{Material: "materials/申请函.jpg", Value: "样本科技有限责任公司", By: []string{"user"}, State: packager.Warn}},
		"uscc":                 {{Material: "materials/营业执照.jpg", Value: "91330106673959654P", By: []string{"qr", "ocr"}, State: packager.StateOK}},
		"legal_representative": {{Material: "materials/营业执照.jpg", Value: "测试申", By: []string{"ocr"}, State: packager.Info}},
		"account_id":           {{Material: "materials/申请函.jpg", Value: "gh_0123456789ab", By: []string{"user"}, State: packager.StateOK}},
		"agent":                nil,
	} {
		if row, ok := got[field]; !ok || !reflect.DeepEqual(row.Read, want) {
			t.Errorf("%s: %+v", field, row)
		}
	}
}

// What the contract calls a case without anything that may be left out has to
// pass as far as check is concerned: no papers, no consent, no facts.
func TestMinimalCaseIsNotBlocked(t *testing.T) {
	in := base()
	k := in.Case
	in.Case = &packager.Case{Platform: k.Platform, Application: "close", Account: packager.Account{ID: k.Account.ID},
		Applicant: packager.Applicant{Name: k.Applicant.Name, USCC: k.Applicant.USCC}}
	requirement(in, "auto_renewal_off").Outcome = packager.Unknown
	remove(in, "materials/关闭.png")
	if r := Check(in); !r.Complete() {
		t.Errorf("blocked: %q", all(r))
	}
}

package inspect

import (
	"path"
	"slices"
	"strings"

	"dossier/packager"
)

// facts are what the content of a file says, whatever the file is for. They
// are what the cache keeps, as JSON.
type facts struct {
	Media   string
	Form    packager.Form
	Exts    []string // extensions that fit the content
	Pages   int
	Picture *packager.Picture
	PDF     *packager.PDFInfo
	Archive *packager.Archive
	QR      []string
	Fields  []packager.Field
	ReadBy  string // "text", "ocr" or ""
	// Shown is a PDF made of an office file, or "", and ShownSum its digest. No
	// record of the cache has them.
	Shown, ShownSum string
	// Class is the kind of paper that the text shows, by ClassWord.
	Class     class
	ClassWord string
	Problems  []problem
}

// problem is something wrong with a content, or worth saying about it.
type problem struct {
	Code string
	Args packager.Args
	// Fatal: the content cannot be shown, or a backup cannot be restored.
	Fatal bool
}

func (f *facts) fatal(code string, args packager.Args) {
	f.Problems = append(f.Problems, problem{code, args, true})
}

func (f *facts) note(code string, args packager.Args) {
	f.Problems = append(f.Problems, problem{code, args, false})
}

// severities of what is said about a content that can still be used.
var severities = map[string]packager.Severity{
	"PDF_OPENED_WITH_EMPTY_PASSWORD": packager.Info,
	"PDF_OPENED_WITH_PASSWORD":       packager.Info,
	"PDF_SIGNED":                     packager.Info,
	"PDF_SIGNATURE_LOST":             packager.Warn,
	"PDF_SIGNATURE_UNCLEAR":          packager.Info,
	"PDF_ATTACHMENTS":                packager.Info,
	"PDF_REPAIRED":                   packager.Warn,
	"PDF_ACTIVE_CONTENT":             packager.Warn,
	"PDF_XFA":                        packager.Warn,
	"ARCHIVE_ENCRYPTED":              packager.Warn,
	"ARCHIVE_UNSAFE_PATH":            packager.Warn,
	"ARCHIVE_NESTED":                 packager.Info,
	"ARCHIVE_NOT_TESTED":             packager.Info,
	"OFFICE_CONVERTED":               packager.Info,
	"OFFICE_NOT_CONVERTED":           packager.Warn,
	"PICTURE_NOT_MEASURED":           packager.Info,
	"EXPORT_NOT_COUNTED":             packager.Info,
	"TYPE_DIFFERS_FROM_NAME":         packager.Warn,
}

// judge says what the facts mean for a file in its role: the findings, and why
// its content is unusable, if it is.
func judge(m packager.Material, f *facts) (packager.Inspected, []packager.Finding) {
	in := packager.Inspected{
		Material: m, Media: f.Media, Form: f.Form, Pages: f.Pages,
		Picture: f.Picture, PDF: f.PDF, Archive: f.Archive, QR: f.QR, Fields: f.Fields, ReadBy: f.ReadBy, Shown: f.Shown, ShownSHA256: f.ShownSum,
	}
	problems := slices.Clone(f.Problems)
	if k := (kind{exts: f.Exts}); !k.fits(m.Path) {
		problems = append(problems, problem{Code: "TYPE_DIFFERS_FROM_NAME", Args: packager.Args{"type": f.Media}})
	}
	broken := slices.ContainsFunc(problems, func(p problem) bool { return p.Fatal })
	if p := asMaterial(m, f); p != nil && !broken {
		// what is no material need not be whole
		problems = slices.DeleteFunc(problems, func(p problem) bool { return p.Code == "ARCHIVE_NOT_TESTED" })
		problems = append(problems, *p)
	}
	var found []packager.Finding
	for _, p := range problems {
		if fatalFor(m.Role, p) && in.Unusable == "" {
			in.Unusable = p.Code
		}
		args := packager.Args{"path": m.Path}
		for k, v := range p.Args {
			args[k] = v
		}
		req := ""
		if len(m.IDs) > 0 {
			req = m.IDs[0]
		}
		found = append(found, packager.Finding{Code: p.Code, Severity: severity(m.Role, p), Requirement: req, Material: m.Path, Args: args})
	}
	if m.Bytes == 0 && in.Unusable == "" {
		in.Unusable = "FILE_EMPTY" // collect has said so
	}
	return in, found
}

// lost are the problems that take data away. A backup with another one, such
// as a password, cannot be shown; it is kept whole all the same.
var lost = map[string]bool{
	"ARCHIVE_CORRUPT": true, "ARCHIVE_EMPTY": true, "ARCHIVE_ONLY_FOLDERS": true, "ARCHIVE_BOMB": true,
	"FILE_CHANGED": true, "FILE_UNREADABLE": true,
}

func fatalFor(role packager.Role, p problem) bool {
	return p.Fatal && (role != packager.RoleBackup || lost[p.Code])
}

// severity of a problem by what the file is for: a file that stands for
// nothing stops nothing, and what stays out of the bundle only warns.
func severity(role packager.Role, p problem) packager.Severity {
	sev, ok := severities[p.Code]
	if p.Fatal || !ok {
		sev = packager.Block
	}
	switch {
	case role == packager.RoleUnplaced:
		return packager.Info
	case sev == packager.Block && (role == packager.RoleConsent || !fatalFor(role, p)):
		return packager.Warn
	}
	return sev
}

// asMaterial says why a sound file cannot be shown as a page. Backups are not
// shown, so any form will do for them.
func asMaterial(m packager.Material, f *facts) *problem {
	if !m.Role.InBundle() || m.Bytes == 0 {
		return nil
	}
	code := ""
	switch f.Form {
	case packager.FormPicture, packager.FormPDF:
		return nil
	case packager.FormArchive:
		code = "ARCHIVE_AS_MATERIAL"
		if f.Media == kindRAR.media {
			code = "RAR_FILE"
		}
	case packager.FormOffice:
		if f.Shown != "" {
			return nil
		}
		code = "OFFICE_FILE"
		switch strings.ToLower(path.Ext(m.Path)) {
		case ".wps", ".et", ".dps":
			code = "WPS_FILE"
		}
	case packager.FormOFD:
		code = "OFD_FILE"
	default:
		code = "FORMAT_NOT_PRINTABLE"
		switch f.Media {
		case kindIWork.media:
			code = "IWORK_FILE"
		case kindEML.media, kindMSG.media:
			code = "EMAIL_FILE"
		case kindOther.media:
			code = "FORMAT_UNKNOWN"
		}
	}
	return &problem{Code: code, Args: packager.Args{"type": f.Media}, Fatal: true}
}

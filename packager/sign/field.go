package sign

import (
	"errors"
	"fmt"
	"strconv"

	"dossier/packager"
	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/stamp"
)

// addSignature adds the signature dictionary, its field, which is its widget
// as well, and the stamp (ISO 32000-1 §12.7.4.5, §12.8.1). id tells this
// revision from all others.
func addSignature(doc *pdfinc.File, u *pdfinc.Update, key *Key, place packager.StampPlace, opt Options, id []byte, reserve int) error {
	page, err := doc.Page(max(1, place.Page))
	if errors.Is(err, pdfinc.ErrNoPage) {
		return fault("SIGN_PDF_PAGE", packager.Args{"page": strconv.Itoa(place.Page)}, nil)
	}
	if err != nil {
		return err
	}
	name := opt.Name
	if name == "" {
		name = key.SubjectName()
	}
	d := pdfinc.Dict{}.With("Type", "/Sig").With("Filter", "/Adobe.PPKLite").
		With("SubFilter", "/ETSI.CAdES.detached").With("M", pdfDate(opt.Now)).With("Name", pdfinc.Text(name))
	if opt.Reason != "" {
		d = d.With("Reason", pdfinc.Text(opt.Reason))
	}
	if opt.Location != "" {
		d = d.With("Location", pdfinc.Text(opt.Location))
	}
	if opt.Certify > 0 {
		d = d.With("Reference", fmt.Sprintf("[<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/P %d/V/1.2>>>>]", opt.Certify))
	}
	sig := u.AddSignature(d, reserve)
	if opt.Certify > 0 {
		if err := certify(u, sig); err != nil {
			return err
		}
	}

	rect, appearance := "[0 0 0 0]", ""
	if len(opt.Stamp.Lines) > 0 && place.W > 0 && place.H > 0 {
		form, err := stamp.Form(u, opt.FontRegular, opt.Stamp.Lines, place.W, place.H, page.Rotate)
		if err != nil {
			return err
		}
		rect = fmt.Sprintf("[%.2f %.2f %.2f %.2f]", place.X, place.Y, place.X+place.W, place.Y+place.H)
		appearance = fmt.Sprintf("/AP<</N %v>>", form)
	}
	if err := declareExtension(doc, u); err != nil {
		return err
	}
	return addField(u, page, sig, fmt.Sprintf("Signature-%x", id[:4]), rect, appearance)
}

// certify makes sig the certification signature of the document.
func certify(u *pdfinc.Update, sig pdfinc.Ref) error {
	cat, root, err := u.Catalog()
	if err != nil {
		return err
	}
	var perms pdfinc.Dict
	if v, err := u.Resolve(cat.Get("Perms")); err != nil {
		return err
	} else if v != nil && string(v) != "null" {
		if perms, err = pdfinc.ParseDict(v); err != nil {
			return err
		}
	}
	u.Put(root, cat.With("Perms", perms.With("DocMDP", sig.String()).String()).String())
	return nil
}

// addField adds a signature field on the page. /F 132 is Print and Locked.
func addField(u *pdfinc.Update, page *pdfinc.Page, sig pdfinc.Ref, title, rect, appearance string) error {
	field := u.Add(fmt.Sprintf("<</Type/Annot/Subtype/Widget/FT/Sig/T %s/V %v/P %v/F 132/Rect %s%s>>",
		pdfinc.Text(title), sig, page.Ref, rect, appearance))
	if err := u.Append(page.Dict, page.Ref, "Annots", field.String()); err != nil {
		return err
	}
	form, at, err := acroForm(u)
	if err != nil {
		return err
	}
	return u.Append(form, at, "Fields", field.String())
}

// acroForm returns the interactive form with /SigFlags 3 (SignaturesExist and
// AppendOnly) as an object of its own.
func acroForm(u *pdfinc.Update) (pdfinc.Dict, pdfinc.Ref, error) {
	cat, root, err := u.Catalog()
	if err != nil {
		return nil, root, err
	}
	src := cat.Get("AcroForm")
	at, indirect := pdfinc.ParseRef(src)
	var form pdfinc.Dict
	if v, err := u.Resolve(src); err != nil {
		return nil, root, err
	} else if v != nil && string(v) != "null" {
		if form, err = pdfinc.ParseDict(v); err != nil {
			return nil, root, err
		}
	}
	if !indirect {
		at = u.Reserve()
		u.Put(root, cat.With("AcroForm", at.String()).String())
	}
	if !indirect || string(form.Get("SigFlags")) != "3" {
		form = form.With("SigFlags", "3")
		u.Put(at, form.String())
	}
	return form, at, nil
}

// declareExtension makes the document 1.7 at least and, below 2.0, names the
// ETSI extension. Level 5 covers the DSS and document timestamps too, so that
// a later revision has nothing to change here.
func declareExtension(doc *pdfinc.File, u *pdfinc.Update) error {
	if doc.Version[0] >= 2 {
		return nil
	}
	cat, root, err := u.Catalog()
	if err != nil {
		return err
	}
	var ext pdfinc.Dict
	if src := cat.Get("Extensions"); src != nil {
		v, err := u.Resolve(src)
		if err != nil {
			return err
		}
		if ext, err = pdfinc.ParseDict(v); err != nil {
			return err
		}
		if ext.Get("ESIC") != nil && doc.Version[1] >= 7 {
			return nil
		}
	}
	ext = ext.With("ESIC", "<</BaseVersion/1.7/ExtensionLevel 5>>")
	cat = cat.With("Extensions", ext.String())
	if doc.Version[1] < 7 {
		cat = cat.With("Version", "/1.7")
	}
	u.Put(root, cat.String())
	return nil
}

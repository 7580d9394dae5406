package inspect

import (
	"context"
	"slices"
	"strconv"

	"dossier/packager"
)

// locked reports whether nothing but a password is missing.
func (f *facts) locked() bool {
	return f != nil && slices.ContainsFunc(f.Problems, func(p problem) bool { return p.Code == "PDF_ENCRYPTED" })
}

// unlock looks at an encrypted PDF with the passwords that Options.Passwords
// gives, until one opens it, and returns that one. Password and content stay in
// memory and in the pipe to the helper: no file is made and no record kept.
func (x *Inspector) unlock(ctx context.Context, m packager.Material, f *facts, w want) (*facts, packager.Secret) {
	if x.opt.Passwords == nil {
		return f, ""
	}
	for wrong := 0; ctx.Err() == nil; wrong++ {
		password, ok := x.opt.Passwords(m, wrong)
		if !ok {
			if wrong == 0 {
				return f, ""
			}
			refused := *f
			refused.Problems = nil
			refused.fatal("PDF_PASSWORD_WRONG", packager.Args{"tried": strconv.Itoa(wrong)})
			return &refused, ""
		}
		w.Password = password.Reveal()
		opened := x.facts(ctx, m, w)
		if opened == nil || opened.locked() {
			continue
		}
		if !slices.ContainsFunc(opened.Problems, func(p problem) bool { return p.Fatal }) {
			opened.note("PDF_OPENED_WITH_PASSWORD", nil)
		}
		return opened, password
	}
	return f, ""
}

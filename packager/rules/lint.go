package rules

import (
	"dossier/packager"
)

func (l *Library) lint(p *loaded) packager.Diagnostics { return nil }

func (p *loaded) celDiagnostics(path, text string, wrong []celError) packager.Diagnostics {
	var all packager.Diagnostics
	for _, w := range wrong {
		d := p.doc.Diagnostic("RULE_CEL", path, packager.Args{"detail": w.message}, "")
		d.Pos = p.doc.Inside(path, w.line, w.column)
		all = append(all, d)
	}
	return all
}

package sign

import (
	"dossier/packager"
	"dossier/packager/i18n"
)

// StampLines returns the text of the stamp in the reader's language: who,
// when, why, the certificate's fingerprint, the head of the audit log, and for
// a certificate that vouches for itself what it does not prove.
func StampLines(p *i18n.Printer, key *Key, opt Options) []string {
	name := opt.Name
	if name == "" {
		name = key.SubjectName()
	}
	args := packager.Args{
		"name":        name,
		"time":        opt.Now.In(packager.Shanghai).Format("2006-01-02 15:04:05 +08:00"),
		"reason":      opt.Reason,
		"location":    opt.Location,
		"issuer":      key.Certificate().Issuer.CommonName,
		"fingerprint": key.Fingerprint(),
		"audit":       opt.AuditHead,
	}
	lines := []string{p.Text("sign.stamp.title", args), p.Text("sign.stamp.name", args), p.Text("sign.stamp.time", args)}
	if opt.Reason != "" {
		lines = append(lines, p.Text("sign.stamp.reason", args))
	}
	if opt.Location != "" {
		lines = append(lines, p.Text("sign.stamp.location", args))
	}
	if !key.SelfSigned() && args["issuer"] != "" {
		lines = append(lines, p.Text("sign.stamp.issuer", args))
	}
	lines = append(lines, p.Text("sign.stamp.fingerprint", args))
	if opt.AuditHead != "" {
		lines = append(lines, p.Text("sign.stamp.audit", args))
	}
	if key.SelfSigned() {
		lines = append(lines, p.Text("sign.stamp.self", args))
	}
	return lines
}

package pipeline

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/verify"
)

// MaterialSignatures says what state the signatures of a material PDF are in,
// with the reader that verify judges bundles with: offline, and repairing
// nothing. No roots are given, since whom to trust is not asked here; what
// comes out does not depend on the day.
func MaterialSignatures(ctx context.Context, path string) ([]packager.MaterialSignature, error) {
	v, err := verify.PDF(ctx, path, verify.Options{})
	if err != nil {
		return nil, err
	}
	var out []packager.MaterialSignature
	for _, s := range v.Signatures {
		out = append(out, holding(s, v))
	}
	for _, c := range v.Checks {
		said := slices.ContainsFunc(out, func(s packager.MaterialSignature) bool { return s.Field == c.Args["field"] })
		if !c.OK && !said && (c.Name == "pdf.signature" || c.Name == "pdf.readable") {
			out = append(out, failing(c))
		}
	}
	return out, nil
}

// holding is a signature that belongs to what it covers.
func holding(s packager.SignatureReport, v *packager.Verdict) packager.MaterialSignature {
	m := packager.MaterialSignature{
		Field: s.Field, Kind: s.Kind, Level: s.Level, State: packager.SignatureIntact,
		Signer: hideNumbers(s.Signer), SHA256Fingerprint: s.SHA256Fingerprint,
		Time: s.Time, TSA: s.TSA, Claimed: s.Claimed, Reason: hideNumbers(s.Reason),
	}
	if len(s.Chain) > 0 {
		own := s.Chain[0]
		m.Issuer = hideNumbers(commonName(own.Issuer))
		m.ValidFrom, m.ValidUntil = dateOf(own.NotBefore), dateOf(own.NotAfter)
	}
	if c := against(s, v); c != nil {
		m.Code, m.Cause, m.Args = c.Code, c.Cause, c.Args
		switch c.Code {
		case "VERIFY_REVOKED", "VERIFY_CERTIFICATE_TIME":
			m.State = packager.SignatureVoid
		case "VERIFY_TIMESTAMP_BAD", "VERIFY_CERTIFICATE", "VERIFY_CMS", "VERIFY_REVISION_DAMAGED", "VERIFY_PDF_DAMAGED":
			m.State = packager.SignatureUnclear
		default:
			m.State = packager.SignatureAltered
		}
	}
	return m
}

// against is the check that speaks against a signature which holds by itself:
// one of its own, or of what a revision after it changed. That a certificate
// is not yet valid today says nothing about the paper, and a manifest is
// nothing that other papers than bundles have.
func against(s packager.SignatureReport, v *packager.Verdict) *packager.VerifyCheck {
	revoked := slices.ContainsFunc(s.Chain, func(c packager.CertificateReport) bool { return c.Revocation == "revoked" })
	later := func(n string) bool { // a revision that is not covered by s
		i := slices.IndexFunc(v.Revisions, func(r packager.RevisionReport) bool { return strconv.Itoa(r.Number) == n })
		return i < 0 || v.Revisions[i].From >= s.Covers
	}
	var coverage *packager.VerifyCheck
	for i := range v.Checks {
		c := &v.Checks[i]
		if c.OK || c.Code == "VERIFY_CERTIFICATE_EARLY" {
			continue
		}
		switch c.Name {
		case "pdf.signature", "pdf.timestamp", "pdf.certificate":
			if c.Args["field"] == s.Field {
				return c
			}
		case "pdf.revocation":
			if revoked {
				return c
			}
		case "pdf.revision":
			if later(c.Args["n"]) {
				return c
			}
		case "pdf.coverage":
			coverage = c
		}
	}
	return coverage
}

// failing is a signature that does not hold, or a file that cannot be followed
// far enough to judge any.
func failing(c packager.VerifyCheck) packager.MaterialSignature {
	state := packager.SignatureUnclear
	if c.Code == "VERIFY_CHANGED" || c.Code == "VERIFY_WRAPPED" || c.Cause == "verify.why.cms.signature" {
		state = packager.SignatureBroken
	}
	return packager.MaterialSignature{Field: c.Args["field"], Kind: "approval", State: state, Code: c.Code, Cause: c.Cause, Args: c.Args}
}

// numbers are what certificates of persons have in their names: an identity
// number among other digits and letters.
var numbers = regexp.MustCompile(`[0-9]{14,17}[0-9Xx]`)

func hideNumbers(s string) string {
	return numbers.ReplaceAllStringFunc(s, func(n string) string {
		return n[:3] + strings.Repeat("*", len(n)-7) + n[len(n)-4:]
	})
}

// commonName is the CN of a distinguished name (RFC 2253), else all of it.
func commonName(name string) string {
	for part := range strings.SplitSeq(name, ",") {
		if cn, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return cn
		}
	}
	return name
}

// dateOf is the day of an RFC 3339 time; none where there is no time.
func dateOf(s string) packager.Day {
	date, _, _ := strings.Cut(s, "T")
	d, err := packager.ParseDay(date)
	if err != nil {
		return packager.Day{}
	}
	return d
}

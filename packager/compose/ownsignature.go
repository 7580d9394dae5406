package compose

import (
	"strconv"
	"strings"
	"time"

	"dossier/packager"
)

// The state of the signatures that a material brings along is printed on its
// page: in the bundle only their look is left, the file itself is attached.

// mostSignatures is how many of a paper's signatures have a line of their own.
const mostSignatures = 4

const signatureIndent = 15.0

// signatureNote says that the original is attached.
func (b *book) signatureNote(s *shown) string { return b.t("item.signed", "name", s.attached) }

// ownSignatures are the lines about a material's signatures, with their signs.
func (b *book) ownSignatures(it *packager.Item, s *shown) (lines []string, states []packager.Severity) {
	if !s.signed {
		return nil, nil
	}
	all := it.File.PDF.Signed
	for _, sig := range all[:min(len(all), mostSignatures)] {
		lines, states = append(lines, b.ownSignature(sig)), append(states, signState[sig.State])
	}
	if n := len(all) - mostSignatures; n > 0 {
		lines, states = append(lines, b.t("item.signature_more", "n", strconv.Itoa(n))), append(states, packager.Info)
	}
	return lines, states
}

var signState = map[packager.SignatureState]packager.Severity{
	packager.SignatureIntact:  packager.StateOK,
	packager.SignatureAltered: packager.Warn,
	packager.SignatureBroken:  packager.Block,
	packager.SignatureVoid:    packager.Block,
	packager.SignatureUnclear: packager.Info,
}

// ownSignature says who signed, in which state that is today, and when it was
// made.
func (b *book) ownSignature(s packager.MaterialSignature) string {
	who := s.Signer
	switch {
	case who == "":
		who = b.t("item.signature_unnamed")
	case s.Issuer == s.Signer:
		who = b.t("item.signature_self", "signer", who)
	case s.Issuer != "":
		who = b.t("item.signature_by", "signer", who, "issuer", s.Issuer)
	}
	when := ""
	if at, err := time.Parse(time.RFC3339, s.Time); err == nil {
		when = b.t("item.signature_time", "day", packager.DayOf(at).String(), "tsa", s.TSA)
	} else if day := claimedDay(s.Claimed); day != "" {
		when = b.t("item.signature_claimed", "day", day)
	}
	return joinDot(b.t("item.signature_kind_"+s.Kind), who, b.t("item.signature_"+string(s.State)), when)
}

// claimedDay is the day of a PDF date (ISO 32000-1, 7.9.4), "" if it is none.
func claimedDay(s string) string {
	s = strings.TrimPrefix(s, "D:")
	if len(s) < 8 {
		return ""
	}
	at, err := time.Parse("20060102", s[:8])
	if err != nil {
		return ""
	}
	return at.Format("2006-01-02")
}

func (b *book) signaturesHeight(it *packager.Item, s *shown, w float64) float64 {
	if !s.signed {
		return 0
	}
	h := 6 + b.c.paraHeight(b.signatureNote(s), note, w)
	lines, _ := b.ownSignatures(it, s)
	for _, l := range lines {
		h += b.c.paraHeight(l, small, w-signatureIndent)
	}
	return h
}

// signatures sets them below y.
func (b *book) signatures(it *packager.Item, s *shown, y float64) float64 {
	if !s.signed {
		return y
	}
	y += 6
	lines, states := b.ownSignatures(it, s)
	for i, l := range lines {
		b.sign(marginX, y+small.lead/2, states[i])
		y = b.c.para(marginX+signatureIndent, y, b.measure()-signatureIndent, l, small)
	}
	return b.c.para(marginX, y, b.measure(), b.signatureNote(s), note)
}

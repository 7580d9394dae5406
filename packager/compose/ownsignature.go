package compose

import (
	"strconv"
	"strings"
	"time"

	"dossier/packager"
)

// Where a material's pages are not all that the file is, its first page says so,
// and the file itself is attached: it was locked, or is no PDF, or bears
// signatures, of which only the look is left in the bundle; their state is
// printed.

// mostSignatures is how many of a paper's signatures have a line of their own.
const mostSignatures = 4

const signatureIndent = 15.0

// originalNotes say why the original is attached.
func (b *book) originalNotes(s *shown) (notes []string) {
	for _, n := range []struct {
		is  bool
		key string
	}{{s.signed, "item.signed"}, {s.locked, "item.locked"}, {s.office, "item.office"}} {
		if n.is {
			notes = append(notes, b.t(n.key, "name", s.attached))
		}
	}
	return notes
}

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

func (b *book) originalHeight(it *packager.Item, s *shown, w float64) float64 {
	notes := b.originalNotes(s)
	if len(notes) == 0 {
		return 0
	}
	h := 6.0
	for _, n := range notes {
		h += b.c.paraHeight(n, note, w)
	}
	lines, _ := b.ownSignatures(it, s)
	for _, l := range lines {
		h += b.c.paraHeight(l, small, w-signatureIndent)
	}
	return h
}

// original sets signatures and notes below y.
func (b *book) original(it *packager.Item, s *shown, y float64) float64 {
	notes := b.originalNotes(s)
	if len(notes) == 0 {
		return y
	}
	y += 6
	lines, states := b.ownSignatures(it, s)
	for i, l := range lines {
		b.sign(marginX, y+small.lead/2, states[i])
		y = b.c.para(marginX+signatureIndent, y, b.measure()-signatureIndent, l, small)
	}
	for _, n := range notes {
		y = b.c.para(marginX, y, b.measure(), n, note)
	}
	return y
}

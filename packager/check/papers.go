package check

import (
	"strconv"

	"dossier/packager"
	"dossier/packager/identity"
)

// papers judges the formalities of letters: date, seal, signature, addressee,
// term of an authorisation. A statement that the user does not make is no slip.
func (c *checker) papers() {
	for _, id := range c.placedIDs() {
		p := c.kase.Papers[id]
		spec := c.rs.Catalogue[id]
		c.date(id, p, spec)
		if spec.Sealed && is(p.Sealed, false) {
			c.letter("LETTER_UNSEALED", c.formal(id, packager.Block), id, "sealed", nil)
		}
		if spec.Signed && is(p.Signed, false) {
			c.letter("LETTER_UNSIGNED", c.formal(id, packager.Warn), id, "signed", nil)
		}
		c.addressee(id, p)
		if spec.Part == "authorisation" {
			c.authorised(id, p)
		}
	}
}

func is(b *bool, v bool) bool { return b != nil && *b == v }

func (c *checker) letter(code string, sev packager.Severity, id, field string, args packager.Args) {
	f := c.about(code, sev, id, c.paperArgs(id, args))
	if pos := c.pos("papers." + id + "." + field); pos != (packager.Position{}) {
		f.Pos = pos
	}
	c.say(f)
}

// date judges the date of a letter. A date that only a machine read warns.
func (c *checker) date(id string, p packager.Paper, spec packager.MaterialSpec) {
	if p.Undated {
		if spec.Dated {
			c.letter("LETTER_UNDATED", c.formal(id, packager.Block), id, "dated", nil)
		}
		return
	}
	dated, sev := p.Dated, packager.Block
	if dated.IsZero() && spec.Dated {
		dated, sev = c.readDay(id, "dated"), packager.Warn
	}
	if dated.IsZero() {
		return
	}
	args := packager.Args{"date": dated.String(), "days": strconv.Itoa(dated.DaysUntil(c.day)), "day": c.day.String(), "limit": strconv.Itoa(spec.MaxAgeDays)}
	switch {
	case dated.After(c.day):
		c.letter("LETTER_IN_FUTURE", c.formal(id, sev), id, "dated", args)
	case spec.MaxAgeDays > 0 && dated.DaysUntil(c.day) > spec.MaxAgeDays:
		c.letter("LETTER_TOO_OLD", c.formal(id, packager.Warn), id, "dated", args)
	}
}

// readDay is the latest day that was read, surely enough, under a field of a
// paper.
func (c *checker) readDay(id, field string) packager.Day {
	var last packager.Day
	for _, f := range c.placed[id] {
		for _, x := range f.Fields {
			if x.Name != field || x.Confidence < surely {
				continue
			}
			if d, ok := identity.ParseDate(x.Value); ok && (last.IsZero() || d.After(last)) {
				last = d
			}
		}
	}
	return last
}

func (c *checker) addressee(id string, p packager.Paper) {
	if p.Addressee == "" || c.rs.Operator == "" {
		return
	}
	if identity.CompareEntity(p.Addressee, c.rs.Operator).Likeness != identity.Same {
		c.letter("ADDRESSEE_DIFFERS", c.formal(id, packager.Warn), id, "addressee", packager.Args{"read": p.Addressee, "stated": c.rs.Operator})
	}
}

// authorised judges whether an authorisation covers the day of filing.
func (c *checker) authorised(id string, p packager.Paper) {
	args := packager.Args{"from": p.ValidFrom.String(), "date": p.ValidUntil.String(), "day": c.day.String()}
	switch {
	case !p.ValidUntil.IsZero() && !p.ValidFrom.IsZero() && p.ValidUntil.Before(p.ValidFrom):
		c.letter("AUTHORIZATION_TERM_REVERSED", c.formal(id, packager.Block), id, "valid_until", args)
	case !p.ValidUntil.IsZero() && p.ValidUntil.Before(c.day):
		c.letter("AUTHORIZATION_EXPIRED", c.formal(id, packager.Block), id, "valid_until", args)
	case !p.ValidFrom.IsZero() && p.ValidFrom.After(c.day):
		c.letter("AUTHORIZATION_NOT_YET_VALID", c.formal(id, packager.Block), id, "valid_from", args)
	}
}

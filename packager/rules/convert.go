package rules

import (
	"regexp"
	"strconv"

	"dossier/packager"
)

// rule is a pack's row with its sources spelled out.
func (p *loaded) rule(r *Rule) packager.Rule {
	checked, _ := packager.ParseDay(r.LastChecked)
	return packager.Rule{
		ID: r.ID, Kind: r.Kind, Severity: r.grade(r.Severity),
		Title: r.Title, Detail: r.Detail, Next: r.Next,
		Sources: p.sources(r.Sources), Confidence: r.Confidence,
		ConflictsWith: r.Conflicts, LastChecked: checked,
	}
}

func (p *loaded) sources(refs []SourceRef) []packager.SourceRef {
	var all []packager.SourceRef
	for _, ref := range refs {
		out := packager.SourceRef{ID: ref.Ref, At: ref.At}
		for _, s := range p.Sources {
			if s.ID == ref.Ref {
				out.Title, out.Publisher, out.URL = s.Title, s.Publisher, s.URL
			}
		}
		all = append(all, out)
	}
	return all
}

func (m MaterialSpec) spec() packager.MaterialSpec {
	out := packager.MaterialSpec{
		ID: m.ID, Name: m.Name, Part: m.Part, Order: m.Order, Match: m.Match, Exclude: m.Exclude,
		Personal: m.Personal, Watermark: m.Watermark,
		Sealed: m.Sealed, Signed: m.Signed, Dated: m.Dated, MaxAgeDays: m.MaxAgeDays,
		MinShortSide: m.MinShortSide, WarnShortSide: m.WarnShortSide, MinDPI: m.MinDPI, WarnDPI: m.WarnDPI, Quality: m.Quality,
	}
	for _, z := range m.Clear {
		out.Clear = append(out.Clear, packager.Zone{Name: z.Name, X: z.At[0], Y: z.At[1], W: z.At[2], H: z.At[3]})
	}
	return out
}

func (p *Pack) limits() packager.Limits {
	return packager.Limits{
		PictureBytes: bytesOf(p.Limits.Picture), PDFBytes: bytesOf(p.Limits.PDF),
		PictureTypes: p.Limits.PictureTypes,
	}
}

var size = regexp.MustCompile(`^([0-9]{1,6})(\.[0-9])? ?(KB|MB|GB)$`)

// bytesOf reads "2MB": 1 MB = 1,000,000 bytes. What is no size is 0; the
// schema lets none through.
func bytesOf(s string) int64 {
	m := size.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(m[1]+m[2], 64)
	return int64(n * map[string]float64{"KB": 1e3, "MB": 1e6, "GB": 1e9}[m[3]])
}

package audit

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
)

// cell is the place of one cell of a sheet.
func (v *view) cell(sheet, col string, row int) string {
	return v.place(sheet, col+strconv.Itoa(row))
}

func (v *view) requirements() error {
	return v.table(table{
		id: "requirements", tab: v.state("requirements"), freeze: 3,
		columns: []column{
			{id: "no"}, {id: "state", width: 13}, {id: "requirement", widest: 34}, {id: "kind", widest: 14}, {id: "severity"},
			{id: "met"}, {id: "answered_by", widest: 38}, {id: "pages", widest: 14}, {id: "stored", widest: 22}, {id: "next", widest: 38}, {id: "accepted", widest: 38},
			{id: "rules", widest: 12}, {id: "confidence"}, {id: "sources", widest: 30}, {id: "checked", width: 13}, {id: "id", widest: 26},
		},
		rows: func(emit func([]cell) error) error {
			for i, r := range v.report.Requirements {
				if err := emit(v.requirementRow(i+1, r)); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// listed stands between the names in a cell that links: LibreOffice drops the
// line feeds of such a cell.
const listed = "; "

func (v *view) requirementRow(no int, r packager.RequirementVerdict) []cell {
	met := "no"
	if r.Satisfied {
		met = "yes"
	}
	answered, pages, stored := text(strings.Join(r.Materials, listed)), cell{}, cell{}
	if len(r.Materials) > 0 {
		answered = v.toMaterial(answered, r.Materials[0])
		pages = v.pageCell(r.Materials...)
		stored = v.storedCell(r.Materials...)
	}
	rules := make([]string, len(r.Rules))
	var grades, sources []string
	var checked packager.Day
	for i, rule := range r.Rules {
		rules[i] = rule.ID
		grades = appendNew(grades, string(rule.Confidence))
		for _, s := range rule.Sources {
			sources = appendNew(sources, strings.TrimSpace(s.Title+" "+s.At))
		}
		if checked.IsZero() || rule.LastChecked.Before(checked) {
			checked = rule.LastChecked
		}
	}
	next := ""
	if !r.Satisfied {
		next = r.Next.In(v.p.Lang)
	}
	state := r.State
	if state == packager.Info && r.Satisfied {
		state = packager.StateOK
	}
	return []cell{
		count(no), v.light(state), text(r.Title.In(v.p.Lang)), text(v.say("kind." + string(r.Kind))), text(v.say("level." + string(r.Severity))),
		text(v.say(met)), answered, pages, stored, text(next), text(strings.Join(v.accepted(r.ID), "\n")),
		text(strings.Join(rules, "\n")), text(strings.Join(grades, " ")), text(strings.Join(sources, "\n")), day(checked), mono(r.ID),
	}
}

// accepted are the reasons for which blockers of a requirement were let pass.
func (v *view) accepted(requirement string) []string {
	var reasons []string
	for _, f := range v.report.Findings {
		if f.Requirement == requirement {
			reasons = appendNew(reasons, acceptedBy(f))
		}
	}
	return reasons
}

// acceptedBy is why a blocker was let pass, and who did; "" when nobody did.
func acceptedBy(f packager.Finding) string {
	if f.Accepted == "" {
		return ""
	}
	return f.Accepted + "（" + f.AcceptedBy + "）"
}

// pageCell names the pages of the bundle where files are, and links to the
// first.
func (v *view) pageCell(paths ...string) cell {
	var words []string
	var first *place
	for _, p := range paths {
		r, ok := v.pages[p]
		if !ok {
			continue
		}
		if first == nil {
			first = &r
		}
		words = appendNew(words, v.pageWords(r))
	}
	if first == nil {
		return cell{}
	}
	return v.toPage(text(strings.Join(words, listed)), first.volume, first.From)
}

// appendNew adds the texts that are not yet there, and no empty one.
func appendNew(list []string, texts ...string) []string {
	for _, s := range texts {
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func (v *view) materials(pictures map[int][]byte) error {
	return v.table(table{
		id: "materials", tab: v.state("materials"), freeze: 3, pictures: pictures, picture: 2,
		columns: []column{
			{id: "no"}, {id: "picture", width: 16}, {id: "material", widest: 30}, {id: "state", width: 13}, {id: "requirement", widest: 46},
			{id: "file", widest: 36}, {id: "type", widest: 18}, {id: "file_pages"}, {id: "pages", widest: 14}, {id: "dpi"}, {id: "bytes", widest: 16},
			{id: "sha256", width: 36}, {id: "role", widest: 12}, {id: "source", widest: 26}, {id: "modified", width: 22}, {id: "stored", widest: 22},
		},
		rows: func(emit func([]cell) error) error {
			for i, f := range v.files {
				if err := emit(v.materialRow(i+1, f)); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (v *view) materialRow(no int, f packager.Inspected) []cell {
	asked := v.askedBy(f)
	titles := make([]string, len(asked))
	for i, id := range asked {
		titles[i] = v.titles[id]
	}
	requirement := text(strings.Join(titles, listed))
	if len(asked) > 0 {
		requirement = v.toRequirement(requirement, asked[0])
	}
	own := cell{kind: kindCount, empty: true}
	if f.Pages > 0 {
		own = count(f.Pages)
	}
	dpi := cell{kind: kindCount, empty: true}
	if n := f.DPI(); n > 0 {
		dpi = count(n)
	}
	return []cell{
		count(no), {}, text(v.nameOf(f)), v.light(v.worst[f.Path]), requirement,
		v.toFile(text(f.Path), f.Abs), text(f.Media), own, v.pageCell(f.Path), dpi, count(f.Bytes),
		mono(f.SHA256), text(v.say("role." + string(f.Role))), text(v.matched(f.Matched)), moment(f.ModTime), v.storedCell(f.Path),
	}
}

// storedCell names the objects that files are stored as, and links to the
// first.
func (v *view) storedCell(paths ...string) cell {
	var words []string
	first := 0
	for _, p := range paths {
		row, ok := v.object[p]
		if !ok {
			continue
		}
		if first == 0 {
			first = row
		}
		words = appendNew(words, short(path.Base(v.stored[row-2].Key)))
	}
	if first == 0 {
		return cell{}
	}
	return mono(strings.Join(words, listed)).to(v.cell("stored", "C", first))
}

// nameOf says what paper a file is: the names of its kinds in the catalogue,
// else the file's own name.
func (v *view) nameOf(f packager.Inspected) string {
	var names []string
	for _, id := range f.IDs {
		if spec, ok := v.report.Rules.Catalogue[id]; ok {
			names = appendNew(names, spec.Name.In(v.p.Lang))
		} else {
			names = appendNew(names, v.titles[id])
		}
	}
	if len(names) == 0 {
		return path.Base(f.Path)
	}
	return strings.Join(names, " / ")
}

// askedBy returns the requirements that a file answers.
func (v *view) askedBy(f packager.Inspected) []string {
	ids := slices.Clone(v.asked[f.Path])
	for _, id := range f.IDs {
		if _, ok := v.requirement[id]; ok {
			ids = appendNew(ids, id)
		}
	}
	return ids
}

func (v *view) matched(m packager.Match) string {
	if m.By == "" {
		return ""
	}
	s := v.say("match." + m.By)
	if m.By != "case" && m.Word != "" {
		s += "：" + m.Word
	}
	return s
}

func (v *view) findings() error {
	return v.table(table{
		id: "findings", tab: v.state("findings"), freeze: 2,
		columns: []column{
			{id: "no"}, {id: "severity", width: 13}, {id: "message", widest: 46}, {id: "next", widest: 46}, {id: "accepted", widest: 40}, {id: "requirement", widest: 34},
			{id: "file", widest: 36}, {id: "rules", widest: 18}, {id: "position", widest: 20}, {id: "code", widest: 34},
		},
		rows: func(emit func([]cell) error) error {
			for i, f := range v.report.Findings {
				message, next := v.p.Finding(f)
				about := v.titles[f.Requirement]
				if about == "" {
					about = f.Requirement
				}
				if err := emit([]cell{
					count(i + 1), v.light(f.Severity), text(message), text(next), text(acceptedBy(f)), v.toRequirement(text(about), f.Requirement),
					v.toMaterial(text(f.Material), f.Material), text(strings.Join(f.Rules, "\n")), text(f.Pos.String()), mono(f.Code),
				}); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (v *view) agreement() error {
	return v.table(table{
		id: "agreement", tab: v.state("agreement"), freeze: 1,
		columns: []column{
			{id: "particular", widest: 20}, {id: "stated", widest: 36}, {id: "paper", widest: 36}, {id: "read", widest: 36}, {id: "read_by", widest: 14}, {id: "equal", width: 14},
		},
		rows: func(emit func([]cell) error) error {
			for _, a := range v.report.Agreement {
				for _, c := range a.Read {
					equal := v.light(c.State)
					equal.text = v.say(map[packager.Severity]string{packager.StateOK: "equal", packager.Warn: "unequal", packager.Info: "unsure"}[c.State])
					by := make([]string, len(c.By))
					for i, s := range c.By {
						by[i] = v.say("by." + s)
					}
					if err := emit([]cell{
						text(v.say("field." + a.Field)), text(a.Stated), v.toMaterial(text(c.Material), c.Material), text(c.Value), text(strings.Join(by, ", ")), equal,
					}); err != nil {
						return err
					}
				}
			}
			return nil
		},
	})
}

// Columns of the events that the chain's formula reads.
const (
	eventSeq, eventPrev, eventHash, eventHolds = "A", "J", "K", "L"
	holds, breaks                              = "✓", "✗"
)

// events shows the log. The last column is a formula that holds each event
// against the one before: its number is the next one, and its "previous" is
// the other's digest. Sorting or changing a row by hand shows at once.
func (v *view) events() error {
	return v.table(table{
		id: "events", tab: v.state("events"), freeze: 3, alarm: eventHolds, calm: holds,
		columns: []column{
			{id: "no"}, {id: "at", width: 22}, {id: "what", widest: 14}, {id: "who", widest: 22}, {id: "zone"}, {id: "tool", widest: 14},
			{id: "data", widest: 36}, {id: "inputs", widest: 48}, {id: "outputs", widest: 40},
			{id: "prev", width: 36}, {id: "hash", width: 36}, {id: "chain"}, {id: "sealed"},
		},
		rows: func(emit func([]cell) error) error {
			row := 1
			return v.log.Events(func(e packager.Event) error {
				row++
				who := e.User + "@" + e.Host
				if e.Name != "" {
					who = e.Name + "\n" + who
				}
				at, _ := time.Parse(time.RFC3339, e.At)
				what := v.say("event." + e.What)
				if strings.HasPrefix(what, "audit.") {
					what = e.What
				}
				return emit([]cell{
					count(e.Seq), moment(at), text(what), text(who), text(e.Zone), text(e.Tool),
					text(pairs(e.Data)), mono(digests(e.Inputs)), mono(digests(e.Output)),
					mono(e.Prev), mono(e.Hash), chainCell(row), v.sealCell(e),
				})
			})
		},
	})
}

// sealCell says whether an event is sealed with the key.
func (v *view) sealCell(e packager.Event) cell {
	if e.Seal == "" {
		return text("")
	}
	return text(v.say("sealed"))
}

// chainCell is the formula of one event. Its value is written too, for
// readers that do not calculate: the log was walked just now, so it holds.
func chainCell(row int) cell {
	formula := fmt.Sprintf(`IF(AND(%[1]s%[2]d=1,%[3]s%[2]d=REPT("0",64)),"%[4]s","%[5]s")`, eventSeq, row, eventPrev, holds, breaks)
	if row > 2 {
		formula = fmt.Sprintf(`IF(AND(%[1]s%[2]d=%[1]s%[3]d+1,%[4]s%[2]d=%[5]s%[3]d),"%[6]s","%[7]s")`,
			eventSeq, row, row-1, eventPrev, eventHash, holds, breaks)
	}
	return cell{kind: kindState, text: holds, formula: formula, state: packager.StateOK}
}

// An event shows this many digests, each this long; the log has all of them.
const (
	shownDigests = 8
	shownDigits  = 12
)

func digests(m map[string]string) string {
	var lines []string
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i == shownDigests {
			return strings.Join(append(lines, fmt.Sprintf("… +%d", len(m)-i)), "\n")
		}
		lines = append(lines, short(m[name])+" "+name)
	}
	return strings.Join(lines, "\n")
}

func short(digest string) string {
	if len(digest) > shownDigits {
		return digest[:shownDigits] + "…"
	}
	return digest
}

func pairs(m map[string]string) string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, k+" = "+m[k])
	}
	return strings.Join(lines, "\n")
}

func (v *view) objects() error {
	return v.table(table{
		id: "stored", tab: v.state("stored"), freeze: 2,
		columns: []column{
			{id: "no"}, {id: "name", widest: 44}, {id: "key", widest: 92}, {id: "bytes", widest: 16}, {id: "sha256", width: 36}, {id: "version", widest: 36},
		},
		rows: func(emit func([]cell) error) error {
			for i, o := range v.stored {
				if err := emit([]cell{
					count(i + 1), v.toMaterial(text(o.Name), o.Name), mono(o.Key), count(o.Bytes), mono(o.SHA256), mono(o.Version),
				}); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (v *view) timeline() error {
	return v.table(table{
		id: "timeline", tab: v.state("timeline"), freeze: 1,
		columns: []column{
			{id: "span", widest: 30}, {id: "timeline_kind", widest: 14}, {id: "from", width: 13}, {id: "earliest", width: 13}, {id: "latest", width: 13},
			{id: "exact", widest: 26}, {id: "note", widest: 60}, {id: "rules", widest: 20},
		},
		rows: func(emit func([]cell) error) error {
			for _, e := range v.report.Rules.Timeline {
				exact := "exact"
				if e.Approximate {
					exact = "approximate"
				}
				latest := day(e.Latest)
				if e.Latest.IsZero() {
					latest = text(v.say("open"))
				}
				if err := emit([]cell{
					text(e.Title.In(v.p.Lang)), text(v.say("timeline." + e.Kind)), day(e.From), day(e.Earliest), latest,
					text(v.say(exact)), text(e.Note.In(v.p.Lang)), text(strings.Join(e.Rules, "\n")),
				}); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (v *view) backups() error {
	return v.table(table{
		id: "backups", tab: v.state("backups"), freeze: 2,
		columns: []column{
			{id: "no"}, {id: "backup", widest: 34}, {id: "state", width: 13}, {id: "file", widest: 40}, {id: "type", widest: 20}, {id: "bytes", widest: 18},
			{id: "items"}, {id: "exported", width: 13}, {id: "first_day", width: 13}, {id: "last_day", width: 13}, {id: "sha256", width: 36},
		},
		rows: func(emit func([]cell) error) error {
			for i, line := range v.plan.Backups {
				items, f := cell{kind: kindCount, empty: true}, line.File
				if line.Items != nil {
					items = count(*line.Items)
				}
				var from, to packager.Day
				if f.Archive != nil {
					from, to = f.Archive.FirstDay, f.Archive.LastDay
				}
				for _, b := range v.report.Case.Backups {
					if b.Requirement == line.Requirement && from.IsZero() && to.IsZero() {
						from, to = b.FromDay, b.ToDay
					}
				}
				if err := emit([]cell{
					count(i + 1), v.toRequirement(text(line.Title.In(v.p.Lang)), line.Requirement), v.light(v.worst[f.Path]),
					v.toFile(text(f.Path), f.Abs), text(f.Media), count(f.Bytes),
					items, day(line.ExportedOn), day(from), day(to), mono(f.SHA256),
				}); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// signature tells about the signature and what verify saw.
func (v *view) signature() error {
	tab := v.state("signature")
	s := v.sb.Signature
	stamp := v.say("none")
	if s.Timestamp != nil {
		stamp = *s.Timestamp
	}
	particulars := [][]cell{
		{text(v.say("signature.level")), v.light(tab), mono(s.Level)},
		{text(v.say("signature.signer")), {}, text(s.Signer)},
		{text(v.say("signature.fingerprint")), {}, mono(s.SHA256Fingerprint)},
		{text(v.say("signature.timestamp")), {}, mono(stamp)},
	}
	for _, volume := range v.sb.Volumes() {
		particulars = append(particulars, []cell{text(v.say("signature.bundle")), {}, mono(volume.SHA256).toFile(v.pdf(volume))})
	}
	particulars = append(particulars, []cell{text(v.say("signature.proves")), {}, text(v.say("signature.meaning"))})
	return v.table(table{
		id: "signature", tab: tab, freeze: 1,
		columns: []column{{id: "particular", widest: 38}, {id: "state", width: 13}, {id: "value", widest: 90}},
		rows: func(emit func([]cell) error) error {
			for _, row := range particulars {
				if err := emit(row); err != nil {
					return err
				}
			}
			for _, c := range v.checks() {
				state := packager.Block
				if c.OK {
					state = packager.StateOK
				}
				message, _ := v.p.Say(c.Code, c.Args)
				if err := emit([]cell{mono(c.Name), v.light(state), text(strings.TrimSpace(message + " " + c.Target))}); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

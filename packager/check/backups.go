package check

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// backup judges the exports that answer one backup requirement.
func (c *checker) backup(r *packager.Requirement) {
	sets := c.sets(r.ID)
	files := c.exports(r.ID)
	a := answer{}
	for _, f := range files {
		a.paths = append(a.paths, f.Path)
		if f.Unusable == "" && !empty(f) {
			a.satisfied = true
		}
	}
	if len(files) == 0 {
		nothing := slices.ContainsFunc(sets, func(s set) bool { return s.Items != nil && *s.Items == 0 })
		a.satisfied = nothing
		c.met[r.ID] = a
		if nothing {
			c.say(finding("BACKUP_NOTHING", packager.Info, r, nil))
		} else {
			f := unmet("BACKUP_MISSING", r.Severity, r, nil)
			f.Pos = c.pos("backups")
			c.say(f)
		}
		return
	}
	c.met[r.ID] = a
	for _, s := range sets {
		c.export(r, s)
	}
	for _, f := range files {
		c.exportFile(r, f, c.batch(sets, f))
	}
}

// set is one entry of backups: in case.yaml with its place there.
type set struct {
	packager.Backup
	at string
}

func (c *checker) sets(id string) []set {
	var out []set
	for i, b := range c.kase.Backups {
		if b.Requirement == id {
			out = append(out, set{b, "backups." + strconv.Itoa(i)})
		}
	}
	return out
}

// exports are the files of a backup requirement: those that case.yaml names
// and those that were placed by name.
func (c *checker) exports(id string) []*packager.Inspected {
	var out []*packager.Inspected
	for i := range c.in.Files {
		if f := &c.in.Files[i]; f.Role == packager.RoleBackup && slices.Contains(f.IDs, id) {
			out = append(out, f)
		}
	}
	return out
}

// export judges what the case says about one set of exports.
func (c *checker) export(r *packager.Requirement, s set) {
	say := func(code string, sev packager.Severity, field string, args packager.Args) {
		f := finding(code, milder(sev, r.Severity), r, args)
		if len(s.Files) > 0 {
			f.Material = s.Files[0]
		}
		f.Pos = c.pos(s.at + "." + field)
		c.say(f)
	}
	switch on := s.ExportedOn; {
	case on.IsZero():
		if r.MaxAgeDays > 0 {
			say("BACKUP_UNDATED", packager.Info, "exported_on", packager.Args{"limit": strconv.Itoa(r.MaxAgeDays)})
		}
	case on.After(c.day):
		say("BACKUP_IN_FUTURE", packager.Warn, "exported_on", packager.Args{"date": on.String(), "day": c.day.String()})
	case r.MaxAgeDays > 0 && on.DaysUntil(c.day) > r.MaxAgeDays:
		say("BACKUP_TOO_OLD", packager.Warn, "exported_on", packager.Args{
			"date": on.String(), "days": strconv.Itoa(on.DaysUntil(c.day)), "limit": strconv.Itoa(r.MaxAgeDays)})
	}
	if s.Items != nil && *s.Items == 0 && len(s.Files) > 0 {
		say("BACKUP_EMPTY", packager.Warn, "items", packager.Args{"path": s.Files[0]})
	}
	from, asOf := c.from(s), s.ExportedOn
	if asOf.IsZero() {
		asOf = c.day
	}
	if first := asOf.AddDays(-r.WindowDays); r.WindowDays > 0 && !from.IsZero() && from.After(first) {
		say("BACKUP_WINDOW_SHORT", packager.Warn, "from_day", packager.Args{
			"from": from.String(), "available_from": first.String(), "limit": strconv.Itoa(r.WindowDays)})
	}
}

// from is the first day that a set of exports covers, as stated or as read
// from the data.
func (c *checker) from(s set) packager.Day {
	first := s.FromDay
	if !first.IsZero() {
		return first
	}
	for i := range c.in.Files {
		f := &c.in.Files[i]
		if f.Archive == nil || !slices.Contains(s.Files, f.Path) {
			continue
		}
		if d := f.Archive.FirstDay; !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	return first
}

// batch is how many items one file of its set holds, as counted inside or else
// as stated; nil when neither is known.
func (c *checker) batch(sets []set, f *packager.Inspected) *int64 {
	if f.Archive != nil && f.Archive.Items != nil {
		return f.Archive.Items
	}
	for _, s := range sets {
		if s.Items != nil && slices.Contains(s.Files, f.Path) {
			n := int64(max(1, len(s.Files)))
			each := (*s.Items + n - 1) / n
			return &each
		}
	}
	return nil
}

// exportFile judges one exported file.
func (c *checker) exportFile(r *packager.Requirement, f *packager.Inspected, batch *int64) {
	say := func(code string, sev packager.Severity, args packager.Args) {
		if args == nil {
			args = packager.Args{}
		}
		args["path"] = f.Path
		x := finding(code, milder(sev, r.Severity), r, args)
		x.Material = f.Path
		c.say(x)
	}
	if r.MaxItems > 0 && batch != nil && *batch > int64(r.MaxItems) {
		say("BACKUP_BATCH_TOO_LARGE", packager.Warn, packager.Args{"items": strconv.FormatInt(*batch, 10), "limit": strconv.Itoa(r.MaxItems)})
	}
	if !mediaAllowed(r.MediaAllowed, f) {
		say("BACKUP_WRONG_MEDIA", packager.Warn, packager.Args{"type": kindOf(f), "allowed": strings.Join(r.MediaAllowed, ", ")})
	}
	if f.Unusable != "" {
		return // what is wrong with it has been said
	}
	if empty(f) {
		say("BACKUP_EMPTY", packager.Block, nil)
	}
	a := f.Archive
	if a == nil {
		return
	}
	if a.Corrupt {
		say("BACKUP_CORRUPT", packager.Block, nil)
	}
	if a.Encrypted && !c.said("ARCHIVE_ENCRYPTED", f.Path) {
		say("BACKUP_ENCRYPTED", packager.Warn, nil)
	}
	if len(a.Unsafe) > 0 && !c.said("ARCHIVE_UNSAFE_PATH", f.Path) {
		say("BACKUP_UNSAFE", packager.Warn, packager.Args{"entry": a.Unsafe[0]})
	}
}

// said reports whether an earlier step has found this about a file.
func (c *checker) said(code, path string) bool {
	return slices.ContainsFunc(c.in.Findings, func(f packager.Finding) bool { return f.Code == code && f.Material == path })
}

// empty reports whether there is nothing in a file: no bytes, or an archive
// without files or with empty ones only.
func empty(f *packager.Inspected) bool {
	if f.Bytes == 0 {
		return true
	}
	a := f.Archive
	return a != nil && !a.Corrupt && !a.Encrypted && (a.Files == 0 || a.Bytes == 0)
}

// extensions of media that packs name (pdf, csv …).
var extensions = map[string]string{
	"application/pdf": "pdf", "text/html": "html", "text/csv": "csv", "application/json": "json", "text/plain": "txt",
	"application/zip": "zip", "application/x-7z-compressed": "7z", "application/x-tar": "tar", "application/gzip": "gz",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx", "application/vnd.ms-excel": "xls",
	"image/jpeg": "jpg", "image/png": "png", "image/heic": "heic", "image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp", "image/tiff": "tiff",
	"video/mp4": "mp4", "video/quicktime": "mov", "video/x-msvideo": "avi", "video/x-matroska": "mkv", "video/webm": "webm",
	"audio/mpeg": "mp3", "audio/mp4": "m4a",
}

func kindOf(f *packager.Inspected) string {
	if e, ok := extensions[f.Media]; ok {
		return e
	}
	return strings.ToLower(strings.TrimPrefix(path.Ext(f.Path), "."))
}

// mediaAllowed reports whether a pack takes a file. An archive is only a
// wrapping: it is judged by what its names say is inside.
func mediaAllowed(allowed []string, f *packager.Inspected) bool {
	if len(allowed) == 0 || slices.Contains(allowed, kindOf(f)) || f.Form == packager.FormOther && f.Media == "" {
		return true
	}
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(f.Path), "."))
	if f.Form == packager.FormTable && slices.Contains(allowed, ext) { // CSV is plain text, and so on
		return true
	}
	if ext == "jpeg" {
		ext = "jpg"
	}
	if f.Form != packager.FormArchive {
		return slices.Contains(allowed, ext) && f.Form == packager.FormOther
	}
	if f.Archive == nil || len(f.Archive.Names) == 0 {
		return true
	}
	return slices.ContainsFunc(f.Archive.Names, func(n string) bool {
		e := strings.ToLower(strings.TrimPrefix(path.Ext(n), "."))
		if e == "jpeg" {
			e = "jpg"
		}
		return slices.Contains(allowed, e)
	})
}

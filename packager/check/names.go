package check

import (
	"maps"
	"regexp"

	"dossier/packager"
	"dossier/packager/identity"
)

// fileNames says which files carry a person's number in their path: paths go into
// the manifest, the log, the store and the printed list, where no identity
// number belongs. What could not be placed goes nowhere.
func (c *checker) fileNames() {
	for i := range c.in.Files {
		f := &c.in.Files[i]
		if f.Role == packager.RoleUnplaced {
			continue
		}
		shown := identity.MaskKnown(f.Path, c.kase.Numbers()...)
		switch {
		case shown != f.Path:
			c.hidden = true
			c.say(packager.Finding{Code: "FILE_NAME_HAS_ID", Severity: packager.Block, Requirement: first(f.IDs), Material: shown,
				Args: packager.Args{"file": shown}})
		case mobileInName.MatchString(f.Path):
			c.say(packager.Finding{Code: "FILE_NAME_HAS_PHONE", Severity: packager.Warn, Requirement: first(f.IDs), Material: f.Path,
				Args: packager.Args{"file": f.Path}})
		}
	}
}

// mobileInName is a mobile number that stands alone among digits.
var mobileInName = regexp.MustCompile(`(^|[^0-9])1[3-9][0-9]{9}([^0-9]|$)`)

// hide masks the numbers in everything that is said about such files.
func (c *checker) hide(found []packager.Finding) {
	if !c.hidden {
		return
	}
	numbers := c.kase.Numbers()
	for i := range found {
		f := &found[i]
		f.Material = identity.MaskKnown(f.Material, numbers...)
		f.Args = maps.Clone(f.Args)
		for k, v := range f.Args {
			f.Args[k] = identity.MaskKnown(v, numbers...)
		}
	}
}

func first(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// Package i18n says codes in the reader's language. The catalogs are YAML
// files under templates/locales, one for each room of the program, Chinese and
// English side by side:
//
//	ID_EXPIRED:                      # a finding or a fault
//	  zh: {message: "身份证已于 {date} 到期", next: "换领新证后重新拍照"}
//	  en: {message: "the ID card expired on {date}", next: "…"}
//	cover.title: {zh: 申请卷宗, en: Application bundle}   # a text
//
// {name} is filled from the finding's Args; an argument that is missing stays
// as it is written, so that it is seen.
package i18n

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"dossier/packager"
)

// Languages are the languages of the catalogs, the first one first.
var Languages = []string{"zh", "en"}

type entry struct{ message, next string }

// Catalog holds every entry of every file.
type Catalog struct {
	entries map[string]map[string]entry // lang → key → entry
}

// Load reads every *.yaml under dir of fsys. A key that stands twice, or that
// lacks a language, is an error.
func Load(fsys fs.FS, dir string) (*Catalog, error) {
	c := &Catalog{entries: map[string]map[string]entry{}}
	for _, l := range Languages {
		c.entries[l] = map[string]entry{}
	}
	files, err := fs.Glob(fsys, dir+"/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if err := c.add(fsys, name); err != nil {
			return nil, fmt.Errorf("locale %s: %w", name, err)
		}
	}
	return c, nil
}

func (c *Catalog) add(fsys fs.FS, name string) error {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	var raw map[string]map[string]any
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		for _, lang := range Languages {
			if _, twice := c.entries[lang][key]; twice {
				return fmt.Errorf("%s stands in two files", key)
			}
			e, err := parseEntry(raw[key][lang])
			if err != nil {
				return fmt.Errorf("%s, %s: %w", key, lang, err)
			}
			c.entries[lang][key] = e
		}
	}
	return nil
}

func parseEntry(v any) (entry, error) {
	switch v := v.(type) {
	case string:
		return entry{message: v}, nil
	case map[string]any:
		m, ok := v["message"].(string)
		if !ok {
			return entry{}, fmt.Errorf("no message")
		}
		n, _ := v["next"].(string)
		return entry{m, n}, nil
	}
	return entry{}, fmt.Errorf("missing")
}

// Keys returns every key of the catalog, sorted.
func (c *Catalog) Keys() []string {
	return slices.Sorted(maps.Keys(c.entries[Languages[0]]))
}

// Printer says things in one language.
type Printer struct {
	c    *Catalog
	Lang string // "zh" or "en"
}

// Printer returns a printer for lang; an unknown language is answered with
// the first one.
func (c *Catalog) Printer(lang string) *Printer {
	if !slices.Contains(Languages, lang) {
		lang = Languages[0]
	}
	return &Printer{c, lang}
}

// Text returns the text under key, filled from args. A key that the catalog
// does not have is returned as it is.
func (p *Printer) Text(key string, args packager.Args) string {
	e, ok := p.c.entries[p.Lang][key]
	if !ok {
		return key
	}
	return Fill(e.message, args)
}

// Say returns the message under a code and what to do next ("" if nothing).
func (p *Printer) Say(code string, args packager.Args) (message, next string) {
	e, ok := p.c.entries[p.Lang][code]
	if !ok {
		return code, ""
	}
	return Fill(e.message, args), Fill(e.next, args)
}

// Finding returns the message of a finding and what to do next. A finding
// whose Args hold "message_zh"/"message_en" (or "next_…") brings its own words:
// those of the rule pack.
func (p *Printer) Finding(f packager.Finding) (message, next string) {
	message, next = p.Say(f.Code, f.Args)
	if m := f.Args["message_"+p.Lang]; m != "" {
		message = m
	}
	if n := f.Args["next_"+p.Lang]; n != "" {
		next = n
	}
	return message, next
}

// Fill replaces each {name} in s by args[name].
func Fill(s string, args packager.Args) string {
	if len(args) == 0 || !strings.Contains(s, "{") {
		return s
	}
	pairs := make([]string, 0, 2*len(args))
	for _, k := range slices.Sorted(maps.Keys(args)) {
		pairs = append(pairs, "{"+k+"}", args[k])
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

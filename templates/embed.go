// Package templates holds what dossier ships as data: rule packs, schemas,
// locales, letters, fonts, calendars and examples. It has no logic.
package templates

import "embed"

// FS holds every shipped file under its path in this folder. The examples are
// in Examples, so that a program that does not need them can leave them out.
//
//go:embed all:platforms all:schema all:locales all:letters all:calendar
var FS embed.FS

// Examples holds the worked examples: what their folders hold at first, and
// nothing that somebody built in them.
//
//go:embed examples/*/case.yaml examples/*/materials examples/*/backups
var Examples embed.FS

// Regular and Bold are Noto Sans SC (SIL OFL 1.1, fonts/OFL.txt).
//
//go:embed fonts/NotoSansSC-Regular.ttf
var Regular []byte

//go:embed fonts/NotoSansSC-Bold.ttf
var Bold []byte

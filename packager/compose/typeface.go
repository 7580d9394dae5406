package compose

import "dossier/packager/compose/typeface"

// face is one weight of the embedded font.
type face = typeface.Face

// clean makes s fit for one line of print.
func clean(s string) string { return typeface.Clean(s) }

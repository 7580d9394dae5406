package packager

import (
	"fmt"
	"io"
)

// Secret is a password in memory. It goes nowhere else: formatted or marshalled
// in any way it is bullets, and it is "" where there is none.
type Secret string

const hidden = "•••"

// Format is the same for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText keeps the password out of JSON and every other text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Reveal returns the password, for the reader of a file that is locked with it.
func (s Secret) Reveal() string { return string(s) }

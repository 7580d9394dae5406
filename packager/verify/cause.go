package verify

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/i18n"
)

// cause is why something does not hold: a key of the catalog and its values,
// so that it is said in the reader's language.
type cause struct {
	key  string // verify.why.…
	args packager.Args
}

func (c *cause) Error() string {
	var b strings.Builder
	b.WriteString(c.key)
	for _, k := range slices.Sorted(maps.Keys(c.args)) {
		b.WriteString(" " + k + "=" + c.args[k])
	}
	return b.String()
}

// because makes a cause from its key after "verify.why." and pairs of names
// and values.
func because(key string, pairs ...string) *cause {
	c := &cause{key: "verify.why." + key, args: packager.Args{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		c.args[pairs[i]] = pairs[i+1]
	}
	return c
}

// causeOf is the cause within err; an error that is none is one of reading.
func causeOf(err error) *cause {
	var c *cause
	if errors.As(err, &c) {
		return c
	}
	return because("reading", "error", err.Error())
}

// Say is the message of a check and what to do next, in the printer's
// language; {cause} in the message is filled with the cause.
func Say(p *i18n.Printer, k packager.VerifyCheck) (message, next string) {
	args := maps.Clone(k.Args)
	if args == nil {
		args = packager.Args{}
	}
	if k.Cause != "" {
		args["cause"] = p.Text(k.Cause, args)
	}
	return p.Say(k.Code, args)
}

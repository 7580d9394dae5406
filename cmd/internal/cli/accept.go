package cli

import (
	"strings"

	"dossier/packager"
)

// acceptances pairs each --accept CODE[:requirement] with its --reason, in the
// order given.
func acceptances(accept, reasons []string) ([]packager.Acceptance, error) {
	if len(accept) != len(reasons) {
		return nil, usage("USAGE_ACCEPT_REASON", "accepts", itoa(len(accept)), "reasons", itoa(len(reasons)))
	}
	out := make([]packager.Acceptance, len(accept))
	for i, s := range accept {
		code, requirement, _ := strings.Cut(s, ":")
		out[i] = packager.Acceptance{Code: strings.ToUpper(strings.TrimSpace(code)), Requirement: strings.TrimSpace(requirement), Reason: reasons[i]}
	}
	return out, nil
}

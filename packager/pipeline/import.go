package pipeline

import (
	"context"
	"strconv"

	"dossier/packager"
	"dossier/packager/collect"
)

// Import brings files into a case, as collect.Import says, and notes in its
// log which ones, with their digests. What came in before an error is noted
// too.
func (p *Pipeline) Import(ctx context.Context, c *packager.Case, rs *packager.RuleSet, sources []string, opt collect.ImportOptions) (*collect.ImportReport, error) {
	b, err := newState(c.Dir, p)
	if err != nil {
		return nil, err
	}
	defer b.clear()
	report, err := collect.Import(ctx, c, rs, sources, opt)
	if report == nil {
		return nil, err
	}
	if e := imported(c, rs, report); len(e.Output) > 0 {
		if nerr := p.note(b.log, e); err == nil {
			err = nerr
		}
	}
	return report, err
}

// imported names each file twice: as it was called where it came from, and as
// it is called in the case.
func imported(c *packager.Case, rs *packager.RuleSet, r *collect.ImportReport) packager.Event {
	e := packager.Event{
		What: "imported", Case: c.ID, Rules: rs.Digest, Inputs: map[string]string{}, Output: map[string]string{},
		Data: map[string]string{
			"placed": strconv.Itoa(len(r.Placed)), "ambiguous": strconv.Itoa(len(r.Ambiguous)),
			"unplaced": strconv.Itoa(len(r.Unplaced)), "duplicates": strconv.Itoa(len(r.Duplicates)),
		},
	}
	for _, list := range [][]collect.Imported{r.Placed, r.Ambiguous, r.Unplaced} {
		for _, f := range list {
			e.Inputs[f.Source], e.Output[f.Path] = f.SHA256, f.SHA256
		}
	}
	return e
}

// Package packager holds the nouns of dossier: what each step of the way
// takes and returns. It imports the standard library only and does no work.
//
// The way through (packager/pipeline puts it on one screen):
//
//	Case + RuleSet ─ collect ─▶ Collection ─ inspect ─▶ Inspection
//	     ─ check ─▶ Report ─ (a blocker? stop) ─ plan ─▶ Plan
//	     ─ compose ─▶ Bundle ─ sign ─▶ SignedBundle ─ verify ─▶ Verdict
//	     ─ audit ─▶ Record ─ store ─▶ Receipt
//
// Every step takes values and returns new ones; none changes what it was
// given. A user's mistake is a [Finding]; an error is something that the
// program could not do.
package packager

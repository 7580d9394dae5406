package cli

import (
	"context"
	"errors"

	"dossier/packager"
)

// Exit codes, as the README documents them. Scripts rely on them: add, never
// change.
const (
	exitOK           = 0
	exitUnexpected   = 1
	exitIncomplete   = 3
	exitConfig       = 4
	exitSigning      = 5
	exitStore        = 6
	exitVerification = 7
	exitUsage        = 64
	exitCancelled    = 130
)

var exitOf = map[packager.Class]int{
	packager.ClassIncomplete:   exitIncomplete,
	packager.ClassConfig:       exitConfig,
	packager.ClassSigning:      exitSigning,
	packager.ClassStore:        exitStore,
	packager.ClassVerification: exitVerification,
	packager.ClassUsage:        exitUsage,
	packager.ClassCancelled:    exitCancelled,
}

// exitCode is the whole table: which error ends the program with which code.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		return exitCancelled
	}
	if f, ok := errors.AsType[*packager.Fault](err); ok {
		if code, ok := exitOf[f.Class]; ok {
			return code
		}
	}
	if _, ok := errors.AsType[packager.Diagnostics](err); ok {
		return exitConfig
	}
	return exitUnexpected
}

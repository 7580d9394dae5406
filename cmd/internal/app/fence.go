package app

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"dossier/packager/inspect"
	"dossier/packager/pipeline"
)

// FenceArgument is the one argument with which the program parses foreign
// files for another run of itself: see inspect.Options.Helper.
const FenceArgument = "inspect-for-parent"

// What a process may hold while it parses: together with the one that waits
// for it they stay under 500 MB.
var fenceLimits = inspect.Limits{Memory: 200 << 20, Process: 260 << 20}

// Fence is the command that parses foreign files for this program, or nil
// where the program does not know where it is.
func Fence() []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{exe, FenceArgument}
}

// ServeFence is the whole of a run with FenceArgument. It returns the exit
// code.
func ServeFence() int {
	// Ctrl-C on a terminal reaches every process. The parent ends this one when
	// it has tidied up, by ending its input.
	signal.Ignore(os.Interrupt)
	out := os.Stdout
	os.Stdout = os.Stderr // a library that prints must not speak to the parent
	if err := inspect.Serve(context.Background(), os.Stdin, out, pipeline.MaterialSignatures, os.Exit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

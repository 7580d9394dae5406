// Command dossier (卷宗) makes the application bundle with which a company
// closes a business account on a Chinese platform.
package main

import (
	"os"
	"runtime/debug"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/cli"
)

// softLimit keeps the garbage collector busy before the heap grows: a small
// machine has other things to hold. GOMEMLIMIT overrides it.
const softLimit = 80 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
	if len(os.Args) == 2 && os.Args[1] == app.FenceArgument {
		os.Exit(app.ServeFence())
	}
	os.Exit(cli.Main(os.Args[1:], cli.Process()))
}

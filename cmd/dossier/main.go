// Command dossier (卷宗) makes the application bundle with which a company
// closes a business account on a Chinese platform.
package main

import (
	"os"

	"dossier/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.Process())) }

package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

// usage is a mistake in the command line: exit 64.
func usage(code string, pairs ...string) error {
	a := packager.Args{}
	for i := 0; i+1 < len(pairs); i += 2 {
		a[pairs[i]] = pairs[i+1]
	}
	return &packager.Fault{Class: packager.ClassUsage, Code: code, Args: a}
}

// flagError says in the reader's language what is wrong with a flag, with the
// nearest flag that there is.
func flagError(cmd *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := e.GetSpecifiedName()
		if short := e.GetSpecifiedShortnames(); short != "" {
			return usage("USAGE_FLAG_UNKNOWN", "flag", "-"+short, "command", cmd.CommandPath())
		}
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if near := yamldoc.Nearest(name, known); near != "" {
			return usage("USAGE_FLAG_NEAR", "flag", "--"+name, "near", "--"+near, "command", cmd.CommandPath())
		}
		return usage("USAGE_FLAG_UNKNOWN", "flag", "--"+name, "command", cmd.CommandPath())
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usage("USAGE_FLAG_EMPTY", "flag", "--"+e.GetFlag().Name, "command", cmd.CommandPath())
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usage("USAGE_FLAG_VALUE", "flag", "--"+e.GetFlag().Name, "value", e.GetValue(), "type", e.GetFlag().Value.Type(), "command", cmd.CommandPath())
	}
	return usage("USAGE_FLAG", "why", err.Error())
}

// knownCommand refuses a word that is no command, with the nearest one.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("USAGE_COMMAND_NEAR", "name", args[0], "near", strings.Join(near, ", "))
	}
	return usage("USAGE_COMMAND", "name", args[0])
}

// exactArgs takes n arguments, or says what the command wants.
func exactArgs(n int) cobra.PositionalArgs { return rangeArgs(n, n) }

func rangeArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usage("USAGE_ARGS", "use", cmd.UseLine())
		}
		return nil
	}
}

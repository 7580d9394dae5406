package cli

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dossier/packager"
	"dossier/packager/verify"
)

func (c *command) verifyCommand() *cobra.Command {
	var all bool
	var trust []string
	cmd := &cobra.Command{
		Use:   "verify PATH|URL",
		Short: c.ui.Text("help.verify"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open("")
			if err != nil {
				return err
			}
			opt := verify.Options{Now: c.Now()}
			if opt.Roots, err = a.Roots(trust); err != nil {
				return err
			}
			v, err := a.Verify(cmd.Context(), args[0], opt)
			if err != nil {
				return err
			}
			return c.showVerdict(v, args[0], all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, c.ui.Text("flag.all"))
	cmd.Flags().StringArrayVar(&trust, "trust", nil, c.ui.Text("flag.trust"))
	c.storeFlags(cmd)
	return cmd
}

type verdictJSON struct {
	Version    int             `json:"version"`
	Target     string          `json:"target"`
	OK         bool            `json:"ok"`
	Signatures []signatureJSON `json:"signatures"`
	Checks     []checkLineJSON `json:"checks"`
}

type signatureJSON struct {
	Field             string `json:"field"`
	Level             string `json:"level"`
	Signer            string `json:"signer"`
	SHA256Fingerprint string `json:"sha256_fingerprint"`
	Trust             string `json:"trust"`
	Time              string `json:"time,omitempty"`
	Covers            int64  `json:"covers"`
}

type checkLineJSON struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Code    string `json:"code"`
	Target  string `json:"target"`
	Message string `json:"message"`
}

func (c *command) showVerdict(v *packager.Verdict, target string, all bool) error {
	var err error
	if !v.OK {
		err = said(packager.ClassVerification)
	}
	if c.flags.JSON {
		doc := verdictJSON{Version: 1, Target: target, OK: v.OK, Signatures: []signatureJSON{}}
		for _, s := range v.Signatures {
			doc.Signatures = append(doc.Signatures, signatureJSON{s.Field, s.Level, s.Signer, s.SHA256Fingerprint, s.Trust, s.Time, s.Covers})
		}
		for _, k := range v.Checks {
			m, _ := verify.Say(c.ui.P, k)
			doc.Checks = append(doc.Checks, checkLineJSON{k.Name, k.OK, k.Code, k.Target, m})
		}
		if e := c.ui.Document(doc); e != nil {
			return e
		}
		return err
	}
	key, state := "verify.ok", packager.StateOK
	if !v.OK {
		key, state = "verify.bad", packager.Block
	}
	c.ui.Line("%s %s", c.ui.Mark(state), c.ui.Text(key, "target", target))
	quiet := 0
	for _, k := range v.Checks {
		m, next := verify.Say(c.ui.P, k)
		switch {
		case !k.OK:
			c.ui.Line("  %s %s: %s", c.ui.Mark(packager.Block), k.Target, m)
			if next != "" {
				c.ui.Line("      → %s", next)
			}
		case all || strings.HasPrefix(k.Name, "pdf.") || strings.HasPrefix(k.Name, "receipt.s") || k.Name == "events.chain":
			c.ui.Line("  %s %s: %s", c.ui.Mark(packager.StateOK), k.Target, m)
		default:
			quiet++
		}
	}
	if quiet > 0 {
		c.ui.Line("  %s %s", c.ui.Mark(packager.StateOK), c.ui.Text("verify.more", "n", itoa(quiet)))
	}
	for _, s := range v.Signatures {
		c.ui.Line("  %s", c.ui.Text("verify.trust."+s.Trust, "signer", s.Signer))
	}
	return err
}

// isCaseFolder reports whether dir holds a case.yaml.
func isCaseFolder(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "case.yaml"))
	return err == nil
}

package cli

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/storage"
)

func (c *command) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: c.ui.Text("help.doctor"),
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withApp(func(a *app.App) error { return c.examine(cmd.Context(), a) })
		},
	}
	c.storeFlags(cmd)
	c.termFlags(cmd)
	return cmd
}

// diagnosis is one thing that doctor looked at.
type diagnosis struct {
	Name    string            `json:"name"`
	State   packager.Severity `json:"state"` // ok, info, warn, block
	Message string            `json:"message"`
	Next    string            `json:"next,omitempty"`
}

func (c *command) examine(ctx context.Context, a *app.App) error {
	var all []diagnosis
	say := func(name string, state packager.Severity, code string, args packager.Args) {
		m, n := c.ui.P.Say(code, args)
		all = append(all, diagnosis{name, state, m, n})
	}
	say("version", packager.StateOK, "DOCTOR_VERSION", packager.Args{"version": app.Version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
	for _, d := range []struct{ name, dir string }{{"data", a.Config.DataDir}, {"cache", a.Config.CacheDir}} {
		if err := writable(d.dir); err != nil {
			say(d.name, packager.Block, "DOCTOR_UNWRITABLE", packager.Args{"dir": d.dir, "error": err.Error()})
		} else {
			say(d.name, packager.StateOK, "DOCTOR_WRITABLE", packager.Args{"dir": d.dir})
		}
	}
	for _, t := range []struct{ name, program, missing string }{
		{"tesseract", "tesseract", "DOCTOR_NO_TESSERACT"},
		{"libreoffice", "soffice", "DOCTOR_NO_LIBREOFFICE"},
	} {
		if path, err := exec.LookPath(t.program); err == nil {
			say(t.name, packager.StateOK, "DOCTOR_PROGRAM", packager.Args{"path": path})
		} else {
			say(t.name, packager.Info, t.missing, nil)
		}
	}
	failed := c.examineStore(ctx, a, say)
	if c.flags.JSON {
		if err := c.ui.Document(map[string]any{"version": 1, "checks": all}); err != nil {
			return err
		}
	} else {
		for _, d := range all {
			c.ui.Hanging(c.ui.Out, c.ui.Mark(d.State)+" ", d.Message, "")
			if d.Next != "" {
				c.ui.Hanging(c.ui.Out, "    → ", d.Next, "")
			}
		}
	}
	return failed
}

// writable finds out whether a file can be made in a folder, by making one.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	return f.Close()
}

type sayFunc func(name string, state packager.Severity, code string, args packager.Args)

// examineStore says what the store can do; a store that cannot be reached, that
// lies, or that cannot keep what the settings promise, is the error of doctor
// (exit 6).
func (c *command) examineStore(ctx context.Context, a *app.App, say sayFunc) error {
	a.AskStore = true // and not what it could do last week
	where, err := a.Store(a.Config.Store)
	if err != nil {
		return err
	}
	args := packager.Args{"url": where.URL}
	store, err := where.Open(ctx)
	if err == nil {
		var caps storage.Capabilities
		if p, ok := store.(storage.Prober); ok {
			caps, err = p.Probe(ctx)
		}
		if err == nil {
			return sayStore(store, caps, where.Terms, args, say)
		}
	}
	fault := pipeline.StoreFault(err)
	if f, ok := fault.(*packager.Fault); ok { //nolint:errorlint // StoreFault returns it unwrapped
		m, n := c.ui.P.Say(f.Code, f.Args)
		args["error"], args["next"] = m, n
	} else {
		args["error"] = fault.Error()
	}
	say("store", packager.Block, "DOCTOR_STORE_BAD", args)
	return said(packager.ClassStore)
}

// remoteStore is one that is reached over a network.
type remoteStore interface {
	Endpoint() string
	ProfileName() string
	Secure() bool
	Skew() (time.Duration, bool)
}

func sayStore(store storage.Store, caps storage.Capabilities, terms pipeline.Terms, args packager.Args, say sayFunc) error {
	remote, ok := store.(remoteStore)
	if !ok { // retention and server-side encryption were refused already
		say("store", packager.StateOK, "DOCTOR_STORE_LOCAL", args)
		return nil
	}
	args["host"], args["profile"] = remote.Endpoint(), remote.ProfileName()
	say("store", packager.StateOK, "DOCTOR_STORE", args)
	if !remote.Secure() && !isLoopback(remote.Endpoint()) {
		say("store.https", packager.Warn, "DOCTOR_STORE_HTTP", args)
	}
	if skew, known := remote.Skew(); known {
		state, code := packager.StateOK, "DOCTOR_CLOCK"
		if skew.Abs() > clockTolerance {
			state, code = packager.Warn, "DOCTOR_CLOCK_OFF"
		}
		say("store.clock", state, code, packager.Args{"seconds": itoa(int(skew.Abs().Seconds()))})
	}
	sayCapabilities(caps, say)
	promised := !terms.Retention.IsZero()
	if promised && !terms.Sealed() {
		say("store.erasable", packager.Warn, "DOCTOR_LOCKED_IN_CLEAR", nil)
	}
	if promised && !caps.ObjectLock {
		say("store.promise", packager.Block, "DOCTOR_NO_PROMISE", args)
		return said(packager.ClassStore)
	}
	return nil
}

// clockTolerance is what clocks that are set over a network never reach;
// servers refuse requests from 15 minutes on.
const clockTolerance = time.Minute

func isLoopback(endpoint string) bool {
	host := endpoint
	if h, _, err := net.SplitHostPort(endpoint); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func sayCapabilities(caps storage.Capabilities, say sayFunc) {
	for _, k := range []struct {
		name string
		have bool
		lack packager.Severity
	}{
		{"exclusive_create", caps.ExclusiveCreate, packager.Info},
		{"exclusive_complete", caps.ExclusiveComplete, packager.Info},
		{"returns_sha256", caps.ReturnsSHA256 && caps.RefusesWrongSHA256, packager.Info},
		{"checks_signature", caps.ChecksSignature, packager.Warn},
		{"multipart", caps.Multipart, packager.Warn},
		{"paging", caps.Paging, packager.Warn},
		{"versions", caps.Versions, packager.Warn},
		{"object_lock", caps.ObjectLock, packager.Warn},
		{"aborts_uploads", caps.AbortsUploads, packager.Info},
	} {
		state, code := packager.StateOK, "DOCTOR_HAS_"+k.name
		if !k.have {
			state, code = k.lack, "DOCTOR_LACKS_"+k.name
		}
		say("store."+k.name, state, code, nil)
	}
}

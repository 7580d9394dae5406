// Package app is the composition root: it builds signer, store, inspector and
// composer from the settings. Nothing else knows how they are made.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"dossier/cmd/internal/config"
	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/casefile"
	"dossier/packager/compose"
	"dossier/packager/compose/letter"
	"dossier/packager/i18n"
	"dossier/packager/identity"
	"dossier/packager/inspect"
	"dossier/packager/pipeline"
	"dossier/packager/rules"
	"dossier/packager/sign"
	"dossier/packager/sign/tsp"
	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/s3"
	"dossier/templates"
)

// App is the program for one run.
type App struct {
	Config   *config.Config
	Rules    *rules.Library
	Calendar *identity.Calendar
	Catalog  *i18n.Catalog
	Words    *i18n.Printer
	Now      func() time.Time
	Ask      Asker
	// Tell says what the user must know though nothing failed; nil is silent.
	Tell func(code string, args packager.Args)
	// AskPDF: the person at the terminal is asked for passwords of PDFs, too.
	AskPDF bool
	// AskStore: what a store can do is found out anew, and not taken from an
	// earlier run.
	AskStore bool
	// Fence is the command that parses foreign files in a process of its own;
	// nil: they are parsed in this one.
	Fence []string

	identities []age.Identity // read once
	secret     string         // the passphrase of the store, asked for once
}

// Asker asks a person for a secret, which is not shown as it is typed. It is
// nil where nobody can be asked.
type Asker func(question string) (string, error)

// version is set by the linker: -X dossier/cmd/internal/app.version=v1.2.3.
var version string

// Version returns the version of this build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// New builds what every command needs: rules, calendar, words.
func New(cfg *config.Config, catalog *i18n.Catalog, words *i18n.Printer, now func() time.Time) (*App, error) {
	layers := make([]fs.FS, len(cfg.Rules))
	for i, dir := range cfg.Rules {
		if _, err := os.Stat(dir); err != nil {
			return nil, &packager.Fault{Class: packager.ClassConfig, Code: "RULES_NO_FOLDER", Args: packager.Args{"dir": dir}, Err: err}
		}
		layers[i] = os.DirFS(dir)
	}
	lib, err := rules.Load(templates.FS, layers...)
	if err != nil {
		return nil, err
	}
	cal, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		return nil, err
	}
	return &App{Config: cfg, Rules: lib, Calendar: cal, Catalog: catalog, Words: words, Now: now}, nil
}

// Day returns the day to judge by: --at, else today in Asia/Shanghai.
func (a *App) Day() (packager.Day, error) {
	if a.Config.At == "" {
		return packager.DayOf(a.Now()), nil
	}
	d, err := packager.ParseDay(a.Config.At)
	if err != nil {
		return d, &packager.Fault{Class: packager.ClassUsage, Code: "USAGE_DAY", Args: packager.Args{"value": a.Config.At}}
	}
	return d, nil
}

// Order reads a case folder and says what is to be built from it, and where.
func (a *App) Order(dir, out string, draft bool) (pipeline.Order, error) {
	day, err := a.Day()
	if err != nil {
		return pipeline.Order{}, err
	}
	c, err := casefile.Load(dir)
	if err != nil {
		return pipeline.Order{}, err
	}
	out, err = filepath.Abs(cmp.Or(out, filepath.Join(c.Dir, "out")))
	return pipeline.Order{Case: c, Day: day, Out: out, Draft: draft}, err
}

// Pipeline builds the way through. Its Close ends the engines that it started.
func (a *App) Pipeline(observe packager.Observer) (*pipeline.Pipeline, error) {
	store, err := a.Store(a.Config.Store)
	if err != nil {
		return nil, err
	}
	letters, err := a.letters()
	if err != nil {
		return nil, err
	}
	timestamps, err := a.Timestamps()
	if err != nil {
		return nil, err
	}
	passwords, err := a.pdfPasswords()
	if err != nil {
		return nil, err
	}
	// The bundle speaks to the platform's reviewer, not to who runs the program.
	paper := a.Catalog.Printer(a.Config.BundleLang)
	return &pipeline.Pipeline{
		Rules:    a.Rules,
		Calendar: a.Calendar,
		Inspector: inspect.New(inspect.Options{
			CacheDir: filepath.Join(a.Config.CacheDir, "inspect"), EngineCacheDir: a.Config.CacheDir, Tesseract: a.Config.Tesseract,
			Office: a.office(), Signatures: pipeline.MaterialSignatures, Passwords: passwords,
			Helper: a.Fence, Limits: fenceLimits,
		}),
		Letters: letters,
		Press:   &letter.Press{Regular: templates.Regular, Bold: templates.Bold},
		Composer: compose.New(compose.Options{
			Regular: templates.Regular, Bold: templates.Bold, Printer: paper, CacheDir: a.Config.CacheDir,
		}),
		Key:       a.Key,
		KeyAtHand: a.KeyAtHand,
		Signing: sign.Options{
			Level: a.Config.Level, PSS: a.Config.PSS, Certify: a.Config.Certify,
			FontRegular: templates.Regular, Reason: paper.Text("sign.reason", nil),
			Timestamps: timestamps, AcceptLower: a.Config.AcceptLower,
		},
		Store: store,

		RetentionDays: a.Config.RetentionDays,

		Words:   a.Words,
		Paper:   paper,
		Actor:   a.Actor(),
		Now:     a.Now,
		Tool:    Version(),
		Observe: observe,
		Tell:    a.Tell,
	}, nil
}

// office says which LibreOffice shows office files.
func (a *App) office() string {
	if a.Config.LibreOffice == "off" {
		return ""
	}
	return cmp.Or(a.Config.LibreOffice, "auto")
}

// Timestamps asks the time-stamping authorities of the settings, in order; nil
// when there are none. Their certificates must lead to a trusted root: one of
// the settings, or else the system's.
func (a *App) Timestamps() (*tsp.Client, error) {
	if len(a.Config.TSA) == 0 {
		return nil, nil
	}
	roots, err := a.Roots(a.Config.Trust)
	return &tsp.Client{Authorities: a.Config.TSA, Roots: roots, Clock: a.Now()}, err
}

// Actor is who runs the program, for the audit log.
func (a *App) Actor() audit.Actor {
	actor := audit.Actor{Name: a.Config.Name}
	if u, err := user.Current(); err == nil {
		actor.User = u.Username
	}
	actor.Host, _ = os.Hostname() // "" is a stated absence
	return actor
}

// Store reads the address of a store: a folder, file:// or s3://.
func (a *App) Store(address string) (pipeline.Store, error) {
	switch {
	case strings.HasPrefix(address, "s3://"):
		if _, _, err := s3.ParseURL(address); err != nil {
			return pipeline.Store{}, storeURLFault(address, err)
		}
		terms, err := a.terms()
		if err != nil {
			return pipeline.Store{}, err
		}
		opts, err := a.s3Options()
		return pipeline.Store{URL: strings.TrimRight(address, "/"), Terms: terms, Open: func(ctx context.Context) (storage.Publisher, error) {
			return s3.Open(ctx, address, opts)
		}}, err
	case strings.HasPrefix(address, "file://"):
		u, err := url.Parse(address)
		if err != nil || u.Path == "" || u.Host != "" {
			return pipeline.Store{}, storeURLFault(address, err)
		}
		return a.localStore(u.Path)
	case strings.Contains(address, "://"):
		return pipeline.Store{}, storeURLFault(address, errors.New("unknown scheme"))
	}
	return a.localStore(address)
}

func (a *App) localStore(dir string) (pipeline.Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return pipeline.Store{}, err
	}
	terms, err := a.terms()
	if err != nil {
		return pipeline.Store{}, err
	}
	// Refused before anything is made, and not when it comes to storing.
	for _, promise := range []struct {
		made bool
		code string
	}{{!terms.Retention.IsZero(), "STORE_LOCAL_RETAIN"}, {terms.SSE != "", "STORE_LOCAL_SSE"}} {
		if promise.made {
			return pipeline.Store{}, &packager.Fault{Class: packager.ClassConfig, Code: promise.code, Args: packager.Args{"dir": dir}}
		}
	}
	return pipeline.Store{URL: "file://" + filepath.ToSlash(dir), Terms: terms, Open: func(context.Context) (storage.Publisher, error) {
		return local.Open(dir)
	}}, nil
}

// s3Options are the settings for an object store.
func (a *App) s3Options() (s3.Options, error) {
	sse, err := a.encryption()
	if err != nil {
		return s3.Options{}, err
	}
	opts := s3.Options{
		Profile: a.Config.StoreProfile, Now: a.Now, Encryption: sse, Memory: filepath.Join(a.Config.CacheDir, "stores"),
		Attempts: a.Config.StoreAttempts,
	}
	if v := a.Config.StoreStall; v != "" {
		if opts.Stall, err = time.ParseDuration(v); err != nil || opts.Stall <= 0 {
			return opts, &packager.Fault{Class: packager.ClassConfig, Code: "STORE_STALL_FORM", Args: packager.Args{"value": v}}
		}
	}
	if opts.Attempts < 0 {
		return opts, &packager.Fault{Class: packager.ClassConfig, Code: "CONFIG_NUMBER", Args: packager.Args{"name": "DOSSIER_STORE_ATTEMPTS", "value": strconv.Itoa(opts.Attempts)}}
	}
	if a.AskStore {
		opts.Memory = ""
	}
	// A failure or two are no news; who waits longer is told why, once.
	var once sync.Once
	opts.OnRetry = func(r s3.Retry) {
		var e *storage.Error
		if r.Attempt < 3 || a.Tell == nil || !errors.As(r.Err, &e) {
			return
		}
		once.Do(func() {
			a.Tell("STORE_TRYING_AGAIN", packager.Args{"attempt": strconv.Itoa(r.Attempt), "code": string(e.Code)})
		})
	}
	return opts, nil
}

func storeURLFault(address string, err error) error {
	return &packager.Fault{Class: packager.ClassConfig, Code: "STORE_URL_INVALID", Args: packager.Args{"url": address}, Err: err}
}

// CaseURL is the place of a publication in its store.
func (a *App) CaseURL(r *packager.Receipt) string {
	return r.Store + "/" + storage.CasePrefix(r.Case) + fmt.Sprint(r.Number) + "/"
}

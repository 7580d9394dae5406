// Package config gathers the settings of one run: flag, then environment
// (DOSSIER_…), then dossier.yaml beside the case or above it, then
// $XDG_CONFIG_HOME/dossier/config.yaml, then the default. Secrets are not
// among them: they come from the environment, a prompt or a key store.
package config

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/yamldoc"
	"dossier/templates"
)

// Flags are the settings that the command line gave; empty means not given.
type Flags struct {
	JSON        bool
	At          string
	AcceptLower bool // take a lower signature level when a service cannot be reached
	Passphrase  bool // encrypt with, and open by, a passphrase that is asked for
	Settings
}

// Settings can be given in every place.
type Settings struct {
	Store        string   `yaml:"store"`         // folder, file:// or s3://bucket/prefix
	StoreProfile string   `yaml:"store_profile"` // aws, aliyun-oss, tencent-cos, huawei-obs, qiniu, ceph, minio
	Key          string   `yaml:"key"`           // PKCS#12 file, pkcs11: URI, or the name of a local key
	Level        string   `yaml:"level"`         // B-B, B-T, B-LT, B-LTA
	Certify      int      `yaml:"certify"`       // DocMDP level 1 to 3; 0 is an approval signature
	PSS          bool     `yaml:"pss"`           // RSASSA-PSS
	TSA          []string `yaml:"tsa"`           // URLs of time-stamping authorities, in order
	Trust        []string `yaml:"trust"`         // PEM files or folders with roots, or "system"
	Name         string   `yaml:"name"`          // of the person, for the audit log
	Templates    string   `yaml:"templates"`     // folder with the user's own letters
	Tesseract    string   `yaml:"tesseract"`     // path of the program, or off
	LibreOffice  string   `yaml:"libreoffice"`   // path of the program, or off
	PDFPasswords string   `yaml:"pdf_passwords"` // file with passwords of PDFs
	Lang         string   `yaml:"lang"`          // zh, en
	BundleLang   string   `yaml:"bundle_lang"`   // of the PDF: zh (default), en
	Progress     string   `yaml:"progress"`      // auto, tty, plain, json, none
	Rules        []string `yaml:"rules"`         // folders with rule packs, laid over the built-in ones

	Recipients     []string `yaml:"recipients"`      // age public keys that what is stored is encrypted for, or "none"
	RecipientFiles []string `yaml:"recipient_files"` // files of them, one a line
	PassphraseFile string   `yaml:"passphrase_file"` // the passphrase to encrypt with, its first line
	Identities     []string `yaml:"identities"`      // age identity files that open what is stored
	SSE            string   `yaml:"sse"`             // s3, kms, kms:KEY-ID, c
	SSEKeyFile     string   `yaml:"sse_c_key_file"`  // 32 bytes, or their base64
	Retain         string   `yaml:"retain"`          // governance:3650d, compliance:2036-12-31, none
	LegalHold      bool     `yaml:"legal_hold"`
	RetentionDays  int      `yaml:"retention_days"` // of personal materials, after completion; 0: not stated
	StoreAttempts  int      `yaml:"store_attempts"` // how often a request to an object store is tried; 0: 10
	StoreStall     string   `yaml:"store_stall"`    // how long a connection may stand still, as 90s or 5m; "": 2m
}

// choices are the settings that take one of a few words, by their flag.
var choices = []struct {
	flag, env string
	list      []string
	of        func(*Settings) string
}{
	{"--lang", "DOSSIER_LANG", []string{"zh", "en"}, func(s *Settings) string { return s.Lang }},
	{"--bundle-lang", "DOSSIER_BUNDLE_LANG", []string{"zh", "en"}, func(s *Settings) string { return s.BundleLang }},
	{"--progress", "DOSSIER_PROGRESS", []string{"auto", "tty", "plain", "json", "none"}, func(s *Settings) string { return s.Progress }},
	{"--level", "DOSSIER_LEVEL", []string{"B-B", "B-T", "B-LT", "B-LTA"}, func(s *Settings) string { return s.Level }},
}

// Invalid names the first flag that has a value which it does not take, and
// what it takes; flag is "" when there is none.
func (f Flags) Invalid() (flag, value, list string) {
	for _, c := range choices {
		if v := c.of(&f.Settings); v != "" && !slices.Contains(c.list, v) {
			return c.flag, v, strings.Join(c.list, ", ")
		}
	}
	return "", "", ""
}

// Language reads zh, en, zh_CN.UTF-8 and the like; "" is neither.
func Language(v string) string {
	for _, l := range []string{"zh", "en"} {
		if v == l || strings.HasPrefix(v, l+"_") || strings.HasPrefix(v, l+"-") || strings.HasPrefix(v, l+".") {
			return l
		}
	}
	return ""
}

// checkEnv refuses what a variable may not say.
func checkEnv(env []string) error {
	for _, c := range choices {
		v := Getenv(env, c.env)
		if v == "" || slices.Contains(c.list, v) || c.flag == "--lang" && Language(v) != "" {
			continue
		}
		return &packager.Fault{Class: packager.ClassConfig, Code: "CONFIG_ENV_VALUE", Args: packager.Args{
			"name": c.env, "value": v, "list": strings.Join(c.list, ", "),
		}}
	}
	return nil
}

// Config is the result.
type Config struct {
	Settings
	At          string
	AcceptLower bool
	Passphrase  bool
	DataDir     string // $XDG_DATA_HOME/dossier
	CacheDir    string // the user's cache folder for dossier
	// Env is the environment, for what reads its own variables (S3).
	Env []string
}

// Lookup returns the last value of name in env, as the process would see it.
func Lookup(env []string, name string) (value string, found bool) {
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value, found = v, true
		}
	}
	return value, found
}

// Getenv is Lookup where an empty value means the same as none.
func Getenv(env []string, name string) string {
	v, _ := Lookup(env, name)
	return v
}

// folders finds the folders of the program: a variable of its own, the XDG
// base directories (a relative one counts as none, as their specification
// asks), else below the home folder. Without any of them it refuses: a key
// must not come to lie wherever the program happens to run.
func (c *Config) folders(get func(string) string) (configHome string, err error) {
	home := cmp.Or(get("HOME"), get("USERPROFILE"))
	if home == "" {
		if u, err := user.Current(); err == nil {
			home = u.HomeDir
		}
	}
	under := func(variable string, below ...string) string {
		if dir := get(variable); filepath.IsAbs(dir) {
			return dir
		}
		if home == "" {
			return ""
		}
		return filepath.Join(append([]string{home}, below...)...)
	}
	data, cache := under("XDG_DATA_HOME", ".local", "share"), under("XDG_CACHE_HOME", ".cache")
	if data == "" && get("DOSSIER_DATA") == "" || cache == "" && get("DOSSIER_CACHE") == "" {
		return "", &packager.Fault{Class: packager.ClassConfig, Code: "CONFIG_NO_HOME"}
	}
	c.DataDir = cmp.Or(get("DOSSIER_DATA"), filepath.Join(data, "dossier"))
	c.CacheDir = cmp.Or(get("DOSSIER_CACHE"), filepath.Join(cache, "dossier"))
	return under("XDG_CONFIG_HOME", ".config"), nil
}

// Load works out the settings for a place: a case folder, or the folder where
// the program runs. A mistake in a file is answered with packager.Diagnostics.
func Load(f Flags, env []string, caseDir string) (*Config, error) {
	get := func(name string) string { return Getenv(env, name) }
	if err := checkEnv(env); err != nil {
		return nil, err
	}
	c := &Config{Env: env, At: cmp.Or(f.At, get("DOSSIER_AT")), AcceptLower: f.AcceptLower, Passphrase: f.Passphrase}
	configHome, err := c.folders(get)
	if err != nil {
		return nil, err
	}
	near, err := beside(caseDir)
	if err != nil {
		return nil, err
	}
	var far Settings
	if configHome != "" {
		if far, err = read(filepath.Join(configHome, "dossier", "config.yaml")); err != nil {
			return nil, err
		}
	}
	c.Lang = cmp.Or(f.Lang, Language(get("DOSSIER_LANG")), near.Lang, far.Lang)
	c.Progress = cmp.Or(f.Progress, get("DOSSIER_PROGRESS"), near.Progress, far.Progress)
	c.Rules = firstList(f.Rules, list(get("DOSSIER_RULES")), near.Rules, far.Rules)
	c.Store = cmp.Or(f.Store, get("DOSSIER_STORE"), near.Store, far.Store, filepath.Join(c.DataDir, "store"))
	c.StoreProfile = cmp.Or(f.StoreProfile, get("DOSSIER_STORE_PROFILE"), near.StoreProfile, far.StoreProfile)
	c.Key = cmp.Or(f.Key, get("DOSSIER_KEY"), near.Key, far.Key)
	c.Level = cmp.Or(f.Level, get("DOSSIER_LEVEL"), near.Level, far.Level, "B-B")
	if c.Certify, err = number("DOSSIER_CERTIFY", get("DOSSIER_CERTIFY")); err != nil {
		return nil, err
	}
	c.Certify = cmp.Or(f.Certify, c.Certify, near.Certify, far.Certify)
	c.PSS = f.PSS || get("DOSSIER_PSS") == "1" || near.PSS || far.PSS
	c.TSA = firstList(f.TSA, words(get("DOSSIER_TSA")), near.TSA, far.TSA)
	c.Trust = firstList(f.Trust, list(get("DOSSIER_TRUST")), near.Trust, far.Trust)
	c.Name = cmp.Or(f.Name, get("DOSSIER_NAME"), near.Name, far.Name)
	c.Templates = cmp.Or(f.Templates, get("DOSSIER_TEMPLATES"), near.Templates, far.Templates)
	c.BundleLang = cmp.Or(f.BundleLang, get("DOSSIER_BUNDLE_LANG"), near.BundleLang, far.BundleLang, "zh")
	c.Tesseract = cmp.Or(f.Tesseract, get("DOSSIER_TESSERACT"), near.Tesseract, far.Tesseract)
	c.LibreOffice = cmp.Or(f.LibreOffice, get("DOSSIER_LIBREOFFICE"), near.LibreOffice, far.LibreOffice)
	c.PDFPasswords = cmp.Or(f.PDFPasswords, get("DOSSIER_PDF_PASSWORD_FILE"), near.PDFPasswords, far.PDFPasswords)
	c.sealing(f, near, far)
	c.SSE = cmp.Or(f.SSE, get("DOSSIER_SSE"), near.SSE, far.SSE)
	c.SSEKeyFile = cmp.Or(f.SSEKeyFile, get("DOSSIER_SSE_C_KEY_FILE"), near.SSEKeyFile, far.SSEKeyFile)
	c.Retain = cmp.Or(f.Retain, get("DOSSIER_RETAIN"), near.Retain, far.Retain)
	c.LegalHold = f.LegalHold || get("DOSSIER_LEGAL_HOLD") == "1" || near.LegalHold || far.LegalHold
	c.RetentionDays = cmp.Or(near.RetentionDays, far.RetentionDays)
	if c.StoreAttempts, err = number("DOSSIER_STORE_ATTEMPTS", get("DOSSIER_STORE_ATTEMPTS")); err != nil {
		return nil, err
	}
	c.StoreAttempts = cmp.Or(c.StoreAttempts, near.StoreAttempts, far.StoreAttempts)
	c.StoreStall = cmp.Or(get("DOSSIER_STORE_STALL"), near.StoreStall, far.StoreStall)
	return c, nil
}

// number reads a variable; one that is not set is 0.
func number(name, v string) (int, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, &packager.Fault{Class: packager.ClassConfig, Code: "CONFIG_NUMBER", Args: packager.Args{"name": name, "value": v}}
	}
	return n, nil
}

// sealing says for whom what is stored is encrypted. Recipients and passphrase
// exclude each other, so the first place that names either of them decides.
func (c *Config) sealing(f Flags, near, far Settings) {
	get := func(name string) string { return Getenv(c.Env, name) }
	c.Identities = firstList(f.Identities, list(get("DOSSIER_IDENTITY")), near.Identities, far.Identities)
	places := []Settings{
		f.Settings,
		{Recipients: words(get("DOSSIER_RECIPIENT")), RecipientFiles: list(get("DOSSIER_RECIPIENT_FILE")), PassphraseFile: get("DOSSIER_STORE_PASSPHRASE_FILE")},
		near, far,
	}
	for i, p := range places {
		if i == 0 && f.Passphrase {
			return
		}
		if len(p.Recipients)+len(p.RecipientFiles) > 0 || p.PassphraseFile != "" {
			c.Recipients, c.RecipientFiles, c.PassphraseFile = p.Recipients, p.RecipientFiles, p.PassphraseFile
			return
		}
		if i == 1 && get("DOSSIER_STORE_PASSPHRASE") != "" {
			c.Passphrase = true
			return
		}
	}
}

// list splits a variable as PATH is split.
func list(v string) []string {
	if v == "" {
		return nil
	}
	return filepath.SplitList(v)
}

// words splits a variable of URLs at commas and blanks.
func words(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

func firstList(lists ...[]string) []string {
	for _, l := range lists {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}

// beside finds dossier.yaml in a folder or the nearest folder above it.
func beside(dir string) (Settings, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Settings{}, err
	}
	for {
		path := filepath.Join(dir, "dossier.yaml")
		if _, err := os.Stat(path); err == nil {
			return read(path)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return Settings{}, nil
		}
		dir = up
	}
}

// read reads one file; one that does not exist is empty. Relative paths in it
// are relative to its folder.
func read(path string) (Settings, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, &packager.Fault{Class: packager.ClassConfig, Code: "CONFIG_UNREADABLE", Args: packager.Args{"file": path}, Err: err}
	}
	var f Settings
	if err := decode(path, b, &f); err != nil {
		return Settings{}, err
	}
	here := filepath.Dir(path)
	for _, p := range []*string{&f.Store, &f.Key, &f.Templates, &f.PDFPasswords, &f.PassphraseFile, &f.SSEKeyFile} {
		*p = relativeTo(here, *p)
	}
	for _, paths := range [][]string{f.Rules, f.Trust, f.RecipientFiles, f.Identities} {
		for i := range paths {
			paths[i] = relativeTo(here, paths[i])
		}
	}
	return f, nil
}

// relativeTo makes a path that begins with ./ or ../ relative to dir. Other
// words (a URL, the name of a key) stay.
func relativeTo(dir, p string) string {
	if strings.HasPrefix(p, "./") || strings.HasPrefix(p, "../") {
		return filepath.Join(dir, p)
	}
	return p
}

// decode holds a file against the schema of the configuration and reads it.
func decode(path string, b []byte, into *Settings) error {
	text, err := fs.ReadFile(templates.FS, "schema/config.schema.json")
	if err != nil {
		return err
	}
	schema, err := yamldoc.CompileSchema("config.schema.json", text)
	if err != nil {
		return err
	}
	doc, err := yamldoc.Parse(path, b)
	if err != nil {
		return err
	}
	if ds := schema.Check(doc, into); len(ds) > 0 {
		return ds
	}
	if ds := doc.Decode(into); len(ds) > 0 {
		return ds
	}
	return nil
}

package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

const (
	packFile      = "rules.yaml"
	commonFolder  = "_common"
	catalogueFile = "materials.yaml"
)

// Library is a set of rule packs. It is safe for concurrent use.
type Library struct {
	packs     map[string]*entry
	ids       []string // sorted
	catalogue []MaterialSpec
	quality   packager.Quality
	digest    string // of the catalogue's files
}

// entry is a pack that is read when it is first asked for, so that a broken
// pack hinders nobody who does not use it.
type entry struct {
	layer   fs.FS
	folder  string // of the pack, in the layer
	trusted bool
	once    sync.Once
	pack    *loaded
	err     error
}

// loaded is a pack with its programs.
type loaded struct {
	*Pack
	name     string // of the file, for positions
	doc      *yamldoc.Doc
	digest   string
	specs    map[string]MaterialSpec
	programs programs
}

// Load finds the rule packs in fsys — platforms/<id>/rules.yaml, and the
// catalogue platforms/_common/materials.yaml — and lays the overrides over
// them in order: a pack replaces the pack of the same id, a material of a
// catalogue the material of the same id. An override may leave out the folder
// platforms. fsys is what dossier ships and is held against the schema by
// tests; overrides are checked whenever they are read.
func Load(fsys fs.FS, overrides ...fs.FS) (*Library, error) {
	l := &Library{packs: map[string]*entry{}}
	digest := sha256.New()
	for i, layer := range append([]fs.FS{fsys}, overrides...) {
		root, err := rootOf(layer)
		if err != nil {
			return nil, err
		}
		n, err := l.addPacks(layer, root, i == 0)
		if err != nil {
			return nil, err
		}
		b, err := l.addCatalogue(layer, root, i == 0)
		if err != nil {
			return nil, err
		}
		if n == 0 && b == nil {
			return nil, fault("RULES_EMPTY", packager.Args{"path": nameOf(layer)}, nil)
		}
		if b != nil {
			sum := sha256.Sum256(yamldoc.Canonical(b))
			digest.Write(sum[:])
		}
	}
	l.digest = hex.EncodeToString(digest.Sum(nil))
	for id := range l.packs {
		l.ids = append(l.ids, id)
	}
	slices.Sort(l.ids)
	return l, nil
}

func fault(code string, args packager.Args, err error) error {
	return &packager.Fault{Class: packager.ClassConfig, Code: code, Args: args, Err: err}
}

// nameOf is the path of a folder of the disk (os.DirFS), "" for other layers.
func nameOf(layer fs.FS) string {
	if v := reflect.ValueOf(layer); v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}

func rootOf(layer fs.FS) (string, error) {
	info, err := fs.Stat(layer, "platforms")
	switch {
	case err == nil && info.IsDir():
		return "platforms", nil
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return ".", nil
	}
	return "", fault("RULES_UNREADABLE", packager.Args{"path": "platforms"}, err)
}

// addPacks notes where the packs of a layer are and returns how many there are.
func (l *Library) addPacks(layer fs.FS, root string, trusted bool) (int, error) {
	folders, err := fs.ReadDir(layer, root)
	if err != nil {
		return 0, fault("RULES_UNREADABLE", packager.Args{"path": root}, err)
	}
	n := 0
	for _, f := range folders {
		id := f.Name()
		if strings.HasPrefix(id, "_") || strings.HasPrefix(id, ".") {
			continue
		}
		folder := path.Join(root, id)
		if _, err := fs.Stat(layer, path.Join(folder, packFile)); err != nil {
			continue
		}
		l.packs[id] = &entry{layer: layer, folder: folder, trusted: trusted}
		n++
	}
	return n, nil
}

// addCatalogue lays the catalogue of a layer over what is there and returns
// its bytes, nil when the layer has none.
func (l *Library) addCatalogue(layer fs.FS, root string, trusted bool) ([]byte, error) {
	name := path.Join(root, commonFolder, catalogueFile)
	b, err := fs.ReadFile(layer, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault("RULES_UNREADABLE", packager.Args{"path": name}, err)
	}
	schema := catalogueSchema
	if trusted {
		schema = nil
	}
	var c catalogue
	if _, err := readYAML(name, b, schema, &c); err != nil {
		return nil, err
	}
	for _, m := range c.Materials {
		l.catalogue = overlay(l.catalogue, m)
	}
	l.quality = c.Quality.Over(l.quality)
	return b, nil
}

// catalogue is the form of platforms/_common/materials.yaml.
type catalogue struct {
	Quality   packager.Quality `yaml:"quality,omitempty"`
	Materials []MaterialSpec   `yaml:"materials"`
}

func overlay(list []MaterialSpec, m MaterialSpec) []MaterialSpec {
	i := slices.IndexFunc(list, func(have MaterialSpec) bool { return have.ID == m.ID })
	if i < 0 {
		return append(list, m)
	}
	list = slices.Clone(list)
	list[i] = m
	return list
}

// IDs returns the ids of all platforms, sorted.
func (l *Library) IDs() []string { return slices.Clone(l.ids) }

// Pack returns the pack of a platform. Errors are a packager.Fault
// PLATFORM_UNKNOWN and packager.Diagnostics.
func (l *Library) Pack(id string) (*Pack, error) {
	p, err := l.load(id)
	if err != nil {
		return nil, err
	}
	return p.Pack, nil
}

// Files returns the folder of a platform: rules.yaml and what stands beside
// it, letters and cases.
func (l *Library) Files(id string) (fs.FS, error) {
	e, err := l.entry(id)
	if err != nil {
		return nil, err
	}
	return fs.Sub(e.layer, e.folder)
}

// Catalogue returns the materials that a platform knows: the shared ones with
// the pack's own laid over them, in the order in which they are written.
func (l *Library) Catalogue(id string) ([]packager.MaterialSpec, error) {
	p, err := l.load(id)
	if err != nil {
		return nil, err
	}
	var all []packager.MaterialSpec
	for _, m := range l.materials(p.Pack) {
		all = append(all, m.spec())
	}
	return all, nil
}

func (l *Library) materials(p *Pack) []MaterialSpec {
	list := slices.Clone(l.catalogue)
	for _, m := range p.Materials {
		list = overlay(list, m)
	}
	for i := range list {
		list[i].Quality = list[i].Quality.Over(p.Quality).Over(l.quality)
	}
	return list
}

// Digest returns the SHA-256 (hex) of a platform's pack and of the catalogue,
// over their canonical bytes (yamldoc.Canonical). It changes when a rule
// changes and nothing else does it.
func (l *Library) Digest(id string) (string, error) {
	p, err := l.load(id)
	if err != nil {
		return "", err
	}
	return p.digest, nil
}

func (l *Library) entry(id string) (*entry, error) {
	e, ok := l.packs[id]
	if !ok {
		return nil, fault("PLATFORM_UNKNOWN", packager.Args{
			"platform": id, "nearest": yamldoc.Nearest(id, l.ids), "known": strings.Join(l.ids, ", "),
		}, nil)
	}
	return e, nil
}

func (l *Library) load(id string) (*loaded, error) {
	e, err := l.entry(id)
	if err != nil {
		return nil, err
	}
	e.once.Do(func() { e.pack, e.err = l.read(e) })
	return e.pack, e.err
}

func (l *Library) read(e *entry) (*loaded, error) {
	name := path.Join(e.folder, packFile)
	b, err := fs.ReadFile(e.layer, name)
	if err != nil {
		return nil, fault("RULES_UNREADABLE", packager.Args{"path": name}, err)
	}
	schema := packSchema
	if e.trusted {
		schema = nil
	}
	var p Pack
	doc, err := readYAML(name, b, schema, &p)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(yamldoc.Canonical(b))
	both := sha256.Sum256([]byte(l.digest + "\n" + hex.EncodeToString(sum[:]) + "\n"))
	out := &loaded{Pack: &p, name: name, doc: doc, digest: hex.EncodeToString(both[:]), specs: map[string]MaterialSpec{}}
	for _, m := range l.materials(&p) {
		out.specs[m.ID] = m
	}
	if !e.trusted {
		if err := yamldoc.Sorted(l.lint(out)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readYAML reads a text, against a schema where one is given.
func readYAML(name string, b []byte, schema func() (*yamldoc.Schema, error), into any) (*yamldoc.Doc, error) {
	doc, err := yamldoc.Parse(name, b)
	if err != nil {
		return nil, err
	}
	var found packager.Diagnostics
	if schema != nil {
		s, err := schema()
		if err != nil {
			return nil, err
		}
		found = s.Check(doc, into)
	}
	if len(found) == 0 {
		found = doc.Decode(into)
	}
	return doc, yamldoc.Sorted(found)
}

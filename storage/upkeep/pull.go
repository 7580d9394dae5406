package upkeep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dossier/storage"
)

// PullOptions are what a bag says of its making.
type PullOptions struct {
	Day      time.Time // Bagging-Date
	Software string    // Bag-Software-Agent
	Observe  Observer  // in bytes
	// Unseal opens sealed objects. Nil: they go into the bag as they are
	// stored, with ".age" behind their names.
	Unseal Unsealer
}

// Unsealer opens sealed objects (storage/seal).
type Unsealer interface {
	// Unseal returns the plaintext of o, whose ciphertext is read from r.
	Unseal(ctx context.Context, o storage.Stored, r io.Reader) (io.Reader, error)
}

// Bag is a bag that was written.
type Bag struct {
	Dir   string
	Files int   // of the payload
	Bytes int64 // of the payload
	Gone  int   // objects that are not in it, because their time was over
}

// Damage is the error of [Pull] for a publication that is not whole any more.
type Damage struct{ Problems []Problem }

func (d *Damage) Error() string {
	lines := make([]string, len(d.Problems))
	for i, p := range d.Problems {
		lines[i] = fmt.Sprintf("%s: %s: %v", p.Name, p.Key, p.Err)
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As the errors of the single objects.
func (d *Damage) Unwrap() []error {
	errs := make([]error, len(d.Problems))
	for i, p := range d.Problems {
		errs[i] = p.Err
	}
	return errs
}

// receiptInBag is the receipt's place in the payload.
const receiptInBag = "receipt.json"

// Pull fetches the publication of a receipt into a new bag at dir: BagIt 1.0
// (RFC 8493), SHA-256 manifests, UTF-8. The payload has the receipt, the
// documents under their names and the materials under their paths in the case.
// dir must not exist or be empty.
//
// Every file is compared with the receipt. If one is lost or wrong, the error
// is a [*Damage] that names each, and there is no bag. What was fetched waits
// in a folder beside dir, so that Pull goes on there after a break. What
// [Expire] has ended is not lost: the bag has its record instead.
func Pull(ctx context.Context, s storage.Store, receiptKey, dir string, opts PullOptions) (Bag, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Bag{}, bagError(dir, err)
	}
	if err := checkFree(dir); err != nil {
		return Bag{}, err
	}
	text, err := storage.ReadAll(ctx, s, receiptKey, storage.MaxReceipt)
	if err != nil {
		return Bag{}, err
	}
	r, err := readReceipt(receiptKey, text)
	if err != nil {
		return Bag{}, err
	}
	ended, err := endsOf(ctx, s, r)
	if err != nil {
		return Bag{}, err
	}
	ended.texts[receiptInBag] = text
	files, err := payload(r, ended.texts, opts.Unseal)
	if err != nil {
		return Bag{}, storage.At(err, receiptKey)
	}
	partial := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".partial")
	if err := os.MkdirAll(filepath.Join(partial, "data"), 0o700); err != nil {
		return Bag{}, bagError(partial, err)
	}
	fetched, err := fetchAll(ctx, s, receiptKey, files, ended.over, filepath.Join(partial, "data"), opts.Observe)
	if err != nil {
		removeEmpty(partial)
		return Bag{}, err
	}
	bag, err := writeTags(partial, r, fetched, ended.texts, opts)
	if err != nil {
		return Bag{}, bagError(partial, err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Bag{}, bagError(dir, err)
	}
	if err := os.Rename(partial, dir); err != nil {
		return Bag{}, bagError(dir, err)
	}
	bag.Dir, bag.Gone = dir, len(files)-len(fetched)
	return bag, nil
}

// ends are what [Expire] has written down about a publication.
type ends struct {
	texts map[string][]byte // the records by their names
	over  map[string]bool   // keys of what was removed or shredded
}

func endsOf(ctx context.Context, s storage.Store, r storage.Receipt) (ends, error) {
	e := ends{map[string][]byte{}, map[string]bool{}}
	for i := 1; ; i++ {
		name := storage.ExpiredName(i)
		record, text, err := readExpiry(ctx, s, storage.CaseKey(r.Case, r.Number, name))
		if storage.CodeOf(err) == storage.NotFound {
			return e, nil
		}
		if err != nil {
			return e, err
		}
		e.texts[name] = text
		for _, key := range slices.Concat(record.Removed, record.Shredded) {
			e.over[key] = true
		}
	}
}

// removeEmpty removes the folders below dir, and dir, that have nothing in them.
func removeEmpty(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeEmpty(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir) // fails where something is left
}

func bagError(dir string, err error) error {
	code := storage.LocalIO
	if errors.Is(err, fs.ErrPermission) {
		code = storage.NoPermission
	}
	return storage.Fail(code, "pull", "", err, map[string]string{"path": dir})
}

func checkFree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err == nil {
		err = fs.ErrExist
	}
	return bagError(dir, err)
}

// file is one file of the payload: an object, and what it becomes.
type file struct {
	storage.Stored
	path   string // below data/
	sum    string // of the file
	bytes  int64
	unseal Unsealer // nil: the file is the object
}

// payload gives each object of the receipt its path below data/. Names come
// from the receipt, which anybody may have written: none may leave the folder,
// hit another, or mean something else on another system.
func payload(r storage.Receipt, texts map[string][]byte, unseal Unsealer) ([]file, error) {
	taken := map[string]bool{}
	for name := range texts {
		taken[name] = true
	}
	var files []file
	for _, o := range r.All() {
		f := file{Stored: o, sum: o.SHA256, bytes: o.Bytes}
		name, err := safeName(o.Name)
		if err != nil {
			return nil, err
		}
		if o.Sealed != nil {
			if f.unseal = unseal; unseal == nil {
				name += ".age"
			} else {
				f.sum, f.bytes = o.Plain()
			}
		}
		if taken[strings.ToLower(name)] {
			ext := path.Ext(name)
			name = strings.TrimSuffix(name, ext) + "." + f.sum[:8] + ext
		}
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s.%d", name, n)
		}
		taken[strings.ToLower(name)] = true
		f.path = name
		files = append(files, f)
	}
	return files, nil
}

// safeName cleans a path of a receipt, or refuses it.
func safeName(name string) (string, error) {
	bad := &storage.Error{Code: storage.BadReceipt, Op: "pull", Args: map[string]string{"name": name}, Err: errors.New("a name that leaves the bag")}
	if !fs.ValidPath(name) || name == "." || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", bad
	}
	// '%' and line ends would have to be percent-encoded in the manifest, and
	// readers of bags do not agree on how.
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || strings.ContainsRune(`\:*?"<>|%`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	for segment := range strings.SplitSeq(clean, "/") {
		if strings.TrimRight(segment, ". ") == "" {
			return "", bad
		}
	}
	return clean, nil
}

// fetchAll returns the files that are there.
func fetchAll(ctx context.Context, s storage.Store, receiptKey string, files []file, over map[string]bool, data string, observe Observer) ([]file, error) {
	m := &meter{observe: observe}
	for _, f := range files {
		m.total += f.Bytes
	}
	problems, gone := make([]*Problem, len(files)), make([]bool, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, f := range files {
		group.Go(func() error {
			err := f.fetch(ctx, s, filepath.Join(data, filepath.FromSlash(f.path)), func(n int64) { m.add(n, f.Name) })
			code := storage.CodeOf(err)
			if gone[i] = over[f.Key] && (code == storage.NotFound || code == storage.Shredded); gone[i] {
				return nil
			}
			if isDamage(code) {
				problems[i] = &Problem{Receipt: receiptKey, Key: f.Key, Name: f.Name, Code: code, Err: err}
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var d Damage
	var fetched []file
	for i, p := range problems {
		switch {
		case p != nil:
			d.Problems = append(d.Problems, *p)
		case !gone[i]:
			fetched = append(fetched, files[i])
		}
	}
	if len(d.Problems) > 0 {
		return nil, &d
	}
	return fetched, nil
}

// fetch writes the object to a file, under its name only when it is whole. A
// file that an earlier Pull left is kept if it is right.
func (f file) fetch(ctx context.Context, s storage.Store, at string, progress func(int64)) error {
	if c, err := storage.HashFile(ctx, at); err == nil && c.SHA256 == f.sum && c.Bytes == f.bytes {
		progress(f.Bytes)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return bagError(at, err)
	}
	in, err := s.Open(ctx, f.Key, storage.Range{})
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(at), ".new-*") // 0600
	if err != nil {
		return bagError(at, err)
	}
	defer os.Remove(out.Name()) // nothing, once it is renamed
	defer out.Close()
	if err := f.copy(ctx, out, in, progress); err != nil {
		return bagError(at, err)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return bagError(at, err)
	}
	if err := os.Rename(out.Name(), at); err != nil {
		return bagError(at, err)
	}
	return nil
}

// copy compares what is stored with the receipt, and what is inside it too.
func (f file) copy(ctx context.Context, out io.Writer, in io.Reader, progress func(int64)) error {
	stored, inside := &digest{h: sha256.New(), progress: progress}, &digest{h: sha256.New()}
	// One byte more than promised shows an object that has grown.
	raw := io.TeeReader(io.LimitReader(in, f.Bytes+1), stored)
	plain := raw
	var failed error
	if f.unseal != nil {
		plain, failed = f.unseal.Unseal(ctx, f.Stored, raw)
	}
	if failed == nil {
		_, failed = storage.Copy(ctx, io.MultiWriter(out, inside), plain)
	}
	if code := storage.CodeOf(failed); code != "" {
		return failed
	}
	// The rest of a ciphertext that could not be opened: is it the stored
	// bytes that are wrong?
	if _, err := storage.Copy(ctx, io.Discard, raw); err != nil {
		return err
	}
	if err := stored.compare(f.Key, f.SHA256, f.Bytes); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return inside.compare(f.Key, f.sum, f.bytes)
}

// digest hashes and counts what is written to it.
type digest struct {
	h        hash.Hash
	n        int64
	progress func(int64)
}

func (d *digest) Write(p []byte) (int, error) {
	d.h.Write(p)
	d.n += int64(len(p))
	if d.progress != nil {
		d.progress(int64(len(p)))
	}
	return len(p), nil
}

func (d *digest) compare(key, sum string, n int64) error {
	got := hex.EncodeToString(d.h.Sum(nil))
	if got == sum && d.n == n {
		return nil
	}
	return &storage.Error{Code: storage.Checksum, Op: "pull", Key: key, Args: map[string]string{"want": sum, "got": got}}
}

// writeTags writes texts (the receipt and what belongs to it) and the tag
// files, and removes what is not of the bag.
func writeTags(dir string, r storage.Receipt, fetched []file, texts map[string][]byte, opts PullOptions) (Bag, error) {
	var bag Bag
	payload := map[string]string{} // path → digest
	for _, f := range fetched {
		payload["data/"+f.path] = f.sum
		bag.Bytes += f.bytes
	}
	for name, text := range texts {
		payload["data/"+name] = storage.FromBytes(text).SHA256
		bag.Bytes += int64(len(text))
	}
	bag.Files = len(payload)

	files := map[string][]byte{
		"bagit.txt": []byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
		"bag-info.txt": fmt.Appendf(nil, "Bag-Software-Agent: %s\nBagging-Date: %s\nExternal-Identifier: %s/%d\nPayload-Oxum: %d.%d\n",
			oneLine(opts.Software), opts.Day.Format(time.DateOnly), r.Case, r.Number, bag.Bytes, bag.Files),
		"manifest-sha256.txt": manifest(payload),
	}
	tags := map[string]string{}
	for _, name := range []string{"bagit.txt", "bag-info.txt", "manifest-sha256.txt"} {
		tags[name] = storage.FromBytes(files[name]).SHA256
	}
	files["tagmanifest-sha256.txt"] = manifest(tags)
	for name, text := range texts {
		files["data/"+name] = text
	}
	for name, b := range files {
		if err := storage.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), b); err != nil {
			return bag, err
		}
	}
	return bag, removeStrangers(dir, func(name string) bool {
		return payload[name] != "" || files[name] != nil
	})
}

// removeStrangers removes files that an earlier, killed Pull left.
func removeStrangers(dir string, ours func(name string) bool) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil || ours(filepath.ToSlash(rel)) {
			return err
		}
		return os.Remove(file)
	})
}

// manifest is one line a file, sorted (RFC 8493 §2.1.3).
func manifest(files map[string]string) []byte {
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	var b bytes.Buffer
	for _, n := range names {
		fmt.Fprintf(&b, "%s  %s\n", files[n], n)
	}
	return b.Bytes()
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

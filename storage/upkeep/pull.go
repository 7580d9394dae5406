package upkeep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
}

// Bag is a bag that was written.
type Bag struct {
	Dir   string
	Files int   // of the payload
	Bytes int64 // of the payload
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
// in a folder beside dir, so that Pull goes on there after a break.
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
	names, err := payloadNames(r)
	if err != nil {
		return Bag{}, storage.At(err, receiptKey)
	}
	partial := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".partial")
	if err := os.MkdirAll(filepath.Join(partial, "data"), 0o700); err != nil {
		return Bag{}, bagError(partial, err)
	}
	if err := fetchAll(ctx, s, receiptKey, r, names, filepath.Join(partial, "data"), opts.Observe); err != nil {
		return Bag{}, err
	}
	bag, err := writeTags(partial, r, names, text, opts)
	if err != nil {
		return Bag{}, bagError(partial, err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Bag{}, bagError(dir, err)
	}
	if err := os.Rename(partial, dir); err != nil {
		return Bag{}, bagError(dir, err)
	}
	bag.Dir = dir
	return bag, nil
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

// payloadNames gives each of r.All() its path below data/. Names come from the
// receipt, which anybody may have written: none may leave the folder, hit
// another, or mean something else on another system.
func payloadNames(r storage.Receipt) ([]string, error) {
	taken := map[string]bool{strings.ToLower(receiptInBag): true}
	all := r.All()
	names := make([]string, len(all))
	for i, o := range all {
		name, err := safeName(o.Name)
		if err != nil {
			return nil, err
		}
		if taken[strings.ToLower(name)] {
			ext := path.Ext(name)
			name = strings.TrimSuffix(name, ext) + "." + o.SHA256[:8] + ext
		}
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s.%d", name, n)
		}
		taken[strings.ToLower(name)] = true
		names[i] = name
	}
	return names, nil
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

func fetchAll(ctx context.Context, s storage.Store, receiptKey string, r storage.Receipt, names []string, data string, observe Observer) error {
	all := r.All()
	m := &meter{observe: observe}
	for _, o := range all {
		m.total += o.Bytes
	}
	problems := make([]*Problem, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, o := range all {
		group.Go(func() error {
			err := fetch(ctx, s, o, filepath.Join(data, filepath.FromSlash(names[i])), func(n int64) { m.add(n, o.Name) })
			if err != nil && isDamage(storage.CodeOf(err)) {
				problems[i] = &Problem{Receipt: receiptKey, Key: o.Key, Name: o.Name, Code: storage.CodeOf(err), Err: err}
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var d Damage
	for _, p := range problems {
		if p != nil {
			d.Problems = append(d.Problems, *p)
		}
	}
	if len(d.Problems) > 0 {
		return &d
	}
	return nil
}

// fetch writes an object to file, under its name only when it is whole. A file
// that an earlier Pull left is kept if it is right.
func fetch(ctx context.Context, s storage.Store, o storage.Stored, file string, progress func(int64)) error {
	if c, err := storage.HashFile(ctx, file); err == nil && c.SHA256 == o.SHA256 && c.Bytes == o.Bytes {
		progress(o.Bytes)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return bagError(file, err)
	}
	in, err := s.Open(ctx, o.Key, storage.Range{})
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(file), ".new-*") // 0600
	if err != nil {
		return bagError(file, err)
	}
	defer os.Remove(out.Name()) // nothing, once it is renamed
	defer out.Close()
	h := sha256.New()
	// One byte more than promised shows an object that has grown.
	n, err := storage.Copy(ctx, &counting{io.MultiWriter(out, h), progress}, io.LimitReader(in, o.Bytes+1))
	if err != nil {
		return bagError(file, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != o.Bytes || got != o.SHA256 {
		return &storage.Error{Code: storage.Checksum, Op: "pull", Key: o.Key, Args: map[string]string{"want": o.SHA256, "got": got}}
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return bagError(file, err)
	}
	if err := os.Rename(out.Name(), file); err != nil {
		return bagError(file, err)
	}
	return nil
}

// writeTags writes receipt and tag files, and removes what is not of the bag.
func writeTags(dir string, r storage.Receipt, names []string, receipt []byte, opts PullOptions) (Bag, error) {
	var bag Bag
	payload := map[string]string{} // path → digest
	for i, o := range r.All() {
		payload["data/"+names[i]] = o.SHA256
		bag.Bytes += o.Bytes
	}
	payload["data/"+receiptInBag] = storage.FromBytes(receipt).SHA256
	bag.Files, bag.Bytes = len(payload), bag.Bytes+int64(len(receipt))

	files := map[string][]byte{
		"data/" + receiptInBag: receipt,
		"bagit.txt":            []byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
		"bag-info.txt": fmt.Appendf(nil, "Bag-Software-Agent: %s\nBagging-Date: %s\nExternal-Identifier: %s/%d\nPayload-Oxum: %d.%d\n",
			oneLine(opts.Software), opts.Day.Format(time.DateOnly), r.Case, r.Number, bag.Bytes, bag.Files),
		"manifest-sha256.txt": manifest(payload),
	}
	tags := map[string]string{}
	for _, name := range []string{"bagit.txt", "bag-info.txt", "manifest-sha256.txt"} {
		tags[name] = storage.FromBytes(files[name]).SHA256
	}
	files["tagmanifest-sha256.txt"] = manifest(tags)
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

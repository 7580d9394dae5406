package seal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/sync/errgroup"

	"dossier/storage"
)

// Options say for whom a publication is sealed.
type Options struct {
	// Recipients can open it later: age public keys, or one passphrase.
	Recipients []age.Recipient
	// Identities, if there are any, open the keys that the case has in the
	// store already, so that materials of an earlier publication for the same
	// recipients are found there again. Without them each publication gets
	// keys of its own.
	Identities []age.Identity
	// KeyFile keeps the key of a publication that is under way, so that an
	// interrupted one goes on with the same ciphertext; keys of classes are
	// kept beside it. They are secrets, of mode 0600; [Forget] removes them
	// when the publication is done.
	KeyFile string
	// Documents says which documents are sealed too, by name. Nil: none.
	Documents func(name string) bool
	// Class sorts items into classes (lower-case words, or ""), each with a
	// key of its own: one can be shredded and the others stay. Nil: all are of
	// one class.
	Class func(name string) string
}

// Publication returns p with its materials (and the documents that opts names)
// sealed, and stores the wrapped keys. Sealed documents get ".age" behind their
// name in the store.
func Publication(ctx context.Context, s storage.Publisher, p storage.Publication, opts Options) (storage.Publication, error) {
	if len(opts.Recipients) == 0 {
		return p, errors.New("no recipient")
	}
	ring := &ring{s: s, caseID: p.Case, opts: opts, keys: map[string]placedKey{}}
	out := p
	var err error
	if out.Blobs, err = ring.sealAll(ctx, p.Blobs, func(storage.Item) bool { return true }); err != nil {
		return p, err
	}
	out.Documents, err = ring.sealAll(ctx, p.Documents, func(i storage.Item) bool { return opts.Documents != nil && opts.Documents(i.Name) })
	return out, err
}

// ring has the keys of one publication, by class.
type ring struct {
	s      storage.Publisher
	caseID string
	opts   Options
	keys   map[string]placedKey
}

// placedKey is a key and where it is stored, wrapped.
type placedKey struct {
	Key
	where string
}

// key returns the key for a class.
func (r *ring) key(ctx context.Context, class string) (placedKey, error) {
	if k, ok := r.keys[class]; ok {
		return k, nil
	}
	k, err := r.find(ctx, label{class, names(r.opts.Recipients)})
	if err == nil {
		r.keys[class] = k
	}
	return k, err
}

func (r *ring) file(class string) string {
	if class == "" {
		return r.opts.KeyFile
	}
	return r.opts.KeyFile + "." + class
}

// find takes the key of the run before, or one that the case has in the store
// for the very same recipients, or makes one. For other recipients than those
// a key must not be used again: who was left out could read on.
func (r *ring) find(ctx context.Context, l label) (placedKey, error) {
	file := r.file(l.class)
	failed := func(err error) (placedKey, error) {
		return placedKey{}, storage.Fail(storage.LocalIO, "seal", "", err, map[string]string{"path": file})
	}
	switch text, err := os.ReadFile(file); {
	case err == nil:
		k, have, err := parseLabelled(text)
		if err != nil {
			return failed(err)
		}
		if have.same(l) {
			where, err := r.keep(ctx, k, l)
			return placedKey{k, where}, err
		}
	case !os.IsNotExist(err):
		return failed(err)
	}
	k, where, err := r.fromStore(ctx, l)
	if err != nil {
		return placedKey{}, err
	}
	if where == "" {
		k = NewKey()
	}
	// On the disk before it is used: after a kill the same key goes on.
	if err := storage.WriteFile(file, []byte(l.text(k))); err != nil {
		return failed(err)
	}
	if where == "" {
		where, err = r.keep(ctx, k, l)
	}
	return placedKey{k, where}, err
}

// Forget removes the keys that a publication under way kept on the disk.
func Forget(keyFile string) error {
	files, err := filepath.Glob(keyFile + ".*")
	for _, f := range append(files, keyFile) {
		if e := os.Remove(f); e != nil && !os.IsNotExist(e) {
			err = e
		}
	}
	if err != nil {
		return storage.Fail(storage.LocalIO, "seal", "", err, map[string]string{"path": keyFile})
	}
	return nil
}

// keep stores the key wrapped for the recipients, unless it is there: a
// wrapping is not deterministic, and one is enough.
func (r *ring) keep(ctx context.Context, k Key, l label) (string, error) {
	for o, err := range r.s.List(ctx, storage.KeysPrefix(r.caseID)+k.ID()+".") {
		if err != nil {
			return "", err
		}
		return o.Key, nil
	}
	return wrapInto(ctx, r.s, r.caseID, k, l, r.opts.Recipients)
}

func wrapInto(ctx context.Context, s storage.Store, caseID string, k Key, l label, recipients []age.Recipient) (string, error) {
	wrapped, err := l.wrap(k, recipients)
	if err != nil {
		return "", storage.Fail(storage.BadRecipient, "seal", "", err, nil)
	}
	c := storage.FromBytes(wrapped)
	where := storage.KeysPrefix(caseID) + k.ID() + "." + c.SHA256[:16] + ".age"
	_, err = s.Create(ctx, where, c, storage.CreateOptions{ContentType: "application/age"})
	return where, err
}

// fromStore returns the newest key of the case that has the label and that the
// identities open, with "" for where if there is none.
func (r *ring) fromStore(ctx context.Context, want label) (Key, string, error) {
	if len(r.opts.Identities) == 0 {
		return Key{}, "", nil
	}
	var newest storage.Object
	var key Key
	for o, err := range r.s.List(ctx, storage.KeysPrefix(r.caseID)) {
		if err != nil {
			return Key{}, "", err
		}
		if newest.Key != "" && !o.Modified.After(newest.Modified) {
			continue
		}
		k, have, err := load(ctx, r.s, o.Key, r.opts.Identities)
		if isNotForUs(err) || err == nil && !have.same(want) {
			continue
		}
		if err != nil {
			return Key{}, "", err
		}
		newest, key = o, k
	}
	return key, newest.Key, nil
}

func isNotForUs(err error) bool {
	var none *age.NoIdentityMatchError
	return errors.As(err, &none)
}

func load(ctx context.Context, s storage.Store, where string, identities []age.Identity) (Key, label, error) {
	wrapped, err := storage.ReadAll(ctx, s, where, maxWrapped)
	if err != nil {
		return Key{}, label{}, err
	}
	return unwrap(wrapped, identities)
}

func (r *ring) sealAll(ctx context.Context, items []storage.Item, which func(storage.Item) bool) ([]storage.Item, error) {
	out := make([]storage.Item, len(items))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, item := range items {
		out[i] = item
		if !which(item) {
			continue
		}
		class := ""
		if r.opts.Class != nil {
			class = r.opts.Class(item.Name)
		}
		key, err := r.key(ctx, class)
		if err != nil {
			return nil, errors.Join(err, group.Wait())
		}
		group.Go(func() error {
			c, err := key.Seal(gctx, item.Content)
			out[i].Content, out[i].ContentType = c, "application/age"
			out[i].Sealed = &storage.Sealed{Key: key.where, SHA256: item.Content.SHA256, Bytes: item.Content.Bytes}
			return err
		})
	}
	return out, group.Wait()
}

// Rewrap makes all keys of a case open to the recipients and to nobody else.
// It returns how many keys there are. Objects stay as they are: whoever kept a
// key that was open to them, or the bytes, keeps them. The new wrappings are
// there before an old one goes.
func Rewrap(ctx context.Context, s Keeper, caseID string, identities []age.Identity, recipients []age.Recipient) (int, error) {
	type found struct {
		key    Key
		label  label
		opened bool
	}
	keys := map[string]found{} // by id
	var old []string
	for o, err := range s.List(ctx, storage.KeysPrefix(caseID)) {
		if err != nil {
			return 0, err
		}
		_, id, ok := storage.ParseKeysKey(o.Key)
		if !ok {
			continue
		}
		old = append(old, o.Key)
		if keys[id].opened {
			continue
		}
		k, l, err := load(ctx, s, o.Key, identities)
		if err != nil && !isNotForUs(err) {
			return 0, err
		}
		keys[id] = found{k, l, err == nil}
	}
	for _, k := range keys {
		if !k.opened {
			return 0, &storage.Error{Code: storage.NoIdentity, Op: "rewrap", Key: storage.KeysPrefix(caseID)}
		}
	}
	for _, k := range keys {
		k.label.to = names(recipients)
		if _, err := wrapInto(ctx, s, caseID, k.key, k.label, recipients); err != nil {
			return 0, err
		}
	}
	for _, where := range old {
		if err := s.Remove(ctx, where); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// KeyCases returns the cases that have keys in the store, sorted.
func KeyCases(ctx context.Context, s storage.Publisher) ([]string, error) {
	var cases []string
	for o, err := range s.List(ctx, storage.KeysPrefix("")) {
		if err != nil {
			return nil, err
		}
		if id, _, ok := storage.ParseKeysKey(o.Key); ok && !slices.Contains(cases, id) {
			cases = append(cases, id)
		}
	}
	return cases, nil
}

// Keeper is a store whose keys can be changed.
type Keeper interface {
	storage.Publisher
	storage.Remover
}

// Shred removes keys of a case, by id, in every wrapping: what is sealed with
// them is lost for good, wherever a copy of it is.
func Shred(ctx context.Context, s Keeper, caseID string, ids []string) error {
	for _, id := range ids {
		var keys []string
		for o, err := range s.List(ctx, storage.KeysPrefix(caseID)+id+".") {
			if err != nil {
				return err
			}
			keys = append(keys, o.Key)
		}
		for _, where := range keys {
			if err := s.Remove(ctx, where); err != nil {
				return err
			}
		}
	}
	return nil
}

// Opener opens sealed objects; it is an upkeep.Unsealer.
type Opener struct {
	store      storage.Publisher
	identities []age.Identity

	mu   sync.Mutex
	keys map[string]openedKey // by where the receipt says that the key is
}

type openedKey struct {
	key Key
	err error
}

// NewOpener returns an Opener for what is sealed in s.
func NewOpener(s storage.Publisher, identities []age.Identity) *Opener {
	return &Opener{store: s, identities: identities, keys: map[string]openedKey{}}
}

// Unseal returns the plaintext of o, whose ciphertext is read from r. The
// error is [storage.Shredded] when the key was destroyed, and
// [storage.NoIdentity] when it is there and not for us.
func (u *Opener) Unseal(ctx context.Context, o storage.Stored, r io.Reader) (io.Reader, error) {
	key, err := u.key(ctx, o.Sealed.Key)
	if err != nil {
		return nil, storage.At(err, o.Key)
	}
	return key.Open(r)
}

// key looks each key up once: with a passphrase that takes a second.
func (u *Opener) key(ctx context.Context, where string) (Key, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k, known := u.keys[where]
	if !known {
		k.key, k.err = u.lookUp(ctx, where)
		if code := storage.CodeOf(k.err); k.err == nil || code == storage.Shredded || code == storage.NoIdentity {
			u.keys[where] = k
		}
	}
	return k.key, k.err
}

// lookUp finds a key by its id: it may have been wrapped anew since the
// receipt was written.
func (u *Opener) lookUp(ctx context.Context, where string) (Key, error) {
	caseID, id, ok := storage.ParseKeysKey(where)
	if !ok {
		return Key{}, &storage.Error{Code: storage.BadReceipt, Op: "unseal", Key: where}
	}
	var last error = &storage.Error{Code: storage.Shredded, Op: "unseal", Key: where}
	for o, err := range u.store.List(ctx, storage.KeysPrefix(caseID)+id+".") {
		if err != nil {
			return Key{}, err
		}
		key, _, err := load(ctx, u.store, o.Key, u.identities)
		if err == nil {
			return key, nil
		}
		last = &storage.Error{Code: storage.NoIdentity, Op: "unseal", Key: where} // age's own words say no more
		if !isNotForUs(err) && len(u.identities) > 0 {
			last = storage.Fail(storage.NoIdentity, "unseal", where, err, nil)
		}
	}
	return Key{}, last
}

// ParseRecipients reads age public keys, one each.
func ParseRecipients(keys []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, k := range keys {
		r, err := age.ParseRecipients(strings.NewReader(k))
		if err != nil {
			return nil, storage.Fail(storage.BadRecipient, "seal", "", err, map[string]string{"recipient": k})
		}
		out = append(out, r...)
	}
	return out, nil
}

// ForPassphrase returns what seals for and opens with a passphrase (scrypt). It
// cannot be combined with other recipients.
func ForPassphrase(passphrase string) (age.Recipient, age.Identity, error) {
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, nil, storage.Fail(storage.BadRecipient, "seal", "", err, nil)
	}
	id, err := age.NewScryptIdentity(passphrase)
	return r, id, err
}

// NewIdentity makes an age identity: the text of its file, and the public key.
func NewIdentity() (file, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", err
	}
	return "# public key: " + id.Recipient().String() + "\n" + id.String() + "\n", id.Recipient().String(), nil
}

// ParseIdentities reads an age identity file. One that is locked with a
// passphrase (age -p) is opened with what ask returns. The error repeats
// nothing of the text.
func ParseIdentities(text []byte, ask func() (string, error)) ([]age.Identity, error) {
	bad := func(err error) ([]age.Identity, error) {
		return nil, &storage.Error{Code: storage.BadIdentity, Op: "seal", Err: err}
	}
	var in io.Reader = bytes.NewReader(text)
	locked := bytes.HasPrefix(text, []byte("age-encryption.org/"))
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte(armor.Header)) {
		in, locked = armor.NewReader(bytes.NewReader(text)), true
	}
	if locked {
		passphrase, err := ask()
		if err != nil {
			return nil, err
		}
		_, id, err := ForPassphrase(passphrase)
		if err != nil {
			return nil, err
		}
		if in, err = age.Decrypt(in, id); err != nil {
			return bad(errors.New("the passphrase does not open it"))
		}
	}
	ids, err := age.ParseIdentities(in)
	if err != nil {
		return bad(errors.New("no AGE-SECRET-KEY-1… in it"))
	}
	return ids, nil
}

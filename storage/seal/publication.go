package seal

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"dossier/storage"
)

// Options say for whom a publication is sealed.
type Options struct {
	// Recipients can open it later: age public keys, or one passphrase.
	Recipients []age.Recipient
	// Identities, if there are any, open the key that the case has in the
	// store already, so that materials of an earlier publication are found
	// there again. Without them each publication gets a key of its own.
	Identities []age.Identity
	// KeyFile keeps the key of a publication that is under way, so that an
	// interrupted one goes on with the same ciphertext. It is a secret, of
	// mode 0600; [Forget] removes it when the publication is done.
	KeyFile string
	// Documents says which documents are sealed too, by name. Nil: none.
	Documents func(name string) bool
}

// Publication returns p with its materials (and the documents that opts names)
// sealed, and stores the wrapped key. Sealed documents get ".age" behind their
// name in the store.
func Publication(ctx context.Context, s storage.Publisher, p storage.Publication, opts Options) (storage.Publication, error) {
	if len(opts.Recipients) == 0 {
		return p, errors.New("no recipient")
	}
	key, where, err := caseKey(ctx, s, p.Case, opts)
	if err != nil {
		return p, err
	}
	out := p
	if out.Blobs, err = sealAll(ctx, key, where, p.Blobs, func(storage.Item) bool { return true }); err != nil {
		return p, err
	}
	out.Documents, err = sealAll(ctx, key, where, p.Documents, func(i storage.Item) bool { return opts.Documents != nil && opts.Documents(i.Name) })
	return out, err
}

// caseKey returns the key to seal with and the store's key of its wrapping.
func caseKey(ctx context.Context, s storage.Publisher, caseID string, opts Options) (Key, string, error) {
	if text, err := os.ReadFile(opts.KeyFile); err == nil {
		k, err := ParseKey(text)
		if err != nil {
			return Key{}, "", storage.Fail(storage.LocalIO, "seal", "", err, map[string]string{"path": opts.KeyFile})
		}
		where, err := keep(ctx, s, caseID, k, opts.Recipients)
		return k, where, err
	}
	k, where, err := fromStore(ctx, s, caseID, opts.Identities)
	if err != nil {
		return Key{}, "", err
	}
	if where == "" {
		k = NewKey()
	}
	// On the disk before it is used: after a kill the same key goes on.
	if err := storage.WriteFile(opts.KeyFile, []byte(k.text()+"\n")); err != nil {
		return Key{}, "", storage.Fail(storage.LocalIO, "seal", "", err, map[string]string{"path": opts.KeyFile})
	}
	if where == "" {
		where, err = keep(ctx, s, caseID, k, opts.Recipients)
	}
	return k, where, err
}

// Forget removes the key that a publication under way kept on the disk.
func Forget(keyFile string) error {
	err := os.Remove(keyFile)
	if err != nil && !os.IsNotExist(err) {
		return storage.Fail(storage.LocalIO, "seal", "", err, map[string]string{"path": keyFile})
	}
	return nil
}

// keep stores the key wrapped for the recipients, unless it is there: a
// wrapping is not deterministic, and one is enough.
func keep(ctx context.Context, s storage.Publisher, caseID string, k Key, recipients []age.Recipient) (string, error) {
	for o, err := range s.List(ctx, storage.KeysPrefix(caseID)+k.ID()+".") {
		if err != nil {
			return "", err
		}
		return o.Key, nil
	}
	return wrapInto(ctx, s, caseID, k, recipients)
}

func wrapInto(ctx context.Context, s storage.Store, caseID string, k Key, recipients []age.Recipient) (string, error) {
	wrapped, err := k.Wrap(recipients...)
	if err != nil {
		return "", err
	}
	c := storage.FromBytes(wrapped)
	where := storage.KeysPrefix(caseID) + k.ID() + "." + c.SHA256[:16] + ".age"
	_, err = s.Create(ctx, where, c, storage.CreateOptions{ContentType: "application/age"})
	return where, err
}

// fromStore returns the newest key of the case that the identities open, with
// "" for where if there is none.
func fromStore(ctx context.Context, s storage.Publisher, caseID string, identities []age.Identity) (Key, string, error) {
	if len(identities) == 0 {
		return Key{}, "", nil
	}
	var newest storage.Object
	var key Key
	for o, err := range s.List(ctx, storage.KeysPrefix(caseID)) {
		if err != nil {
			return Key{}, "", err
		}
		if newest.Key != "" && !o.Modified.After(newest.Modified) {
			continue
		}
		k, err := load(ctx, s, o.Key, identities)
		if isNotForUs(err) {
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

func load(ctx context.Context, s storage.Store, where string, identities []age.Identity) (Key, error) {
	wrapped, err := storage.ReadAll(ctx, s, where, 1<<20)
	if err != nil {
		return Key{}, err
	}
	return Unwrap(wrapped, identities...)
}

func sealAll(ctx context.Context, key Key, where string, items []storage.Item, which func(storage.Item) bool) ([]storage.Item, error) {
	out := make([]storage.Item, len(items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, item := range items {
		out[i] = item
		if !which(item) {
			continue
		}
		group.Go(func() error {
			c, err := key.Seal(ctx, item.Content)
			out[i].Content, out[i].ContentType = c, "application/age"
			out[i].Sealed = &storage.Sealed{Key: where, SHA256: item.Content.SHA256, Bytes: item.Content.Bytes}
			return err
		})
	}
	return out, group.Wait()
}

// Rewrap makes all keys of a case open to the recipients and to nobody else.
// It returns how many keys there are. Objects stay as they are: whoever kept a
// key that was open to them, or the bytes, keeps them.
func Rewrap(ctx context.Context, s Keeper, caseID string, identities []age.Identity, recipients []age.Recipient) (int, error) {
	keys := map[string]*Key{} // by id; nil: not opened yet
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
		if keys[id] != nil {
			continue
		}
		keys[id] = nil
		k, err := load(ctx, s, o.Key, identities)
		if err != nil && !isNotForUs(err) {
			return 0, err
		}
		if err == nil {
			keys[id] = &k
		}
	}
	for _, k := range keys {
		if k == nil {
			return 0, &storage.Error{Code: storage.NoIdentity, Op: "rewrap", Key: storage.KeysPrefix(caseID)}
		}
	}
	for _, k := range keys {
		if _, err := wrapInto(ctx, s, caseID, *k, recipients); err != nil {
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

// Keeper is a store whose keys can be changed.
type Keeper interface {
	storage.Publisher
	storage.Remover
}

// Shred removes every key of a case: its sealed objects are lost for good,
// wherever a copy of them is. It returns how many keys there were.
func Shred(ctx context.Context, s Keeper, caseID string) (int, error) {
	var keys []string
	for o, err := range s.List(ctx, storage.KeysPrefix(caseID)) {
		if err != nil {
			return 0, err
		}
		keys = append(keys, o.Key)
	}
	for i, where := range keys {
		if err := s.Remove(ctx, where); err != nil {
			return i, err
		}
	}
	return len(keys), nil
}

// Opener opens sealed objects; it is an upkeep.Unsealer.
type Opener struct {
	store      storage.Publisher
	identities []age.Identity
}

// NewOpener returns an Opener for what is sealed in s.
func NewOpener(s storage.Publisher, identities []age.Identity) *Opener {
	return &Opener{s, identities}
}

// Unseal returns the plaintext of o, whose ciphertext is read from r. The key
// may have been wrapped anew since the receipt was written, so it is looked
// for by its id.
func (u *Opener) Unseal(ctx context.Context, o storage.Stored, r io.Reader) (io.Reader, error) {
	caseID, id, ok := storage.ParseKeysKey(o.Sealed.Key)
	if !ok {
		return nil, &storage.Error{Code: storage.BadReceipt, Op: "unseal", Key: o.Key}
	}
	var last error = &storage.Error{Code: storage.Shredded, Op: "unseal", Key: o.Key}
	for k, err := range u.store.List(ctx, storage.KeysPrefix(caseID)+id+".") {
		if err != nil {
			return nil, err
		}
		key, err := load(ctx, u.store, k.Key, u.identities)
		if err == nil {
			return key.Open(r)
		}
		last = storage.Fail(storage.NoIdentity, "unseal", o.Key, err, nil)
	}
	return nil, last
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

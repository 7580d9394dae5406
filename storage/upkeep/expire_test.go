package upkeep_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"dossier/storage"
	"dossier/storage/seal"
	"dossier/storage/storagetest"
	"dossier/storage/upkeep"
)

func expireOptions(s seal.Keeper) upkeep.ExpireOptions {
	return upkeep.ExpireOptions{
		At: time.Date(2029, 11, 22, 0, 0, 0, 0, time.UTC), Reason: "PIPL art. 47",
		Keep:  func(_ upkeep.Publication, o storage.Stored) bool { return o.Name == "manifest.json" },
		Shred: func(ctx context.Context, id string, keys []string) error { return seal.Shred(ctx, s, id, keys) },
	}
}

// The end of a case: its materials are gone, what others need is there, and
// the store still counts as whole.
func TestExpire(t *testing.T) {
	s, _ := inDirectory(t)
	one := publish(t, s, storagetest.Example(t.TempDir(), "bundle", []byte("mine"), []byte("shared")))
	two := publish(t, s, storagetest.Example(t.TempDir(), "second bundle", []byte("mine")))
	other := storagetest.Example(t.TempDir(), "other bundle", []byte("shared"))
	other.Case, other.Receipt = "other", receiptFor("other")
	kept := publish(t, s, other)

	done, err := upkeep.Expire(t.Context(), s, "case-1", expireOptions(s))
	if err != nil || len(done) != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if !slices.Contains(done[0].Kept, one.Objects[1].Key) || !slices.Contains(done[0].Removed, one.Objects[0].Key) {
		t.Errorf("%+v", done[0])
	}
	for key, there := range map[string]bool{
		one.Key: true, two.Key: true, kept.Key: true,
		one.Objects[0].Key: false, one.Objects[1].Key: true,
		one.Files[0].Key: false, one.Files[2].Key: true, two.Files[0].Key: false,
	} {
		if _, err := s.Stat(t.Context(), key); (err == nil) != there {
			t.Errorf("%s: %v", key, err)
		}
	}
	storagetest.CheckComplete(t, s, kept.Key, other)

	rep, err := upkeep.Check(t.Context(), s, "", upkeep.CheckOptions{})
	if err != nil || len(rep.Problems) != 0 || rep.Gone == 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	pubs, err := upkeep.List(t.Context(), s, "case-1")
	if err != nil || pubs[0].Expired.IsZero() || len(pubs[0].Gone) != len(done[0].Removed) {
		t.Errorf("%+v, %v", pubs, err)
	}
	// What is lost without having been removed is still a problem.
	if err := s.Remove(t.Context(), one.Files[2].Key); err != nil {
		t.Fatal(err)
	}
	if rep, err := upkeep.Check(t.Context(), s, "case-1", upkeep.CheckOptions{}); err != nil || len(rep.Problems) != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
	// Stored anew it is a publication of its own: the old receipt names what is
	// not there any more.
	if again := publish(t, s, storagetest.Example(t.TempDir(), "second bundle", []byte("mine"))); again.Already || again.Number != 3 {
		t.Errorf("published anew: %+v", again)
	}
	if _, err := upkeep.Expire(t.Context(), s, "case-1", expireOptions(s)); err != nil {
		t.Fatal(err)
	}
	// Again: nothing new to write down.
	before := len(keys(t, s))
	if _, err := upkeep.Expire(t.Context(), s, "case-1", expireOptions(s)); err != nil || len(keys(t, s)) != before {
		t.Errorf("again: %v", err)
	}
	var e upkeep.Expiry
	text, err := storage.ReadAll(t.Context(), s, storage.CaseKey("case-1", 1, "expired.json"), 1<<20)
	if err != nil || json.Unmarshal(text, &e) != nil || e.Reason != "PIPL art. 47" {
		t.Errorf("%s, %v", text, err)
	}
}

// Under a lock sealed materials are shredded; plain ones are named as what
// must wait.
func TestExpireUnderALock(t *testing.T) {
	s := inMinIO(t, true)
	until := time.Now().UTC().Truncate(time.Second).Add(24 * time.Hour)
	me, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	p := storagetest.Example(t.TempDir(), "bundle", []byte("one"))
	p.Retention = storage.Retention{Mode: storage.Compliance, Until: until}
	sealed, err := seal.Publication(t.Context(), s, p, seal.Options{
		Recipients: []age.Recipient{me.Recipient()}, KeyFile: filepath.Join(t.TempDir(), "key"),
		Documents: func(name string) bool { return name != "manifest.json" },
	})
	if err != nil {
		t.Fatal(err)
	}
	done := publish(t, s, sealed)
	pull := func() (upkeep.Bag, error) {
		return upkeep.Pull(t.Context(), s, done.Key, filepath.Join(t.TempDir(), "bag"), upkeep.PullOptions{Unseal: seal.NewOpener(s, []age.Identity{me})})
	}
	if bag, err := pull(); err != nil || bag.Gone != 0 || bag.Files != 5 {
		t.Fatalf("%+v, %v", bag, err)
	}
	opts := expireOptions(s)
	opts.At = time.Now() // the server has its own clock
	records, err := upkeep.Expire(t.Context(), s, "case-1", opts)
	if err != nil || len(records) != 1 || len(records[0].Removed) != 0 || len(records[0].Shredded) != 3 {
		t.Fatalf("%+v, %v", records, err)
	}
	// What is left: receipt, manifest and the record; bagit-python agrees.
	bag, err := pull()
	if err != nil || bag.Gone != 3 || bag.Files != 3 {
		t.Fatalf("after shredding: %+v, %v", bag, err)
	}
	validate(t, bag.Dir)
	if rep, err := upkeep.Check(t.Context(), s, "", upkeep.CheckOptions{}); err != nil || len(rep.Problems) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}

	plain := storagetest.Example(t.TempDir(), "plain bundle", []byte("two"))
	plain.Case, plain.Receipt, plain.Retention = "plain", receiptFor("plain"), p.Retention
	publish(t, s, plain)
	records, err = upkeep.Expire(t.Context(), s, "plain", opts)
	var e *storage.Error
	if storage.CodeOf(err) != storage.Retained || !errors.As(err, &e) || e.Args["until"] != until.Format(time.DateOnly) {
		t.Errorf("plain materials under a lock: %+v, %v", records, err)
	}
}

// A dry run says what would be done and changes nothing. What is sealed with a
// key of its own outlives the rest.
func TestExpireKeepsAClass(t *testing.T) {
	s, _ := inDirectory(t)
	me, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := seal.Publication(t.Context(), s, storagetest.Example(t.TempDir(), "bundle", []byte("personal"), []byte("backup")), seal.Options{
		Recipients: []age.Recipient{me.Recipient()}, KeyFile: filepath.Join(t.TempDir(), "key"),
		Class: func(name string) string {
			if name == "materials/材料1.jpg" {
				return "backups"
			}
			return ""
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := publish(t, s, sealed)
	opts := expireOptions(s)
	opts.Keep = func(_ upkeep.Publication, o storage.Stored) bool {
		return o.Name == "manifest.json" || o.Name == "materials/材料1.jpg"
	}
	opts.DryRun = true
	before := keys(t, s)
	plan, err := upkeep.Expire(t.Context(), s, "case-1", opts)
	if err != nil || len(plan) != 1 || len(plan[0].Removed) != 3 || !slices.Equal(keys(t, s), before) {
		t.Fatalf("dry run: %+v, %v", plan, err)
	}
	opts.DryRun = false
	if _, err := upkeep.Expire(t.Context(), s, "case-1", opts); err != nil {
		t.Fatal(err)
	}
	opener := seal.NewOpener(s, []age.Identity{me})
	rep, err := upkeep.Check(t.Context(), s, "", upkeep.CheckOptions{Unseal: opener})
	if err != nil || len(rep.Problems) != 0 || rep.Gone != 3 || rep.Opened != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
	// A key that is lost without a record is a loss.
	if err := seal.Shred(t.Context(), s, "case-1", []string{keyIDOf(t, done.Objects[1])}); err != nil {
		t.Fatal(err)
	}
	rep, err = upkeep.Check(t.Context(), s, "", upkeep.CheckOptions{})
	if err != nil || len(rep.Problems) != 1 || rep.Problems[0].Code != storage.Shredded {
		t.Errorf("%+v, %v", rep, err)
	}
}

func keyIDOf(t *testing.T, o storage.Stored) string {
	t.Helper()
	_, id, ok := storage.ParseKeysKey(o.Sealed.Key)
	if !ok {
		t.Fatal(o.Sealed.Key)
	}
	return id
}

package s3_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// Retention and legal hold are set when an object is created, read back, kept
// against removal, and lengthened when the object is used again.
func TestRetention(t *testing.T) {
	day := time.Now().UTC().Truncate(time.Second).Add(24 * time.Hour)
	for name, server := range map[string]func(testing.TB) storagetest.Server{"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, server(t).NewBucket(t, true), true)
			for _, c := range []struct {
				name string
				size int
				want storage.Retention
			}{
				{"governance", 100, storage.Retention{Mode: storage.Governance, Until: day}},
				{"compliance", 100, storage.Retention{Mode: storage.Compliance, Until: day}},
				{"hold", 100, storage.Retention{LegalHold: true}},
				{"both", 100, storage.Retention{Mode: storage.Governance, Until: day, LegalHold: true}},
				{"in parts", 17 * mib, storage.Retention{Mode: storage.Compliance, Until: day}},
			} {
				t.Run(c.name, func(t *testing.T) {
					body := storagetest.FromSeed(1, c.size)
					key := "v1/test/" + strings.ReplaceAll(c.name, " ", "-")
					o, err := s.Create(t.Context(), key, body, storage.CreateOptions{Retention: c.want})
					if err != nil {
						t.Fatal(err)
					}
					if got, err := s.Stat(t.Context(), key); err != nil || !same(got.Retention, c.want) || !same(o.Retention, c.want) {
						t.Errorf("kept: %+v, returned: %+v, %v", got.Retention, o.Retention, err)
					}
					var e *storage.Error
					if err := s.Remove(t.Context(), key); storage.CodeOf(err) != storage.Retained || !errors.As(err, &e) || e.Args["until"] == "" {
						t.Errorf("Remove: %v", err)
					}
					if err := storage.Verify(t.Context(), s, key, body.Bytes, body.SHA256); err != nil {
						t.Errorf("after Remove: %v", err)
					}
					// Used again for longer, and for shorter.
					longer := c.want
					longer.Mode, longer.Until = storage.Governance, day.Add(48*time.Hour)
					for _, ask := range []storage.Retention{longer, c.want} {
						o, err := s.Create(t.Context(), key, body, storage.CreateOptions{Retention: ask})
						if err != nil || !o.Existed || !o.Retention.Until.Equal(longer.Until) || o.Retention.LegalHold != c.want.LegalHold {
							t.Errorf("again: %+v, %v", o, err)
						}
						if c.want.Mode == storage.Compliance && o.Retention.Mode != storage.Compliance {
							t.Errorf("the mode was weakened: %+v", o.Retention)
						}
					}
				})
			}
		})
	}
}

func same(a, b storage.Retention) bool {
	return a.Mode == b.Mode && a.Until.Equal(b.Until) && a.LegalHold == b.LegalHold
}

// A bucket without object lock cannot keep the promise: it says so.
func TestRetentionWithoutLock(t *testing.T) {
	for name, server := range map[string]func(testing.TB) storagetest.Server{"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, server(t).NewBucket(t, false), true)
			for _, size := range []int{100, 17 * mib} {
				_, err := s.Create(t.Context(), "v1/test/x", storagetest.FromSeed(1, size), storage.CreateOptions{
					Retention: storage.Retention{Mode: storage.Governance, Until: time.Now().Add(time.Hour)},
				})
				if storage.CodeOf(err) != storage.NoLock {
					t.Errorf("%d bytes: %v", size, err)
				}
				if _, err := s.Stat(t.Context(), "v1/test/x"); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%d bytes: something was stored: %v", size, err)
				}
			}
		})
	}
}

// On a bucket with versions Remove leaves no version behind, and what was
// removed can be stored again.
func TestRemoveOfVersions(t *testing.T) {
	for name, server := range map[string]func(testing.TB) storagetest.Server{"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, server(t).NewBucket(t, true), true)
			for range 2 {
				o, err := s.Create(t.Context(), "v1/test/v", storage.FromBytes([]byte("x")), storage.CreateOptions{})
				if err != nil || o.Version == "" || o.Existed {
					t.Fatalf("%+v, %v", o, err)
				}
				if err := s.Remove(t.Context(), "v1/test/v"); err != nil {
					t.Fatal(err)
				}
				if ids, err := s3.Versions(t.Context(), s, "v1/test/v"); err != nil || len(ids) != 0 {
					t.Errorf("versions left: %v, %v", ids, err)
				}
			}
		})
	}
}

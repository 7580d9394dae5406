package s3_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// gofakes3 answers 200 to everything, keeps chunk framing as if it were data,
// and looks at no signature. Nothing may be published there.
func TestLyingServerIsFoundOut(t *testing.T) {
	s := openStore(t, storagetest.StartGoFakeS3(t).NewBucket(t, false), false)
	c, err := s.Probe(t.Context())
	if storage.CodeOf(err) != storage.Lies {
		t.Fatalf("Probe: %+v, %v", c, err)
	}
	p := storagetest.Example(t.TempDir(), "bundle", []byte("material"))
	if _, err := storage.Publish(t.Context(), s, p); storage.CodeOf(err) != storage.Lies {
		t.Errorf("Publish: %v", err)
	}
	for o, err := range s.List(t.Context(), "v1/cases/") {
		t.Errorf("published all the same: %+v, %v", o, err)
	}
	var e *storage.Error
	if !errors.As(err, &e) || e.Args["how"] == "" {
		t.Errorf("how it lies is not said: %v", err)
	}
}

func TestProbeSaysWhatTheBucketCan(t *testing.T) {
	for name, server := range map[string]func(testing.TB) storagetest.Server{
		"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW,
	} {
		t.Run(name, func(t *testing.T) {
			plain := openStore(t, server(t).NewBucket(t, false), false)
			locked := openStore(t, server(t).NewBucket(t, true), false)
			c, err := plain.Probe(t.Context())
			if err != nil || c.Versions || c.ObjectLock || !c.ChecksSignature {
				t.Errorf("plain bucket: %+v, %v", c, err)
			}
			c, err = locked.Probe(t.Context())
			if err != nil || !c.Versions || !c.ObjectLock {
				t.Errorf("bucket with lock: %+v, %v", c, err)
			}
		})
	}
}

// What was found is remembered for a week, for this very store.
func TestProbeIsRemembered(t *testing.T) {
	now := time.Now()
	opts := s3.Options{Memory: filepath.Join(t.TempDir(), "memory"), Now: func() time.Time { return now }}
	first, proxy := behind(t, storagetest.StartMinIO(t), opts)
	want, err := first.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		url   string
		after time.Duration
		asks  bool
	}{
		{"the next day", first.URL(), 24 * time.Hour, false},
		{"after a week", first.URL(), 8 * 24 * time.Hour, true},
		{"before it was made", first.URL(), -time.Hour, true},
		{"another prefix", first.URL() + "/other", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := opts
			opts.Now = func() time.Time { return now.Add(c.after) }
			s, err := s3.Open(t.Context(), c.url, opts)
			if err != nil {
				t.Fatal(err)
			}
			before := proxy.Count(storagetest.IsAny)
			got, err := s.Probe(t.Context())
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v", got, err)
			}
			if asked := proxy.Count(storagetest.IsAny) != before; asked != c.asks {
				t.Errorf("asked the server: %t", asked)
			}
		})
	}
}

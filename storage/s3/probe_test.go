package s3_test

import (
	"errors"
	"testing"

	"dossier/storage"
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

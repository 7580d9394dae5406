package s3_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// Server-side encryption of each kind, on a real server with keys: it says that
// it encrypted, what comes back is what was sent, and publishing goes on after
// a break as it does without.
func TestServerSideEncryption(t *testing.T) {
	plain := storagetest.StartMinIO(t)
	secure, certFile := storagetest.StartTLSMinIO(t)
	t.Setenv("SSL_CERT_FILE", certFile)
	mine := bytes.Repeat([]byte{7}, 32)
	for _, c := range []struct {
		srv storagetest.Server
		enc s3.Encryption
	}{
		{plain, s3.Encryption{Mode: "sse-s3"}},
		{plain, s3.Encryption{Mode: "sse-kms", KMSKey: storagetest.TestKMSKey}},
		{secure, s3.Encryption{Mode: "sse-c", CustomerKey: mine}},
	} {
		t.Run(c.enc.Mode, func(t *testing.T) {
			url := c.srv.NewBucket(t, true)
			open := func(enc s3.Encryption) *s3.Store {
				s, err := s3.Open(t.Context(), url, s3.Options{Encryption: enc, RetryUnit: 10 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			s := open(c.enc)
			p := storagetest.Example(t.TempDir(), "bundle", []byte("small"), storagetest.Random(1, 33*mib))
			p.Retention = storage.Retention{Mode: storage.Governance, Until: time.Now().UTC().Truncate(time.Second).Add(time.Hour)}
			done, err := storage.Publish(t.Context(), s, p)
			if err != nil {
				t.Fatal(err)
			}
			storagetest.CheckComplete(t, s, done.Key, p)
			p.JournalDir = t.TempDir()
			if again, err := storage.Publish(t.Context(), open(c.enc), p); err != nil || !again.Already {
				t.Errorf("again: %+v, %v", again, err)
			}
			for _, o := range append(done.Objects, done.Files...) {
				if kind := s3.EncryptedAs(t, s, o.Key); kind != c.enc.Mode {
					t.Errorf("%s is stored as %q", o.Name, kind)
				}
			}
			if c.enc.Mode != "sse-c" {
				return
			}
			// Without the key, or with another, nothing comes back.
			for name, enc := range map[string]s3.Encryption{"none": {}, "another": {Mode: "sse-c", CustomerKey: bytes.Repeat([]byte{8}, 32)}} {
				if _, err := storage.ReadAll(t.Context(), open(enc), done.Key, 1<<20); err == nil {
					t.Errorf("read with key %q", name)
				}
			}
		})
	}
}

// An upload in parts that breaks off goes on under SSE-C as well: each request
// carries the key.
func TestServerSideEncryptionGoesOn(t *testing.T) {
	srv, certFile := storagetest.StartTLSMinIO(t)
	t.Setenv("SSL_CERT_FILE", certFile)
	url := srv.NewBucket(t, false)
	opts := s3.Options{Encryption: s3.Encryption{Mode: "sse-c", CustomerKey: bytes.Repeat([]byte{7}, 32)}, Attempts: 1}
	s, err := s3.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := storagetest.FromSeed(1, 40*mib)
	create := storage.CreateOptions{Checkpoint: checkpoint(filepath.Join(t.TempDir(), "upload.json"))}
	broken := c
	broken.Open = storage.FromBytes(storagetest.Random(1, 20*mib)).Open // ends after the first part
	if _, err := s.Create(t.Context(), "v1/test/x", broken, create); err == nil {
		t.Fatal("half of it was taken for the whole")
	}
	o, err := s.Create(t.Context(), "v1/test/x", c, create)
	if err != nil {
		t.Fatal(err)
	}
	if err := storage.Verify(t.Context(), s, o.Key, c.Bytes, c.SHA256); err != nil {
		t.Error(err)
	}
}

// A server that takes no notice of the wish is found out before anything is
// stored there; so is a key that cannot be one.
func TestServerSideEncryptionRefused(t *testing.T) {
	for _, mode := range []string{"sse-s3", "sse-kms"} {
		url := storagetest.StartVersityGW(t).NewBucket(t, false)
		s, err := s3.Open(t.Context(), url, s3.Options{Encryption: s3.Encryption{Mode: mode, KMSKey: "k"}})
		if err != nil {
			t.Fatal(err)
		}
		p := storagetest.Example(t.TempDir(), "bundle", []byte("material"))
		if _, err := storage.Publish(t.Context(), s, p); storage.CodeOf(err) != storage.NoSSE {
			t.Errorf("%s: %v", mode, err)
		}
		for o, err := range s.List(t.Context(), "") {
			t.Errorf("%s: stored all the same: %+v, %v", mode, o, err)
		}
	}
	// MinIO refuses a key of its caller over plain HTTP; we do not even send it.
	storagetest.StartMinIO(t).NewBucket(t, false)
	if _, err := s3.Open(t.Context(), "s3://bucket", s3.Options{Encryption: s3.Encryption{Mode: "sse-c", CustomerKey: make([]byte, 32)}}); storage.CodeOf(err) != storage.SSECInClear {
		t.Errorf("SSE-C over http: %v", err)
	}
	for name, enc := range map[string]s3.Encryption{"unknown": {Mode: "rot13"}, "short key": {Mode: "sse-c", CustomerKey: []byte("short")}} {
		if _, err := s3.Open(t.Context(), "s3://bucket", s3.Options{Encryption: enc, Endpoint: "https://a"}); storage.CodeOf(err) != storage.Unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}

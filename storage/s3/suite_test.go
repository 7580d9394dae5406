package s3_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

func opener(server func(testing.TB) storagetest.Server, probed bool) func(testing.TB) storagetest.Full {
	return func(t testing.TB) storagetest.Full {
		t.Helper()
		url := server(t).NewBucket(t, false)
		return openStore(t, url+"/some/prefix", probed)
	}
}

func openStore(t testing.TB, url string, probed bool) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), url, s3.Options{RetryUnit: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if probed {
		if _, err := s.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestMinIO(t *testing.T) { storagetest.Run(t, opener(storagetest.StartMinIO, true)) }

// What a store promises holds before it is probed, too: it then reads back.
func TestMinIOUnprobed(t *testing.T) { storagetest.Run(t, opener(storagetest.StartMinIO, false)) }

func TestVersityGW(t *testing.T) { storagetest.Run(t, opener(storagetest.StartVersityGW, true)) }

// A server that refuses checksum headers (as some do with 501): everything is
// read back.
func TestServerWithoutChecksums(t *testing.T) {
	s, proxy := behind(t, storagetest.StartMinIO(t), s3.Options{})
	proxy.Plan(storagetest.Always(storagetest.NotImplemented, func(r *http.Request) bool {
		return r.Header.Get("X-Amz-Checksum-Sha256")+r.Header.Get("X-Amz-Checksum-Algorithm") != ""
	}))
	s = openStore(t, s.URL(), false)
	c, err := s.Probe(t.Context())
	if err != nil || c.ReturnsSHA256 || !c.Multipart {
		t.Fatalf("Probe: %+v, %v", c, err)
	}
	for _, n := range []int{100, 17 * mib} {
		key := fmt.Sprintf("v1/test/%d", n)
		body := storagetest.FromSeed(1, n)
		read := proxy.Count(storagetest.IsGet)
		if _, err := s.Create(t.Context(), key, body, storage.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if proxy.Count(storagetest.IsGet) == read {
			t.Errorf("%d bytes were not read back", n)
		}
		if o, err := s.Create(t.Context(), key, body, storage.CreateOptions{}); err != nil || !o.Existed {
			t.Errorf("again: %+v, %v", o, err)
		}
	}
	// Bytes that are damaged on the way back are not taken for stored.
	proxy.Plan(storagetest.Always(storagetest.DamagedAnswer, storagetest.IsGet))
	if _, err := s.Create(t.Context(), "v1/test/damaged", storagetest.FromSeed(2, 100), storage.CreateOptions{}); storage.CodeOf(err) != storage.Checksum {
		t.Errorf("damaged: %v", err)
	}
}

// Over TLS the requests are of the same form; a certificate that nobody
// vouches for is named as what it is.
func TestTLS(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	url := srv.NewBucket(t, false)
	proxy, certFile := storagetest.StartTLSProxy(t, srv)
	proxy.Setenv(t)

	s, err := s3.Open(t.Context(), url, s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "v1/test/x", storage.FromBytes(nil), storage.CreateOptions{}); storage.CodeOf(err) != storage.BadCert {
		t.Errorf("a stranger's certificate: %v", err)
	}
	t.Setenv("SSL_CERT_FILE", certFile)
	s = openStore(t, url, true)
	for _, n := range []int{1000, 17 * mib} {
		body := storagetest.FromSeed(1, n)
		key := fmt.Sprintf("v1/test/%d", n)
		o, err := s.Create(t.Context(), key, body, storage.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := storage.Verify(t.Context(), s, key, o.Bytes, o.SHA256); err != nil {
			t.Error(err)
		}
	}

	// gofakes3 is found out over TLS as well.
	liar := storagetest.StartGoFakeS3(t)
	url = liar.NewBucket(t, false)
	proxy, certFile = storagetest.StartTLSProxy(t, liar)
	proxy.Setenv(t)
	t.Setenv("SSL_CERT_FILE", certFile)
	s = openStore(t, url, false)
	if _, err := s.Probe(t.Context()); storage.CodeOf(err) != storage.Lies {
		t.Errorf("the liar: %v", err)
	}
}

// A store that knows no If-None-Match, nor ListObjectsV2.
func TestMinIOAsAnOldStore(t *testing.T) {
	storagetest.RunNotExclusive(t, func(t testing.TB) storagetest.Full {
		url := storagetest.StartMinIO(t).NewBucket(t, false)
		s, err := s3.Open(t.Context(), url, s3.Options{Profile: s3.TestProfile, RetryUnit: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	})
}

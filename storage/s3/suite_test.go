package s3_test

import (
	"testing"
	"time"

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

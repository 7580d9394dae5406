package local_test

import (
	"testing"

	"dossier/storage/local"
	"dossier/storage/storagetest"
)

func open(t testing.TB) storagetest.Full {
	t.Helper()
	s, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) { storagetest.Run(t, open) }

package s3_test

import (
	"crypto/x509"
	"os"
	"testing"

	"dossier/storage/storagetest"
)

func TestMain(m *testing.M) {
	// The roots of the system are read once in the life of a process: now, and
	// not when a test has SSL_CERT_FILE name a certificate of its own.
	_, _ = x509.SystemCertPool()
	os.Exit(storagetest.Main(m))
}

package s3

import (
	"context"
	"net"
	"testing"

	"github.com/minio/minio-go/v7"
)

// TestProfile is a profile like those of stores that know neither
// If-None-Match nor ListObjectsV2, but reached as the test servers are.
const TestProfile = "test-old"

func init() {
	Profiles = append([]Profile{{Name: TestProfile, NoConditional: true, ListV1: true, lookup: minio.BucketLookupPath, forbid: "x-oss-forbid-overwrite"}}, Profiles...)
}

// Versions lists every version of a key.
func Versions(ctx context.Context, s *Store, key string) ([]string, error) {
	return s.versions(ctx, key)
}

// DialTo sends every connection of stores that are opened from now on to
// address, whatever host they ask for.
func DialTo(t *testing.T, address string) {
	dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	t.Cleanup(func() { dial = nil })
}

// EncryptedAs is the mode under which the server says that it keeps an object.
func EncryptedAs(t *testing.T, s *Store, key string) string {
	t.Helper()
	info, err := s.head(t.Context(), "test", key)
	if err != nil {
		t.Fatal(err)
	}
	switch h := info.Metadata; {
	case h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") == "AES256":
		return "sse-c"
	case h.Get("X-Amz-Server-Side-Encryption") == "aws:kms":
		return "sse-kms"
	case h.Get("X-Amz-Server-Side-Encryption") == "AES256":
		return "sse-s3"
	}
	return ""
}

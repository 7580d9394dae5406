package s3

import (
	"context"

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

package storage

import (
	"context"
	"time"
)

// Presigner is a store that can let somebody without a key read one object for
// a while.
type Presigner interface {
	// Presign returns a URL that reads the object until expires has passed,
	// at most 7 days (the limit of AWS Signature Version 4). The URL is a
	// secret: whoever has it can read. A key that is not there is
	// [ErrNotFound].
	Presign(ctx context.Context, key string, expires time.Duration) (string, error)
}

package s3

import (
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"dossier/storage"
)

// Encryption is server-side encryption: the server sees the bytes and writes
// them encrypted. It protects against stolen disks, not against the server.
type Encryption struct {
	// Mode is "" (what the bucket does by itself), "sse-s3", "sse-kms" or "sse-c".
	Mode string
	// KMSKey is the key id for "sse-kms".
	KMSKey string
	// CustomerKey is the 32-byte key for "sse-c". It is sent with every
	// request, so the server must be reached over TLS.
	CustomerKey []byte
}

func (e Encryption) serverSide() (encrypt.ServerSide, error) {
	var (
		sse encrypt.ServerSide
		err error
	)
	switch e.Mode {
	case "":
		return nil, nil
	case "sse-s3":
		return encrypt.NewSSE(), nil
	case "sse-kms":
		sse, err = encrypt.NewSSEKMS(e.KMSKey, nil)
	case "sse-c":
		sse, err = encrypt.NewSSEC(e.CustomerKey)
	default:
		return nil, &storage.Error{Code: storage.Unsupported, Op: "open", Args: map[string]string{"what": e.Mode}}
	}
	if err != nil {
		return nil, storage.Fail(storage.Unsupported, "open", "", err, map[string]string{"what": e.Mode})
	}
	return sse, nil
}

package storage

import (
	"context"
	"io"
	"iter"
	"time"
)

// Store keeps immutable objects under keys. All methods may be called from
// several goroutines and several processes at once. Every error is an [*Error]
// (or wraps one), except the error of ctx, which comes back as code
// [Cancelled].
type Store interface {
	// Create stores content under key and returns when the bytes are safe:
	// on the disk platter of a directory store, acknowledged and compared
	// with content.SHA256 in an object store. It never overwrites.
	//
	//   - The key is free: it is created whole or not at all. A reader never
	//     sees a part of it.
	//   - The key holds the same bytes: nothing is sent, Object.Existed is
	//     true, and there is no error. (A lost acknowledgement and a second
	//     try look like this.) The bytes are compared, by a digest that the
	//     store computed or by reading them; name, size, time and ETag are
	//     no proof.
	//   - The key holds other bytes: [ErrExists], and they stay as they were.
	//
	// Of several writers of different bytes exactly one wins, if the store's
	// [Capabilities] have ExclusiveCreate.
	//
	// If content does not read as its SHA256 says (the file was changed), the
	// error is [SourceChanged] and nothing is stored under key.
	Create(ctx context.Context, key string, content Content, opts CreateOptions) (Object, error)

	// Open reads an object or a range of it. A key that is not there is
	// [ErrNotFound]; a range that begins beyond the end reads nothing. The
	// caller closes the reader. Bytes are not checked against a digest: use
	// [Verify].
	Open(ctx context.Context, key string, r Range) (io.ReadCloser, error)

	// Stat says what the store knows of an object without reading it.
	// A key that is not there is [ErrNotFound].
	Stat(ctx context.Context, key string) (Object, error)
}

// Object is a stored object.
type Object struct {
	Key string `json:"key"`
	// SHA256 is the hex SHA-256 of the whole object, or "" where the store
	// would have to read it to know (a directory store; a multipart object).
	// After Create it is always there.
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// Version is the store's version id, or "" where it keeps no versions.
	Version string `json:"version"`

	// Modified is when the store took the object, by the store's clock.
	Modified time.Time `json:"-"`
	// Existed is set by Create: the same bytes were there already.
	Existed bool `json:"-"`
	// Retention is how long the store refuses to delete the object.
	Retention Retention `json:"-"`
}

// Range is a part of an object. The zero Range is all of it.
type Range struct {
	Offset int64
	Bytes  int64 // 0: to the end
}

// CreateOptions change how an object is created; the zero value is right for
// small objects.
type CreateOptions struct {
	// ContentType is the media type, "" for application/octet-stream.
	ContentType string
	// LookFirst asks whether the object is there before any byte is sent. Set
	// it for content-addressed keys, which often are.
	LookFirst bool
	// Checkpoint remembers an upload in parts, so that another run of the
	// program goes on with it. Nil: an interrupted upload begins anew.
	Checkpoint Checkpoint
	// Progress is told how many more bytes are safe or were found there. It
	// may be called from several goroutines at once, and may be nil.
	Progress func(bytes int64)
	// Retention is set on the object; a store that cannot keep it returns
	// [Unsupported] and stores nothing.
	Retention Retention
}

// Checkpoint keeps the state of one upload across runs. The bytes mean
// something to the store alone.
type Checkpoint interface {
	Load() ([]byte, error) // nil, nil: nothing was saved
	// Save returns when the state is on the disk.
	Save(state []byte) error
	// Note is a quicker Save: a program that is killed finds the state again,
	// one that loses its power perhaps not. An fsync after each part would
	// make whoever writes to the same disk wait, the server for example.
	Note(state []byte) error
	Clear() error
}

// Lister is a store that can list.
type Lister interface {
	// List yields the objects whose key begins with prefix, in the order of
	// their keys. It stops at the first error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
}

// Remover is a store that can remove. Only gc and expire use it.
type Remover interface {
	// Remove deletes the object and every version of it, for good. A key that
	// is not there is no error; an object under retention is [Retained].
	Remove(ctx context.Context, key string) error
}

// Retainer is a store that can refuse to delete (object lock).
type Retainer interface {
	// Retain lengthens the retention of an object. It never shortens one.
	Retain(ctx context.Context, key string, r Retention) error
}

// Retention is a promise not to delete. The zero Retention is none.
type Retention struct {
	Mode      RetentionMode
	Until     time.Time // in UTC, whole seconds
	LegalHold bool      // until it is lifted, whatever Until says
}

// RetentionMode is who may break a retention.
type RetentionMode string

const (
	Governance RetentionMode = "GOVERNANCE" // those with a special permission
	Compliance RetentionMode = "COMPLIANCE" // nobody
)

// IsZero reports whether nothing is promised.
func (r Retention) IsZero() bool { return r == Retention{} }

// Sweeper is a store that can hold leftovers of work that was cut off:
// temporary files, uploads that were never completed.
type Sweeper interface {
	// Leftovers yields what was begun and never finished.
	Leftovers(ctx context.Context) iter.Seq2[Leftover, error]
	// Discard removes one of them.
	Discard(ctx context.Context, l Leftover) error
}

// Leftover is work that was cut off.
type Leftover struct {
	ID    string // temporary file or upload id
	Key   string // the key that it was meant for, or ""
	Bytes int64  // -1: not known
	Since time.Time
}

// Prober is a store whose promises depend on the server behind it.
type Prober interface {
	// Probe finds out, with small objects under v1/probe/, what the store
	// really does. A store that answers yes and keeps other bytes is
	// [Lies]; then nothing may be published there.
	Probe(ctx context.Context) (Capabilities, error)
}

// Located is a store that can say where it is.
type Located interface {
	// URL is the store's address without credentials: file:///dir or
	// s3://bucket/prefix.
	URL() string
}

// Capabilities are what a probe found.
type Capabilities struct {
	// ExclusiveCreate: of several writers of one key exactly one wins.
	ExclusiveCreate bool `json:"exclusive_create"`
	// ExclusiveComplete: the same for an upload in parts.
	ExclusiveComplete bool `json:"exclusive_complete"`
	// ReturnsSHA256: the store computes the SHA-256 and gives it back.
	ReturnsSHA256 bool `json:"returns_sha256"`
	// RefusesWrongSHA256: bytes that are not as their SHA-256 says are
	// refused. Only then is a returned digest a proof.
	RefusesWrongSHA256 bool `json:"refuses_wrong_sha256"`
	// ChecksSignature: a request signed with a wrong secret is refused.
	ChecksSignature bool `json:"checks_signature"`
	// Multipart: an upload in parts reads back as it was sent.
	Multipart bool `json:"multipart"`
	// Paging: a listing of more than one page ends and is complete.
	Paging bool `json:"paging"`
	// Versions: the store keeps versions.
	Versions bool `json:"versions"`
	// ObjectLock: retention and legal hold can be set.
	ObjectLock bool `json:"object_lock"`
	// AbortsUploads: the bucket has a rule that ends uploads which were never
	// completed. Without it their parts are paid for until gc finds them.
	AbortsUploads bool `json:"aborts_uploads"`
	// Notes say how a promise is kept where that is not the usual way.
	Notes []string `json:"notes,omitempty"`
}

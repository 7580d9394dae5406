package storage

import (
	"context"
	"errors"
)

// Publication is what is to be published: a case with its materials and
// documents.
type Publication struct {
	// Case is the case's id: it stands in keys, so ASCII and without a name
	// or a number of a person.
	Case string
	// Blobs are the materials. Equal bytes are stored once.
	Blobs []Item
	// Documents are what was made of them: bundle.pdf, audit.xlsx …, in this
	// order. Their names stand in keys. The first one claims the number.
	Documents []Item
	// Receipt makes the receipt when everything that it names is stored. It
	// is JSON with at least the members of [Receipt]. It is called again if
	// another publisher takes the number n in between.
	Receipt func(n int, files, objects []Stored) ([]byte, error)
	// JournalDir is a local folder where the state of the publication is kept
	// until it is done, each store and case in a folder of its own.
	JournalDir string
	// Retention is kept for every object; blobs that are there already get
	// theirs lengthened.
	Retention Retention
	// Observer may be nil.
	Observer Observer
	// Parallel is how many objects are sent at a time, 0 for 8.
	Parallel int
}

// Item is one thing to publish.
type Item struct {
	Name        string // path in the case or in the out folder
	ContentType string
	Content     Content
	// Sealed is set when Content is a ciphertext.
	Sealed *Sealed
}

// plain is the digest of what the user knows.
func (i Item) plain() string {
	if i.Sealed != nil {
		return i.Sealed.SHA256
	}
	return i.Content.SHA256
}

// Published is a complete publication.
type Published struct {
	Number  int
	Key     string // of the receipt
	Receipt []byte // its bytes, as read back from the store
	Files   []Stored
	Objects []Stored
	// Already: this very publication had been completed before; nothing was
	// stored.
	Already bool
	// Taken are the numbers that other publishers of the case took while this
	// one was under way. The user is to be told.
	Taken []int
	// Beside are the receipts of other publishers under the same number. That
	// can only be in a store without exclusive creation, where each receipt is
	// named by its digest. The user is to be told.
	Beside []string
}

// Event is one notice of work going on.
type Event struct {
	Kind  EventKind
	Key   string
	Name  string
	Done  int64 // bytes of the whole publication that are safe in the store
	Total int64
}

// EventKind says what happened.
type EventKind string

const (
	EventProgress  EventKind = "progress"  // Done has grown
	EventStored    EventKind = "stored"    // an object was created
	EventReused    EventKind = "reused"    // it was there already
	EventTaken     EventKind = "taken"     // another publisher has the number; Key is its receipt or document
	EventPublished EventKind = "published" // Key is the receipt
)

// Observer receives events, from several goroutines at once.
type Observer func(Event)

// Publisher is a store that one can publish to.
type Publisher interface {
	Store
	Lister
}

// Publish stores a publication: blobs, documents, and last the receipt, whose
// presence is the promise that everything else is there. When it returns
// without an error, the receipt has been read back and names only objects that
// were compared with their digests.
//
// Killed at any moment and called again with the same publication and journal,
// it goes on where it was; parts of a large object that were acknowledged are
// not sent again. Called again after success it finds its receipt and stores
// nothing (Already). Two publishers of one case get different numbers.
//
// A store that was probed and found lying is refused with [Lies].
func Publish(ctx context.Context, s Publisher, p Publication) (Published, error) {
	pub, err := newPublisher(s, p)
	if err != nil {
		return Published{}, err
	}
	defer pub.journal.close()
	if err := pub.probe(ctx); err != nil {
		return Published{}, err
	}
	if err := pub.resume(); err != nil {
		return Published{}, err
	}
	done, found, err := pub.alreadyDone(ctx)
	if err != nil || found {
		return done, err
	}
	if err := pub.takeLease(ctx); err != nil {
		return Published{}, err
	}
	objects, err := pub.blobs(ctx)
	if err != nil {
		return Published{}, err
	}
	var taken []int
	for {
		done, err = pub.attempt(ctx, objects)
		if err == nil {
			done.Taken = taken
			return done, pub.close(ctx, done)
		}
		var t *takenError
		if !errors.As(err, &t) {
			return Published{}, err
		}
		// The other one may have published the very same.
		if done, found, err := pub.alreadyDone(ctx); err != nil || found {
			return done, err
		}
		taken = append(taken, t.number)
		pub.notify(Event{Kind: EventTaken, Key: t.key})
		if err := pub.giveUp(t.number); err != nil {
			return Published{}, err
		}
	}
}

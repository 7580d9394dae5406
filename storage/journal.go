package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"dossier/storage/internal/filelock"
)

// journal remembers on a local disk how far a publication is. Each of its
// files is replaced whole: temporary file, fsync, rename, fsync of the folder.
type journal struct {
	dir  string
	lock *os.File
}

// record is publish.json in the journal.
type record struct {
	Version     int    `json:"version"` // 1
	Store       string `json:"store"`
	Case        string `json:"case"`
	Publication string `json:"publication"`       // digest of what is published
	Number      int    `json:"number"`            // 0: none claimed yet
	Lease       string `json:"lease,omitempty"`   // key
	Receipt     string `json:"receipt,omitempty"` // key; set with Done
	Done        bool   `json:"done"`
}

const (
	recordFile  = "publish.json"
	receiptFile = "receipt.json" // the bytes that will be, or are, the receipt
)

// journalName tells stores and cases apart.
func journalName(store, caseID string) string {
	sum := sha256.Sum256([]byte(store + "\n" + caseID))
	return hex.EncodeToString(sum[:8])
}

func openJournal(dir string) (journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return journal{}, journalError(dir, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return journal{}, journalError(dir, err)
	}
	mine, err := filelock.TryLock(lock)
	if err != nil || !mine {
		lock.Close()
		if err != nil {
			return journal{}, journalError(dir, err)
		}
		return journal{}, &Error{Code: JournalBusy, Op: "journal", Args: map[string]string{"path": dir}}
	}
	return journal{dir, lock}, nil
}

// close lets the next process have the journal.
func (j journal) close() { j.lock.Close() }

// load returns the record, or a zero one.
func (j journal) load() (record, error) {
	var r record
	b, err := j.read(recordFile)
	if err != nil || b == nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil || r.Version != 1 {
		return record{}, nil // not ours, or of another time: begin anew
	}
	return r, nil
}

func (j journal) save(r record) error {
	r.Version = 1
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return j.write(recordFile, append(b, '\n'))
}

// read returns nil for a file that is not there.
func (j journal) read(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(j.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, journalError(j.dir, err)
	}
	return b, nil
}

func (j journal) write(name string, b []byte) error { return j.put(name, b, true) }

func (j journal) put(name string, b []byte, sync bool) error {
	if err := replaceFile(filepath.Join(j.dir, name), b, sync); err != nil {
		return journalError(j.dir, err)
	}
	return nil
}

func (j journal) remove(name string) error {
	err := os.Remove(filepath.Join(j.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return journalError(j.dir, err)
	}
	return nil
}

// upload is the [Checkpoint] of one object.
func (j journal) upload(key string) Checkpoint {
	sum := sha256.Sum256([]byte(key))
	return checkpointFile{j, "upload-" + hex.EncodeToString(sum[:8]) + ".json"}
}

type checkpointFile struct {
	j    journal
	name string
}

func (c checkpointFile) Load() ([]byte, error)   { return c.j.read(c.name) }
func (c checkpointFile) Save(state []byte) error { return c.j.write(c.name, state) }
func (c checkpointFile) Note(state []byte) error { return c.j.put(c.name, state, false) }
func (c checkpointFile) Clear() error            { return c.j.remove(c.name) }

func journalError(dir string, err error) error {
	code := LocalIO
	if errors.Is(err, fs.ErrPermission) {
		code = NoPermission
	}
	return Fail(code, "journal", "", err, map[string]string{"path": dir})
}

// WriteFile replaces the file at path by b, whole or not at all, and returns
// when it is on the disk. The mode is 0600.
func WriteFile(path string, b []byte) error { return replaceFile(path, b, true) }

// replaceFile is WriteFile; without sync a loss of power may leave the file as
// it was, or damaged.
func replaceFile(path string, b []byte, sync bool) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if sync {
		err = errors.Join(err, f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	if !sync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // Windows and some network shares have no fsync of folders
	return nil
}

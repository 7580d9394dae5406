// Package audit keeps the record of a case: a hash-chained log of what
// happened, and the workbook that shows it to people.
//
// The log of a case lives in .dossier/events.jsonl and grows; Write copies what
// is there so far beside the bundle. What is signed with the case key, and so
// cannot be cut, changed or added to unseen by who has no key:
//
//   - Up to "composed": the head at that moment is printed in the visible stamp,
//     inside the signed bytes of the PDF. It is there for people to compare; no
//     program reads the stamp.
//   - Up to the end of the copy, which holds "signed" and "verified" (and
//     "unmasked") too: the sealed receipt has the head, as events_head, and the
//     digest of the file. A copy that ends between the two heads does not fit
//     the receipt.
//   - What comes later ("stored", "handed_off", "filed" …) stands in the living
//     log only. The chain shows a change in the middle; that the end was cut
//     shows only against a copy made since, and the next bundle covers it.
//
// Without its receipt a copy proves no more than that its own chain holds.
package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/identity"
)

// Genesis is the Prev of the first event.
var Genesis = strings.Repeat("0", 64)

// maxLine bounds one event. An event that names ten thousand files with their
// digests takes about 2 MB.
const maxLine = 64 << 20

// Actor says who acts. Nothing of it is proved; it is what the machine says.
type Actor struct {
	User string // OS user
	Host string
	Name string // configured name of the person, or ""
}

// String names the actor: the configured name, else user@host.
func (a Actor) String() string { return cmp.Or(a.Name, a.User+"@"+a.Host) }

// Log is an append-only file of events (packager.Event describes a line). Any
// number of processes may have the same log open: each appends under an
// exclusive lock of the file, behind what the others have written. The file
// itself is the state; a Log has nothing to close.
//
// A Log is for one goroutine.
type Log struct {
	path  string
	actor Actor
	clock func() time.Time

	chain chain
	torn  *Torn // to be told by the next event
}

// Torn is what Open or Append found behind the last whole line: an event that
// was being written when the program or the machine stopped, and was never
// acknowledged.
type Torn struct {
	Path   string // file that the bytes were moved to, beside the log
	SHA256 string // hex, of the bytes
	Bytes  int64
}

// chain is how far a log has been read.
type chain struct {
	seq    int    // of the last event
	head   string // hash of the last event
	offset int64  // bytes up to and with the last line feed
	last   []byte // SHA-256 of the last line, to see that it is still there
	start  int64  // where the last line starts
}

// Open verifies the log at path and makes it ready for more. A file that does
// not exist is made by the first Append. A broken chain is refused with a
// Fault of ClassVerification that names the line; an event torn by a crash is
// moved aside (see Torn), and the next event says so.
func Open(path string, actor Actor, clock func() time.Time) (*Log, error) {
	l := &Log{path: path, actor: actor, clock: clock, chain: chain{head: Genesis}}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, l.fault(err)
	}
	defer f.Close()
	return l, l.underLock(f, func() error { return l.catchUp(f) })
}

// Path returns the file of the log.
func (l *Log) Path() string { return l.path }

// Head returns the hash of the last event, or Genesis when there is none.
func (l *Log) Head() string { return l.chain.head }

// Len returns the number of events.
func (l *Log) Len() int { return l.chain.seq }

// Torn returns what was moved aside since the last Append, or nil.
func (l *Log) Torn() *Torn { return l.torn }

// Append writes e as the next event and returns it as it stands in the log.
// The caller gives What, Case, Tool, Rules, Inputs, Output and Data; the rest
// is filled in. Identity numbers are masked wherever they stand. When Append
// returns without an error, the event is on the disk.
func (l *Log) Append(e packager.Event) (packager.Event, error) {
	f, created, err := l.openForAppend()
	if err != nil {
		return e, l.fault(err)
	}
	defer f.Close()
	err = l.underLock(f, func() error {
		if err := l.catchUp(f); err != nil {
			return err
		}
		var err error
		e, err = l.write(f, e)
		return err
	})
	if err == nil && created {
		err = l.wrap(syncDir(filepath.Dir(l.path)))
	}
	return e, err
}

func (l *Log) openForAppend() (f *os.File, created bool, err error) {
	if l.chain.seq > 0 {
		f, err = os.OpenFile(l.path, os.O_RDWR, 0)
		return f, false, err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return nil, false, err
	}
	f, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	return f, true, err
}

// underLock runs do while no other process may append.
func (l *Log) underLock(f *os.File, do func() error) error {
	if err := lock(f); err != nil {
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "AUDIT_LOG_LOCK", Args: packager.Args{"file": l.path}, Err: err}
	}
	defer unlock(f)
	return do()
}

// catchUp reads what was added since the last look, and moves a torn tail
// aside. The caller holds the lock.
func (l *Log) catchUp(f *os.File) error {
	if err := l.stillThere(f); err != nil {
		return err
	}
	if _, err := f.Seek(l.chain.offset, io.SeekStart); err != nil {
		return l.fault(err)
	}
	c, tail, err := l.chain.read(f, nil)
	l.chain = c
	var broken *brokenError
	if errors.As(err, &broken) {
		return l.broken(broken)
	}
	if err != nil {
		return l.fault(err)
	}
	if len(tail) == 0 {
		return nil
	}
	return l.wrap(l.moveAside(f, tail))
}

// stillThere sees that nobody cut or rewrote what was read before.
func (l *Log) stillThere(f *os.File) error {
	if l.chain.seq == 0 {
		return nil
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, l.chain.start, l.chain.offset-l.chain.start))
	if err != nil {
		return l.fault(err)
	}
	if n != l.chain.offset-l.chain.start || !bytes.Equal(sum.Sum(nil), l.chain.last) {
		return l.broken(&brokenError{l.chain.seq, "changed"})
	}
	return nil
}

// moveAside keeps the bytes of a torn event in a file of their own, then cuts
// them off the log.
func (l *Log) moveAside(f *os.File, tail []byte) error {
	sum := sha256.Sum256(tail)
	torn := Torn{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(tail))}
	torn.Path = fmt.Sprintf("%s.torn-%s", l.path, torn.SHA256[:8])
	if err := writeFile(torn.Path, func(w io.Writer) error {
		_, err := w.Write(tail)
		return err
	}); err != nil {
		return err
	}
	if err := f.Truncate(l.chain.offset); err != nil {
		return err
	}
	l.torn = &torn
	return f.Sync()
}

func (l *Log) write(f *os.File, e packager.Event) (packager.Event, error) {
	c, lines := l.chain, []byte(nil)
	events := []packager.Event{e}
	if l.torn != nil {
		events = []packager.Event{l.recovered(e), e}
	}
	for _, next := range events {
		var line []byte
		var err error
		if e, line, err = l.seal(c, next); err != nil {
			return e, err
		}
		c = c.advance(e, line)
		lines = append(lines, line...)
	}
	if _, err := f.WriteAt(lines, l.chain.offset); err != nil {
		return e, l.undo(f, err)
	}
	if err := f.Sync(); err != nil {
		return e, l.undo(f, err)
	}
	l.chain, l.torn = c, nil
	return e, nil
}

// undo takes back a line that could not be written whole (a full disk): it
// was never acknowledged.
func (l *Log) undo(f *os.File, cause error) error {
	return l.fault(errors.Join(cause, f.Truncate(l.chain.offset)))
}

// recovered tells in the log itself that a torn event was moved aside.
func (l *Log) recovered(e packager.Event) packager.Event {
	return packager.Event{
		What: "recovered", Case: e.Case, Tool: e.Tool,
		Output: map[string]string{filepath.Base(l.torn.Path): l.torn.SHA256},
		Data:   map[string]string{"bytes": strconv.FormatInt(l.torn.Bytes, 10)},
	}
}

// seal fills in an event that follows c and returns its line.
func (l *Log) seal(c chain, e packager.Event) (packager.Event, []byte, error) {
	now := l.clock()
	e.Seq, e.Prev, e.Hash = c.seq+1, c.head, ""
	e.At = now.UTC().Format("2006-01-02T15:04:05.000Z")
	e.Zone = now.Format("-07:00")
	e.User, e.Host, e.Name = l.actor.User, l.actor.Host, l.actor.Name
	e = clean(e)

	body, err := Canonical(e)
	if err != nil {
		return e, nil, err
	}
	tree, err := parse(body)
	if err != nil {
		return e, nil, err
	}
	if e.Hash, err = hashOf(tree.(map[string]any)); err != nil {
		return e, nil, err
	}
	line, err := Canonical(e)
	if len(line) >= maxLine {
		return e, nil, l.fault(fmt.Errorf("an event of %d bytes", len(line)))
	}
	return e, append(line, '\n'), err
}

// clean makes every text of e valid UTF-8 without an identity number.
func clean(e packager.Event) packager.Event {
	for _, s := range []*string{&e.User, &e.Host, &e.Name, &e.What, &e.Case, &e.Tool, &e.Rules} {
		*s = cleanText(*s)
	}
	for _, m := range []*map[string]string{&e.Inputs, &e.Output, &e.Data} {
		if *m == nil {
			continue
		}
		out := make(map[string]string, len(*m))
		for k, v := range *m {
			out[cleanText(k)] = cleanText(v)
		}
		*m = out
	}
	return e
}

func cleanText(s string) string { return identity.MaskIDs(strings.ToValidUTF8(s, "\uFFFD")) }

// hashOf returns the hex SHA-256 of the canonical JSON of an event without
// its member "hash".
func hashOf(event map[string]any) (string, error) {
	stated, had := event["hash"]
	delete(event, "hash")
	b, err := appendCanonical(nil, event)
	if had {
		event["hash"] = stated
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// brokenError says which line does not hold, and how.
type brokenError struct {
	line int
	why  string // json, canonical, hash, prev, seq, long, changed
}

func (b *brokenError) Error() string { return fmt.Sprintf("line %d: %s", b.line, b.why) }

// read walks the lines of r that follow c, and gives each event to visit (if
// there is one). It returns the chain up to the last whole line and the bytes
// behind it.
func (c chain) read(r io.Reader, visit func(packager.Event) error) (chain, []byte, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := readLine(br)
		if err == io.EOF {
			return c, line, nil
		}
		if err == errLong {
			return c, nil, &brokenError{c.seq + 1, "long"}
		}
		if err != nil {
			return c, nil, err
		}
		e, why := c.follow(line[:len(line)-1])
		if why != "" {
			return c, nil, &brokenError{c.seq + 1, why}
		}
		c = c.advance(e, line)
		if visit != nil {
			if err := visit(e); err != nil {
				return c, nil, err
			}
		}
	}
}

// advance returns the chain behind e, whose line ends in a line feed.
func (c chain) advance(e packager.Event, line []byte) chain {
	sum := sha256.Sum256(line)
	return chain{seq: e.Seq, head: e.Hash, offset: c.offset + int64(len(line)), last: sum[:], start: c.offset}
}

// follow judges one line without its end: why is "" when it is the event that
// continues the chain.
func (c chain) follow(line []byte) (e packager.Event, why string) {
	if err := json.Unmarshal(line, &e); err != nil {
		return e, "json"
	}
	// The bytes are their meaning: nothing unknown, twice or out of order.
	if canonical, err := Canonical(e); err != nil || !bytes.Equal(canonical, line) {
		return e, "canonical"
	}
	tree, err := parse(line)
	event, ok := tree.(map[string]any)
	if err != nil || !ok {
		return e, "json"
	}
	switch hash, err := hashOf(event); {
	case err != nil || hash != e.Hash:
		return e, "hash"
	case e.Prev != c.head:
		return e, "prev"
	case e.Seq != c.seq+1:
		return e, "seq"
	}
	return e, ""
}

var errLong = errors.New("line too long")

// readLine returns a line with its line feed; io.EOF comes with the bytes
// behind the last one.
func readLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, errLong
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

func (l *Log) broken(b *brokenError) error {
	return &packager.Fault{
		Class: packager.ClassVerification, Code: "AUDIT_LOG_BROKEN",
		Args: packager.Args{"file": l.path, "line": strconv.Itoa(b.line), "why": b.why}, Err: b,
	}
}

func (l *Log) fault(err error) error {
	return &packager.Fault{Class: packager.ClassUnexpected, Code: "AUDIT_LOG_WRITE", Args: packager.Args{"file": l.path}, Err: err}
}

func (l *Log) wrap(err error) error {
	if err == nil {
		return nil
	}
	return l.fault(err)
}

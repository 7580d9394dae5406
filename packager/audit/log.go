// Package audit keeps the record of a case: a hash-chained log of what
// happened, and the workbook that shows it to people.
//
// # The file
//
// The log of a case lives in .dossier/events.jsonl and grows for as long as
// the case is dealt with; Write copies what is there so far beside the bundle.
// One event (packager.Event) a line: canonical JSON (RFC 8785), UTF-8, a line
// feed behind each. Of a line
//
//   - "hash" is the hex SHA-256 of the canonical JSON of the event without the
//     member "hash" (and with the member "seal", if there is one);
//   - "prev" is the hash of the line before, 64 zeros in the first;
//   - "seq" counts 1, 2, 3 …;
//   - "seal", which may be absent, is the base64 (RFC 4648 §4, no line breaks)
//     of a detached CMS signature in DER (RFC 5652) over the canonical JSON of
//     the event without the members "hash" and "seal". Its form is that of the
//     seal of a receipt (sign.SealCMS): SHA-256, the certificates inside, no
//     time. Since "prev" is signed with it, a seal covers every line up to its
//     own.
//
// # What is signed with the case key
//
// The case key is the one of the last event "signed", which has the fingerprint
// of its certificate. An event is sealed when that key is at hand: from "signed"
// on in every build, and later wherever it opens without asking a person for a
// passphrase or a token. An event that could not be sealed is written all the
// same; if the key was there and failed, its Data has the reason under
// "unsealed". What a log proves, to those who have no key to forge it with:
//
//   - Up to "composed": the head at that moment is printed in the visible stamp,
//     inside the signed bytes of the PDF.
//   - Up to the end of the copy beside the bundle, which holds "signed" and
//     "verified" (and "unmasked") too: the sealed receipt has the head, as
//     events_head, and the digest of the file.
//   - What comes later ("stored", "handed_off", "filed" …) chains on in the
//     living log: up to its last seal it is signed. The lines behind that, if
//     any, are chained only; that whole lines were cut off the end shows only
//     against a copy made since.
//
// So a living log belongs to a bundle when its chain holds, the copy is its
// beginning byte for byte, every seal fits its line, and every seal behind the
// copy is by the certificate that the receipt names.
package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	path   string
	actor  Actor
	clock  func() time.Time
	sealer Sealer

	chain chain
	torn  *Torn // to be told by the next event
}

// Sealer returns a detached CMS signature over content, in DER. It returns nil
// when there is no key at hand, which is no error.
type Sealer func(content []byte) ([]byte, error)

// SealWith has every event from now on sealed.
func (l *Log) SealWith(s Sealer) { l.sealer = s }

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
	torn := Torn{SHA256: hexSum(tail), Bytes: int64(len(tail))}
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
		if e, line, err = l.finish(c, next); err != nil {
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

// finish fills in an event that follows c and returns its line.
func (l *Log) finish(c chain, e packager.Event) (packager.Event, []byte, error) {
	now := l.clock()
	e.Seq, e.Prev, e.Hash, e.Seal = c.seq+1, c.head, "", ""
	e.At = now.UTC().Format("2006-01-02T15:04:05.000Z")
	e.Zone = now.Format("-07:00")
	e.User, e.Host, e.Name = l.actor.User, l.actor.Host, l.actor.Name
	e = clean(e)

	e, err := l.seal(e)
	if err != nil {
		return e, nil, err
	}
	body, err := withoutHash(e)
	if err != nil {
		return e, nil, err
	}
	e.Hash = hexSum(body)
	line, err := Canonical(e)
	if len(line) >= maxLine {
		return e, nil, l.fault(fmt.Errorf("an event of %d bytes", len(line)))
	}
	return e, append(line, '\n'), err
}

// seal signs an event that has no seal yet. A key that fails does not keep the
// event out of the log.
func (l *Log) seal(e packager.Event) (packager.Event, error) {
	if l.sealer == nil {
		return e, nil
	}
	content, err := withoutHash(e)
	if err != nil {
		return e, err
	}
	der, err := l.sealer(content)
	if err != nil {
		var fault *packager.Fault
		code := "SEAL_FAILED"
		if errors.As(err, &fault) {
			code = fault.Code
		}
		e.Data = maps.Clone(e.Data)
		if e.Data == nil {
			e.Data = map[string]string{}
		}
		e.Data["unsealed"] = code
		return e, nil
	}
	if der != nil {
		e.Seal = base64.StdEncoding.EncodeToString(der)
	}
	return e, nil
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
		for _, k := range slices.Sorted(maps.Keys(*m)) {
			name := cleanText(k)
			for n := 2; ; n++ { // two names may be one when their numbers are masked
				if _, taken := out[name]; !taken {
					break
				}
				name = fmt.Sprintf("%s (%d)", cleanText(k), n)
			}
			out[name] = cleanText((*m)[k])
		}
		*m = out
	}
	return e
}

func cleanText(s string) string { return identity.MaskIDs(strings.ToValidUTF8(s, "\uFFFD")) }

// withoutHash returns the canonical JSON of an event without its member
// "hash": what is hashed, and of an event without seal what is sealed.
func withoutHash(e packager.Event) ([]byte, error) {
	e.Hash = ""
	return Canonical(e)
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
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
	body, err := withoutHash(e)
	switch {
	case err != nil || e.Hash != hexSum(body):
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

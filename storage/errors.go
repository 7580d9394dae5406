package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Code names what went wrong in words of the catalog (templates/locales/storage.yaml).
type Code string

const (
	Unreachable   Code = "STORE_UNREACHABLE"    // no connection, or it broke too often. Args: host
	Denied        Code = "STORE_DENIED"         // the server knows us and says no, or does not know us. Args: reason
	NoBucket      Code = "STORE_NO_BUCKET"      // Args: bucket
	ClockSkew     Code = "STORE_CLOCK_SKEW"     // the clock of this machine is off. Args: server, here, minutes
	TokenExpired  Code = "STORE_TOKEN_EXPIRED"  // the session token is over
	WrongRegion   Code = "STORE_WRONG_REGION"   // Args: region (the right one, if the server said it)
	BadCert       Code = "STORE_BAD_CERT"       // TLS: the server's certificate is not trusted. Args: host
	Busy          Code = "STORE_BUSY"           // SlowDown or 5xx, too often. Args: status
	Full          Code = "STORE_FULL"           // disk or quota
	Checksum      Code = "STORE_CHECKSUM"       // the store says or shows other bytes than were sent. Args: want, got
	Lies          Code = "STORE_LIES"           // the store answers yes and keeps other bytes. Args: how
	Conflict      Code = "STORE_CONFLICT"       // the key holds other bytes
	NotFound      Code = "STORE_NOT_FOUND"      //
	Retained      Code = "STORE_RETAINED"       // under retention or legal hold. Args: until
	Unsupported   Code = "STORE_UNSUPPORTED"    // the store cannot do it. Args: what
	NoLock        Code = "STORE_NO_LOCK"        // retention or legal hold asked for, and the store has no object lock
	NoSSE         Code = "STORE_NO_SSE"         // the server does not encrypt as it was asked to. Args: mode
	SourceChanged Code = "STORE_SOURCE_CHANGED" // a local file is not what it was when it was hashed. Args: name
	SourceRead    Code = "STORE_SOURCE_READ"    // a local file cannot be read. Args: name
	BadKey        Code = "STORE_BAD_KEY"        // not a key of the layout
	BadURL        Code = "STORE_BAD_URL"        // Args: url
	SSECInClear   Code = "STORE_SSE_C_HTTP"     // Args: url
	BadReceipt    Code = "STORE_BAD_RECEIPT"    // a receipt that cannot be read
	NoCredentials Code = "STORE_NO_CREDENTIALS" // no access key found. Args: profile
	LocalIO       Code = "STORE_LOCAL_IO"       // a local disk said no: directory store, journal. Args: path
	NoPermission  Code = "STORE_NO_PERMISSION"  // the operating system forbids it. Args: path
	JournalBusy   Code = "STORE_JOURNAL_BUSY"   // another process publishes with the same journal. Args: path
	NoIdentity    Code = "STORE_NO_IDENTITY"    // no key given that opens a sealed object
	Shredded      Code = "STORE_SHREDDED"       // the key of a sealed object was destroyed
	BadRecipient  Code = "STORE_BAD_RECIPIENT"  // Args: recipient
	BadIdentity   Code = "STORE_BAD_IDENTITY"   // Args: file
	SweepBusy     Code = "STORE_SWEEP_BUSY"     // gc is at work in this store
	Cancelled     Code = "STORE_CANCELLED"      // ctx ended
	Failed        Code = "STORE_FAILED"         // the server answered with an error not listed here. Args: reason, status
)

// Error is what every operation of a store returns. Args fill the words of the
// catalog; they hold no secret and no number of a person.
type Error struct {
	Code Code
	Op   string // "create", "open", "stat", "list", "remove", "probe", "publish" …
	Key  string // "" where there is none
	Args map[string]string
	Err  error // the cause, or nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Op != "" {
		b.WriteString(" (" + e.Op)
		if e.Key != "" {
			b.WriteString(" " + e.Key)
		}
		b.WriteString(")")
	}
	for _, k := range slices.Sorted(maps.Keys(e.Args)) {
		fmt.Fprintf(&b, " %s=%q", k, e.Args[k])
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is compare codes: errors.Is(err, ErrNotFound).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Targets for errors.Is.
var (
	ErrExists   = &Error{Code: Conflict}
	ErrNotFound = &Error{Code: NotFound}
)

// CodeOf returns the code of the first [*Error] in err's chain, or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// At returns err, an [*Error], for another key.
func At(err error, key string) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	at.Key = key
	return &at
}

// Fail makes an [*Error] out of err. An err that carries a code already keeps
// it; the end of a context becomes [Cancelled].
func Fail(code Code, op, key string, err error, args map[string]string) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		code = Cancelled
	}
	return &Error{Code: code, Op: op, Key: key, Args: args, Err: err}
}

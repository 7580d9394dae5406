// Package sign signs a bundle to PAdES (ETSI EN 319 142-1) as incremental
// updates: the bytes that were composed stay as they are, the signature stands
// behind them, and nothing touches the file afterwards but a later signature,
// a timestamp or what proves them. It also seals receipts with the same form
// of CMS.
package sign

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"dossier/packager"
	"dossier/packager/sign/cms"
	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/revocation"
	"dossier/packager/sign/tsp"
)

// The PAdES baseline levels, each with all of the one before.
const (
	LevelB   = "B-B"   // a signature
	LevelT   = "B-T"   // and a timestamp of it
	LevelLT  = "B-LT"  // and the certificates, OCSP answers and CRLs to check it with
	LevelLTA = "B-LTA" // and a timestamp over all of that
)

var levels = []string{LevelB, LevelT, LevelLT, LevelLTA}

// rank orders the levels; -1 is none of them.
func rank(level string) int { return slices.Index(levels, level) }

// Options says how to sign.
type Options struct {
	Out   string    // path of the signed PDF; replaced if it exists; may be the input
	Now   time.Time // the claimed time of signing: /M, and what certificates are judged by
	Level string    // one of the Level constants; "" is LevelB
	PSS   bool      // RSASSA-PSS; not every reader knows it

	Reason   string // /Reason
	Location string // /Location
	Name     string // /Name; "" is the certificate's subject

	// Certify makes a certification signature (ISO 32000-1 §12.8.2.2) that
	// permits 1 no changes at all, 2 further signatures and form entries, 3
	// annotations too. 0 is an approval signature. 1 goes with LevelB and
	// LevelT only: Acrobat calls any byte added later a change.
	Certify int

	// Stamp is the text of the visible signature. Without lines, or with a
	// Bundle.Stamp of no size, the signature is invisible. After someone
	// else's certification Acrobat takes a visible one too, but strict
	// validators take an invisible one only.
	Stamp       StampText
	FontRegular []byte // TrueType font that the stamp is drawn with

	AuditHead string // hash of the audit log's last event so far; for StampLines

	Timestamps *tsp.Client        // needed from LevelT on
	Revocation *revocation.Client // nil: one with defaults; used from LevelLT on
	// AcceptLower takes the level that can be reached when a timestamping
	// authority or a revocation service cannot be. Without it Sign fails. A
	// revoked certificate fails always.
	AcceptLower bool

	Progress packager.Observer
}

// StampText is what the stamp says.
type StampText struct {
	Lines []string
}

// Sign adds a signature to b and writes the result to opt.Out. A bundle that
// is signed already gets one more signature in a revision of its own. The file
// appears under that name complete and on disk, or not at all. The Signature
// that is returned names the level reached. An error that can be explained is
// a *packager.Fault of ClassSigning.
func Sign(ctx context.Context, b *packager.Bundle, key *Key, opt Options) (*packager.SignedBundle, error) {
	if opt.Level == "" {
		opt.Level = LevelB
	}
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := key.Check(opt.Now); err != nil {
		return nil, err
	}
	made := packager.Signature{Level: LevelB, Signer: key.SubjectName(), SHA256Fingerprint: key.Fingerprint()}
	file, err := produce(ctx, b.Path, b.SHA256, opt.Out, opt.Progress, func(w *work) error {
		s := &signing{work: w, key: key, place: b.Stamp, opt: opt}
		err := s.toLevel()
		made.Level = s.level
		if s.token != nil {
			made.Timestamp = stamped(s.token)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := *b
	out.Path, out.SHA256, out.Bytes = file.Path, file.SHA256, file.Bytes
	return &packager.SignedBundle{Bundle: out, Signature: made}, nil
}

func (o *Options) check() error {
	args := packager.Args{"level": o.Level, "permission": strconv.Itoa(o.Certify)}
	switch {
	case rank(o.Level) < 0:
		return fault("SIGN_LEVEL_UNKNOWN", args, nil)
	case o.Certify < 0 || o.Certify > 3:
		return fault("SIGN_CERTIFY_UNKNOWN", args, nil)
	case o.Certify == 1 && rank(o.Level) >= rank(LevelLT):
		return fault("SIGN_CERTIFY_LEVEL", args, nil)
	case rank(o.Level) >= rank(LevelT) && o.Timestamps == nil:
		return fault("SIGN_TSA_NONE", args, nil)
	}
	return nil
}

func stamped(t *tsp.Token) *string {
	s := t.Time.UTC().Format(time.RFC3339)
	return &s
}

// signing is one signature on its way up the levels.
type signing struct {
	*work
	key   *Key
	place packager.StampPlace
	opt   Options

	token *tsp.Token // of the signature
	level string     // reached so far
}

func (s *signing) toLevel() error {
	if err := s.permitted(); err != nil {
		return err
	}
	if err := s.sign(); err != nil {
		return err
	}
	want := rank(s.opt.Level)
	if s.level == LevelT && want >= rank(LevelLT) {
		if err := s.evidence(); err != nil {
			return s.unlessLower(err)
		}
	}
	if s.level == LevelLT && want >= rank(LevelLTA) {
		return s.unlessLower(s.archive())
	}
	return nil
}

// unlessLower lets go of an error that AcceptLower covers.
func (s *signing) unlessLower(err error) error {
	if s.opt.AcceptLower && outside(err) {
		return nil
	}
	return err
}

// permitted looks at what earlier signatures allow.
func (s *signing) permitted() error {
	doc, err := s.open()
	if err != nil {
		return err
	}
	if err := notClosed(doc, s.out); err != nil {
		return err
	}
	earlier, err := doc.Signatures()
	if err != nil {
		return pdfFault(s.out, err)
	}
	if s.opt.Certify > 0 && len(earlier) > 0 {
		return fault("SIGN_CERTIFY_FIRST", nil, nil)
	}
	return nil
}

// notClosed refuses a document that is certified against every change.
func notClosed(doc *pdfinc.File, path string) error {
	p, err := doc.Permission()
	if err != nil {
		return pdfFault(path, err)
	}
	if p == 1 {
		return fault("SIGN_CERTIFIED_CLOSED", packager.Args{"file": path}, nil)
	}
	return nil
}

// sign writes the revision with the signature: B-B, or B-T with a token.
func (s *signing) sign() error {
	add := func(doc *pdfinc.File, u *pdfinc.Update, id []byte, reserve int) error {
		return addSignature(doc, u, s.key, s.place, s.opt, id, reserve)
	}
	return s.appendSigned(add, func(digest [sha256.Size]byte) ([]byte, error) {
		signer := cms.Signer{Key: s.key.Signer, Chain: s.key.Chain, PSS: s.opt.PSS}
		s.token, s.level = nil, LevelB
		if s.opt.Level == LevelB {
			return keyResult(s.key)(signer.Sign(digest, nil))
		}
		der, err := signer.Sign(digest, func(value []byte) ([]byte, error) {
			token, err := timestamp(s.ctx, *s.opt.Timestamps, s.opt.Now, sha256.Sum256(value))
			if err != nil {
				return nil, err
			}
			s.token, s.level = token, LevelT
			return token.DER, nil
		})
		if outside(err) && s.opt.AcceptLower {
			der, err = signer.Sign(digest, nil)
		}
		return keyResult(s.key)(der, err)
	})
}

// keyResult blames the key for an error that nobody else takes.
func keyResult(key *Key) func([]byte, error) ([]byte, error) {
	return func(der []byte, err error) ([]byte, error) {
		var f *packager.Fault
		if err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return der, err
		}
		return nil, fault("SIGN_KEY_FAILED", packager.Args{"key": key.Source}, err)
	}
}

// evidence writes the document security store.
func (s *signing) evidence() error {
	if err := s.addEvidence(s.opt.Revocation, s.opt.Now, [][]*x509.Certificate{s.key.Chain, s.token.Chain}); err != nil {
		return err
	}
	s.level = LevelLT
	return nil
}

// archive writes the document timestamp.
func (s *signing) archive() error {
	if _, err := s.addTimestamp(*s.opt.Timestamps, s.opt.Now); err != nil {
		return err
	}
	s.level = LevelLTA
	return nil
}

// timestamp asks for a token as of the time now and explains why there is none.
func timestamp(ctx context.Context, client tsp.Client, now time.Time, digest [sha256.Size]byte) (*tsp.Token, error) {
	client.Clock = now
	token, err := client.Token(ctx, digest)
	switch {
	case err == nil:
		return token, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, tsp.ErrClock):
		return nil, fault("SIGN_TSA_CLOCK", nil, err)
	}
	return nil, fault(codeTSA, packager.Args{"why": err.Error()}, err)
}

const (
	codeTSA        = "SIGN_TSA_FAILED"
	codeRevocation = "SIGN_REVOCATION_UNKNOWN"
)

// outside reports whether a service outside of this computer is to blame.
func outside(err error) bool {
	var f *packager.Fault
	return errors.As(err, &f) && (f.Code == codeTSA || f.Code == codeRevocation)
}

// pdfDate writes a date as ISO 32000-1 §7.9.4 has it, in Asia/Shanghai.
func pdfDate(t time.Time) string {
	return fmt.Sprintf("(D:%s+08'00')", t.In(packager.Shanghai).Format("20060102150405"))
}

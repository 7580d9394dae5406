package sign

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"hash"
	"io"
	"time"

	"dossier/packager"
	"dossier/packager/sign/cms"
	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/revocation"
	"dossier/packager/sign/tsp"
)

// Extension says how to lift a signed PDF to a higher level.
type Extension struct {
	Out        string // path of the result; replaced if it exists; may be the input
	Now        time.Time
	Level      string // LevelT, LevelLT or LevelLTA
	Timestamps *tsp.Client
	Revocation *revocation.Client // nil: one with defaults
	Progress   packager.Observer
}

// Extended is a PDF after Extend.
type Extended struct {
	packager.File
	Signature packager.Signature // of the first signer, with the level reached
}

// Extend lifts the signatures of the PDF at path to a higher level without
// their keys. Everything is appended: the signed bytes stay the beginning of
// the new file, so that their digest in a receipt still holds for them. A
// signature without a timestamp gets a document timestamp, which does for B-T
// (EN 319 142-1 §6.3). A file at LevelLTA gets one more document timestamp:
// that is how an archive is renewed before the last one's certificate ends.
func Extend(ctx context.Context, path string, ext Extension) (*Extended, error) {
	opt := Options{Level: ext.Level, Timestamps: ext.Timestamps}
	if err := opt.check(); err != nil {
		return nil, err
	}
	if ext.Level == LevelB {
		return nil, fault("SIGN_EXTEND_NOTHING", packager.Args{"file": path, "level": ext.Level}, nil)
	}
	out := &Extended{}
	file, err := produce(ctx, path, "", ext.Out, ext.Progress, func(w *work) (err error) {
		e := &extending{work: w, ext: ext}
		out.Signature, err = e.lift()
		return err
	})
	if err != nil {
		return nil, err
	}
	out.File = *file
	return out, nil
}

// extending is a file on its way up.
type extending struct {
	*work
	ext     Extension
	chains  [][]*x509.Certificate
	changed bool
}

func (e *extending) lift() (packager.Signature, error) {
	made, stampedAll, err := e.survey()
	if err != nil {
		return made, err
	}
	made.Level = e.ext.Level
	if !stampedAll {
		token, err := e.timestamp()
		if err != nil {
			return made, err
		}
		made.Timestamp = stamped(token)
	}
	if need, err := e.needsEvidence(); err != nil {
		return made, err
	} else if need {
		if err := e.addEvidence(e.ext.Revocation, e.ext.Now, e.chains); err != nil {
			return made, err
		}
		e.changed = true
	}
	if e.ext.Level == LevelLTA {
		if _, err := e.timestamp(); err != nil {
			return made, err
		}
	}
	if !e.changed {
		return made, fault("SIGN_EXTEND_NOTHING", packager.Args{"file": e.out, "level": e.ext.Level}, nil)
	}
	return made, nil
}

// needsEvidence reports whether the store lacks a certificate of the chains.
// For an archive it is renewed in any case: the last timestamp ages.
func (e *extending) needsEvidence() (bool, error) {
	switch e.ext.Level {
	case LevelT:
		return false, nil
	case LevelLTA:
		return true, nil
	}
	doc, err := e.open()
	if err != nil {
		return false, err
	}
	have, err := storedCerts(doc)
	if err != nil {
		return false, pdfFault(e.out, err)
	}
	for _, chain := range e.chains {
		for _, c := range chain {
			if !have[sha256.Sum256(c.Raw)] {
				return true, nil
			}
		}
	}
	return false, nil
}

func (e *extending) timestamp() (*tsp.Token, error) {
	token, err := e.addTimestamp(*e.ext.Timestamps, e.ext.Now)
	if err != nil {
		return nil, err
	}
	e.chains, e.changed = append(e.chains, token.Chain), true
	return token, nil
}

// survey checks every signature and timestamp that is there, so that nothing
// broken is lifted, and collects their chains. It reports whether every
// signature has a timestamp, its own or a later one of the document.
func (e *extending) survey() (made packager.Signature, stampedAll bool, err error) {
	doc, err := e.open()
	if err != nil {
		return made, false, err
	}
	if err := notClosed(doc, e.out); err != nil {
		return made, false, err
	}
	sigs, err := doc.Signatures()
	if err != nil {
		return made, false, pdfFault(e.out, err)
	}
	stampedAll = true
	first := true
	for _, s := range sigs {
		if s.Timestamp {
			token, err := e.checkTimestamp(s)
			if err != nil {
				return made, false, e.broken(err)
			}
			if made.Timestamp == nil {
				made.Timestamp = stamped(token)
			}
			stampedAll = true
			continue
		}
		data, signer, token, err := e.checkSignature(s)
		if err != nil {
			return made, false, e.broken(err)
		}
		if first {
			key := &Key{Chain: []*x509.Certificate{signer}}
			made.Signer, made.SHA256Fingerprint = key.SubjectName(), key.Fingerprint()
			if token != nil {
				made.Timestamp = stamped(token)
			}
			first = false
		}
		e.chains = append(e.chains, cms.Chain(signer, data.Certificates))
		stampedAll = stampedAll && token != nil
	}
	if first {
		return made, false, fault("SIGN_EXTEND_UNSIGNED", packager.Args{"file": e.out}, nil)
	}
	return made, stampedAll, nil
}

func (e *extending) broken(err error) error {
	if e.ctx.Err() != nil {
		return e.ctx.Err()
	}
	return fault("SIGN_EXTEND_BROKEN", packager.Args{"file": e.out, "why": err.Error()}, err)
}

func (e *extending) checkSignature(s pdfinc.Signature) (*cms.SignedData, *x509.Certificate, *tsp.Token, error) {
	data, err := cms.Parse(s.Contents)
	if err != nil {
		return nil, nil, nil, err
	}
	if data.Content != nil || !data.ContentType.Equal(cms.OIDData) {
		return nil, nil, nil, errors.New("cms: the signature is not detached")
	}
	signer, err := data.Signer()
	if err != nil {
		return nil, nil, nil, err
	}
	digest, err := e.rangeDigest(s.Range, data.Digest)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := data.Check(signer, digest); err != nil {
		return nil, nil, nil, err
	}
	der := data.Unsigned[cms.OIDSignatureTimeStamp.String()]
	if der == nil {
		return data, signer, nil, nil
	}
	token, err := tsp.Parse(der)
	if err != nil {
		return nil, nil, nil, err
	}
	err = e.checkToken(token, sha256.Sum256(data.Signature))
	return data, signer, token, err
}

func (e *extending) checkTimestamp(s pdfinc.Signature) (*tsp.Token, error) {
	token, err := tsp.Parse(s.Contents)
	if err != nil {
		return nil, err
	}
	digest, err := e.rangeDigest(s.Range, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return token, e.checkToken(token, [sha256.Size]byte(digest))
}

func (e *extending) checkToken(token *tsp.Token, digest [sha256.Size]byte) error {
	if err := token.Check(digest, nil, e.ext.Timestamps.Roots); err != nil {
		return err
	}
	e.chains = append(e.chains, token.Chain)
	return nil
}

// rangeDigest hashes what a /ByteRange covers.
func (e *extending) rangeDigest(r [4]int64, by crypto.Hash) ([]byte, error) {
	h := by.New()
	for i := 0; i < 4; i += 2 {
		if err := hashRange(e.ctx, h, e.f, r[i], r[i+1]); err != nil {
			return nil, err
		}
	}
	return h.Sum(nil), nil
}

func hashRange(ctx context.Context, h hash.Hash, r io.ReaderAt, off, n int64) error {
	buf := make([]byte, 1<<20)
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := r.ReadAt(buf[:min(int64(len(buf)), n)], off)
		if got == 0 {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
		h.Write(buf[:got])
		off, n = off+int64(got), n-int64(got)
	}
	return nil
}

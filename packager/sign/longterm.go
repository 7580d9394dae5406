package sign

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/revocation"
	"dossier/packager/sign/tsp"
)

// addTimestamp appends a document timestamp (EN 319 142-1 §5.4.3): a token
// over the whole file, in place of a signature, without /M.
func (w *work) addTimestamp(client tsp.Client, now time.Time) (*tsp.Token, error) {
	var token *tsp.Token
	add := func(doc *pdfinc.File, u *pdfinc.Update, id []byte, reserve int) error {
		page, err := doc.Page(1)
		if err != nil {
			return err
		}
		sig := u.AddSignature(pdfinc.Dict{}.With("Type", "/DocTimeStamp").With("Filter", "/Adobe.PPKLite").With("SubFilter", "/ETSI.RFC3161"), reserve)
		if err := declareExtension(doc, u); err != nil {
			return err
		}
		return addField(u, page, sig, fmt.Sprintf("Timestamp-%x", id[:4]), "[0 0 0 0]", "")
	}
	err := w.appendSigned(add, func(digest [sha256.Size]byte) (der []byte, err error) {
		if token, err = timestamp(w.ctx, client, now, digest); err != nil {
			return nil, err
		}
		return token.DER, nil
	})
	return token, err
}

// addEvidence gathers what proves the chains and appends it as the document
// security store (EN 319 142-1 §5.4.2).
func (w *work) addEvidence(client *revocation.Client, now time.Time, chains [][]*x509.Certificate) error {
	if client == nil {
		client = &revocation.Client{}
	}
	found, err := client.Collect(w.ctx, chains, now)
	if err != nil {
		return evidenceFault(w.ctx, err)
	}
	doc, err := w.open()
	if err != nil {
		return err
	}
	u := doc.NewUpdate()
	if err := addStore(doc, u, found); err != nil {
		return pdfFault(w.out, err)
	}
	tail, err := u.Tail(w.sum.Sum(nil))
	if err != nil {
		return pdfFault(w.out, err)
	}
	return w.write(tail.Bytes)
}

func evidenceFault(ctx context.Context, err error) error {
	var revoked *revocation.RevokedError
	var unknown *revocation.UnknownError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &revoked):
		return fault("SIGN_CERT_REVOKED", packager.Args{"subject": revoked.Cert.Subject.String(), "on": packager.DayOf(revoked.At).String()}, nil)
	case errors.As(err, &unknown):
		return fault(codeRevocation, packager.Args{"subject": unknown.Cert.Subject.String(), "why": unknown.Err.Error()}, err)
	}
	return err
}

// addStore merges the evidence into the catalog's /DSS.
func addStore(doc *pdfinc.File, u *pdfinc.Update, found *revocation.Evidence) error {
	cat, root, err := u.Catalog()
	if err != nil {
		return err
	}
	store, err := storeOf(doc, cat)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		key  string
		ders [][]byte
	}{{"Certs", found.Certs}, {"OCSPs", found.OCSPs}, {"CRLs", found.CRLs}} {
		refs, have, err := storePart(doc, store.Get(part.key))
		if err != nil {
			return err
		}
		for _, der := range part.ders {
			if !have[sha256.Sum256(der)] {
				refs = append(refs, u.AddStream(nil, der).String())
			}
		}
		if len(refs) > 0 {
			store = store.With(part.key, "["+strings.Join(refs, " ")+"]")
		}
	}
	at, indirect := pdfinc.ParseRef(cat.Get("DSS"))
	if !indirect {
		at = u.Reserve()
		u.Put(root, cat.With("DSS", at.String()).String())
	}
	u.Put(at, store.String())
	return declareExtension(doc, u)
}

// storeOf returns the catalog's /DSS, or a new one.
func storeOf(doc *pdfinc.File, cat pdfinc.Dict) (pdfinc.Dict, error) {
	v, err := doc.Resolve(cat.Get("DSS"))
	if err != nil {
		return nil, err
	}
	if v == nil || string(v) == "null" {
		return pdfinc.Dict{}.With("Type", "/DSS"), nil
	}
	return pdfinc.ParseDict(v)
}

// storedCerts returns the digests of the certificates in the store.
func storedCerts(doc *pdfinc.File) (map[[sha256.Size]byte]bool, error) {
	cat, _, err := doc.Catalog()
	if err != nil {
		return nil, err
	}
	store, err := storeOf(doc, cat)
	if err != nil {
		return nil, err
	}
	_, have, err := storePart(doc, store.Get("Certs"))
	return have, err
}

// storePart returns the references of one array of the store and the digests
// of what they hold.
func storePart(doc *pdfinc.File, src []byte) (refs []string, have map[[sha256.Size]byte]bool, err error) {
	have = map[[sha256.Size]byte]bool{}
	v, err := doc.Resolve(src)
	if err != nil || v == nil || string(v) == "null" {
		return nil, have, err
	}
	items, err := pdfinc.ParseArray(v)
	if err != nil {
		return nil, nil, err
	}
	for _, it := range items {
		ref, ok := pdfinc.ParseRef(it)
		if !ok {
			return nil, nil, errors.New("pdf: an entry of the /DSS is not a reference")
		}
		data, err := doc.StreamData(ref)
		if err != nil {
			return nil, nil, err
		}
		refs, have[sha256.Sum256(data)] = append(refs, ref.String()), true
	}
	return slices.Clip(refs), have, nil
}

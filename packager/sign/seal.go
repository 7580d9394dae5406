package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"time"

	"dossier/packager/sign/cms"
)

// SealCMS returns a detached CMS signature over content in DER, of the same
// form as the one in the PDF: content-type, message-digest and
// signing-certificate-v2, no signing-time. The key is checked at the time now.
func SealCMS(key *Key, content io.Reader, now time.Time) ([]byte, error) {
	if err := key.Check(now); err != nil {
		return nil, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return nil, err
	}
	der, err := cms.Signer{Key: key.Signer, Chain: key.Chain}.Sign([sha256.Size]byte(h.Sum(nil)), nil)
	if err != nil {
		return nil, fault("SIGN_KEY_FAILED", map[string]string{"key": key.Source}, err)
	}
	return der, nil
}

// SealReceipt takes the canonical JSON (RFC 8785) of a packager.Receipt and
// returns the sealed receipt: the same bytes with ,"seal":"…" put in before the
// closing brace, where … is the base64 of the CMS signature over the bytes
// that were given. No line feed is added. To check it, take the last member
// off again: the text from the last `,"seal":"` up to the closing `"}`.
func SealReceipt(key *Key, canonical []byte, now time.Time) ([]byte, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(canonical, &object); err != nil {
		return nil, err
	}
	if _, sealed := object["seal"]; sealed || len(object) == 0 || !bytes.HasSuffix(canonical, []byte("}")) {
		return nil, errors.New("sign: a receipt to be sealed is a JSON object with members, without seal, and ends in its brace")
	}
	der, err := SealCMS(key, bytes.NewReader(canonical), now)
	if err != nil {
		return nil, err
	}
	out := bytes.Clone(canonical[:len(canonical)-1])
	out = append(out, `,"seal":"`...)
	out = base64.StdEncoding.AppendEncode(out, der)
	return append(out, `"}`...), nil
}

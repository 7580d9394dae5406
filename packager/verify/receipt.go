package verify

import (
	"bytes"
	"encoding/json"

	"dossier/packager"
)

// sealed is a receipt taken apart.
type sealed struct {
	receipt packager.Receipt
	seal    *cms
}

var sealMark = []byte(`,"seal":"`)

// parseReceipt reads a receipt and holds its seal against its bytes; see
// packager.Receipt for the form.
func parseReceipt(b []byte) (*sealed, error) {
	body, c, err := parseSealed(b)
	if err != nil {
		return nil, err
	}
	s := &sealed{seal: c}
	if err := decodeMembers(body, &s.receipt); err != nil {
		return nil, err
	}
	if s.receipt.Version != 1 {
		return nil, because("receipt.version", "n", itoa(s.receipt.Version))
	}
	return s, nil
}

func decodeMembers(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return because("receipt.members")
	}
	return nil
}

// parseSealed takes a sealed document apart and holds the seal against the
// body.
func parseSealed(b []byte) (body []byte, seal *cms, err error) {
	b = bytes.TrimSuffix(b, []byte("\n"))
	i := bytes.LastIndex(b, sealMark)
	if i < 0 || !bytes.HasSuffix(b, []byte(`"}`)) {
		return nil, nil, because("receipt.seal")
	}
	body = append(bytes.Clone(b[:i]), '}')
	if _, err := decodeCanonical(body); err != nil {
		return nil, nil, err
	}
	seal, err = checkSeal(string(b[i+len(sealMark):len(b)-2]), body)
	return body, seal, err
}

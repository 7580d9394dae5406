package verify

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
)

const maxEventLine = 8 << 20

// genesis stands as "prev" in the first event.
var genesis = strings.Repeat("0", 64)

// event is a line of the audit log, as far as the chain goes; audit describes
// the form.
type event struct {
	seq    int
	what   string
	hash   string
	number int               // of the publication, in a "stored" event
	sealer *x509.Certificate // nil where there is no seal
}

// walkEvents reads an audit log and returns its head and length. Every line is
// canonical, every hash is that of its line, every line follows the one
// before, every seal fits its line; the last line ends in a line feed. each, if
// not nil, is called for every event.
func walkEvents(r io.Reader, each func(event)) (head string, n int, err error) {
	head = genesis
	br := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := readLine(br)
		if errors.Is(err, io.EOF) {
			return head, n, nil
		}
		if err != nil {
			return "", n, eventError(n+1, err)
		}
		e, err := readEvent(line, head, n+1)
		if err != nil {
			return "", n, eventError(n+1, err)
		}
		if each != nil {
			each(e)
		}
		head = e.hash
		n++
	}
}

// eventError puts the line into the cause.
func eventError(line int, err error) error {
	c := causeOf(err)
	args := maps.Clone(c.args)
	args["line"] = itoa(line)
	return &cause{c.key, args}
}

func readLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < maxEventLine:
			continue
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull):
			return nil, because("event.cut")
		case err != nil:
			return nil, err
		}
		return bytes.TrimSuffix(line, []byte("\n")), nil
	}
}

func readEvent(line []byte, prev string, seq int) (event, error) {
	e := event{seq: seq}
	m, err := decodeCanonical(line)
	if err != nil {
		return e, err
	}
	e.hash, _ = m["hash"].(string)
	delete(m, "hash")
	bare, err := encodeCanonical(nil, m)
	if err != nil {
		return e, err
	}
	sum := sha256.Sum256(bare)
	switch {
	case e.hash != hex.EncodeToString(sum[:]):
		return e, because("event.changed")
	case m["prev"] != prev:
		return e, because("event.order")
	case m["seq"] != json.Number(fmt.Sprint(seq)):
		return e, because("event.missing")
	}
	if e.what, _ = m["what"].(string); e.what == "stored" {
		data, _ := m["data"].(map[string]any)
		number, _ := data["number"].(string)
		e.number, _ = strconv.Atoi(number)
	}
	if seal, there := m["seal"]; there {
		delete(m, "seal")
		if bare, err = encodeCanonical(nil, m); err != nil {
			return e, err
		}
		text, _ := seal.(string)
		seal, err := checkSeal(text, bare)
		if err != nil {
			return e, because("event.seal")
		}
		e.sealer = seal.signer
	}
	return e, nil
}

// checkSeal holds a seal, a detached CMS signature in base64, against the bytes
// that it is over.
func checkSeal(seal string, content []byte) (*cms, error) {
	der, err := base64.StdEncoding.Strict().DecodeString(seal)
	if err != nil {
		return nil, because("receipt.seal")
	}
	c, rest, err := parseCMS(der)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 || c.content != nil || !c.contentType.Equal(oidData) || len(c.unsignedAttrs)+len(c.crls) != 0 || !c.hasESS() {
		return nil, because("receipt.seal")
	}
	if err := c.findSigner(nil); err != nil {
		return nil, err
	}
	if _, err := c.path(c.certs); err != nil {
		return nil, err
	}
	return c, c.check(bytes.NewReader(content))
}

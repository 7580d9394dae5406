package verify

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
)

const maxEventLine = 64 << 20

// walkEvents reads an audit log and returns its head and length. Every line is
// canonical, every hash is that of its line, every line follows the one
// before; the last one ends in a line feed.
func walkEvents(r io.Reader) (head string, n int, err error) {
	head = strings.Repeat("0", 64)
	br := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := readLine(br)
		if errors.Is(err, io.EOF) {
			return head, n, nil
		}
		if err != nil {
			return "", n, eventError(n+1, err)
		}
		if head, err = nextHead(line, head, n+1); err != nil {
			return "", n, eventError(n+1, err)
		}
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

func nextHead(line []byte, prev string, seq int) (string, error) {
	m, err := decodeCanonical(line)
	if err != nil {
		return "", err
	}
	hash, _ := m["hash"].(string)
	delete(m, "hash")
	bare, err := encodeCanonical(nil, m)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(bare)
	switch {
	case hash != hex.EncodeToString(sum[:]):
		return "", because("event.changed")
	case m["prev"] != prev:
		return "", because("event.order")
	case m["seq"] != json.Number(fmt.Sprint(seq)):
		return "", because("event.missing")
	}
	return hash, nil
}

package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

func TestHasher(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 2*PartSize/16+5)
	for _, size := range []int{0, 1, PartSize - 1, PartSize, PartSize + 1, 2 * PartSize, len(body)} {
		for _, step := range []int{size + 1, 1 << 20, 7_000_001} {
			h := NewHasher()
			for b := body[:size]; len(b) > 0; b = b[min(step, len(b)):] {
				if n, err := h.Write(b[:min(step, len(b))]); err != nil || n != min(step, len(b)) {
					t.Fatal(n, err)
				}
			}
			n, whole, parts := h.Digests()
			if n != int64(size) || whole != FromBytes(body[:size]).SHA256 || len(parts) != (size+PartSize-1)/PartSize {
				t.Errorf("%d in steps of %d: %d bytes, %d parts", size, step, n, len(parts))
			}
			for i, p := range parts {
				sum := sha256.Sum256(body[i*PartSize : min((i+1)*PartSize, size)])
				if p != hex.EncodeToString(sum[:]) {
					t.Errorf("%d in steps of %d: part %d is wrong", size, step, i)
				}
			}
		}
	}
}

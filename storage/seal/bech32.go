package seal

import (
	"errors"
	"strings"
)

// age writes its keys in Bech32 (BIP 173) and keeps its own encoder internal.

const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

func polymod(values []byte) uint32 {
	gen := []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	chk := uint32(1)
	for _, v := range values {
		top := chk >> 25
		chk = (chk&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range gen {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	return chk
}

func expand(hrp string) []byte {
	var out []byte
	for i := range len(hrp) {
		out = append(out, hrp[i]>>5)
	}
	out = append(out, 0)
	for i := range len(hrp) {
		out = append(out, hrp[i]&31)
	}
	return out
}

// regroup turns bits in groups of from into groups of to.
func regroup(data []byte, from, to uint, pad bool) ([]byte, error) {
	var (
		out  []byte
		acc  uint32
		bits uint
	)
	for _, b := range data {
		acc = acc<<from | uint32(b)
		bits += from
		for bits >= to {
			bits -= to
			out = append(out, byte(acc>>bits)&(1<<to-1))
		}
	}
	switch rest := byte(acc<<(to-bits)) & (1<<to - 1); {
	case pad && bits > 0:
		out = append(out, rest)
	case !pad && (bits >= from || rest != 0):
		return nil, errors.New("bech32: padding")
	}
	return out, nil
}

// bech32Encode encodes in capitals, as age does for secrets.
func bech32Encode(hrp string, data []byte) string {
	lower := strings.ToLower(hrp)
	groups, _ := regroup(data, 8, 5, true) // never fails with padding
	mod := polymod(append(append(expand(lower), groups...), 0, 0, 0, 0, 0, 0)) ^ 1
	for i := range 6 {
		groups = append(groups, byte(mod>>(5*(5-i)))&31)
	}
	var b strings.Builder
	b.WriteString(lower + "1")
	for _, g := range groups {
		b.WriteByte(charset[g])
	}
	return strings.ToUpper(b.String())
}

func bech32Decode(hrp, s string) ([]byte, error) {
	if s != strings.ToUpper(s) {
		return nil, errors.New("bech32: not in capitals")
	}
	lower := strings.ToLower(hrp)
	rest, ok := strings.CutPrefix(strings.ToLower(s), lower+"1")
	if !ok || len(rest) < 6 {
		return nil, errors.New("bech32: another kind of key")
	}
	groups := make([]byte, len(rest))
	for i := range len(rest) {
		g := strings.IndexByte(charset, rest[i])
		if g < 0 {
			return nil, errors.New("bech32: a character that does not occur")
		}
		groups[i] = byte(g)
	}
	if polymod(append(expand(lower), groups...)) != 1 {
		return nil, errors.New("bech32: checksum")
	}
	return regroup(groups[:len(groups)-6], 5, 8, false)
}

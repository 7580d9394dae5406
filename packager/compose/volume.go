package compose

import (
	"os"
	"strconv"

	"dossier/packager"
)

// volume is one PDF of a bundle in the making: the whole bundle as a rule, or
// a part of it where a platform takes no file of its size.
type volume struct {
	file   *os.File // under a name of its own until it is released
	assets *assets
	book   *book
	bundle *packager.Bundle
}

func newVolume(dir string) (*volume, error) {
	f, err := os.CreateTemp(dir, ".dossier-*.pdf")
	return &volume{file: f}, err
}

// release puts the finished file under its name.
func (v *volume) release(path string) error {
	if err := v.file.Sync(); err != nil {
		return err
	}
	if err := v.file.Close(); err != nil {
		return err
	}
	if err := os.Chmod(v.file.Name(), 0o600); err != nil {
		return err
	}
	v.bundle.Path = path
	return os.Rename(v.file.Name(), path)
}

// discard removes what was not released.
func discard(volumes []*volume) {
	for _, v := range volumes {
		if v.file != nil {
			v.file.Close()
			os.Remove(v.file.Name())
		}
	}
}

// first returns the first volume, which leads the others.
func first(volumes []*volume) *packager.Bundle {
	b := volumes[0].bundle
	for _, v := range volumes[1:] {
		b.Rest = append(b.Rest, v.bundle)
		b.Findings = append(b.Findings, v.bundle.Findings...)
	}
	return b
}

// excess is by how much the largest volume is larger than limit.
func excess(volumes []*volume, limit int64) int64 {
	by := -limit
	for _, v := range volumes {
		by = max(by, v.bundle.Bytes-limit)
	}
	return by
}

// divide gives each volume the items, in order, that fit into room bytes. An
// item that is larger alone is returned.
func divide(items []packager.Item, size func(packager.Item) int64, room int64) (shares [][]packager.Item, big *packager.Item) {
	var used int64
	for i, it := range items {
		n := size(it)
		if n > room {
			return nil, &items[i]
		}
		if len(shares) == 0 || used+n > room {
			shares, used = append(shares, nil), 0
		}
		last := len(shares) - 1
		shares[last], used = append(shares[last], it), used+n
	}
	return shares, nil
}

// whole reports whether the bundle is one PDF.
func (b *book) whole() bool { return len(b.set) == 1 }

// find tells where a part of the bundle stands: in this volume or another.
func (b *book) find(name string) (s span, volume int) {
	if s, ok := b.known[name]; ok {
		return s, b.no
	}
	for _, o := range b.set {
		if s, ok := o.known[name]; ok {
			return s, o.no
		}
	}
	return span{}, b.no
}

// shown is what became of a material, in whichever volume it is.
func (b *book) shown(no int) *shown {
	for _, o := range b.set {
		if s := o.assets.items[no]; s != nil {
			return s
		}
	}
	return &shown{}
}

// total pages of all volumes.
func (b *book) allPages() (n int) {
	for _, o := range b.set {
		n += o.total
	}
	return n
}

// label names the volume, "" where there is one only.
func (b *book) label() string {
	if b.whole() {
		return ""
	}
	return b.t("volume", "no", strconv.Itoa(b.no), "of", strconv.Itoa(len(b.set)))
}

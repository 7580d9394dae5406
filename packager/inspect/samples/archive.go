package samples

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Member is one entry of an archive.
type Member struct {
	Name    string // ends in / for a folder
	Content string
	GBK     bool // write the name in GBK, without the UTF-8 flag
	Link    bool // a symbolic link to Content
	Size    int64
	Time    time.Time
}

// ZIP makes a ZIP. A member with a Size has so many zeros as its content.
func ZIP(members ...Member) []byte {
	return encode(func(b *bytes.Buffer) error {
		w := zip.NewWriter(b)
		for _, m := range members {
			if m.Time.IsZero() {
				m.Time = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			}
			h := &zip.FileHeader{Name: m.Name, Method: zip.Deflate, Modified: m.Time}
			if m.GBK {
				raw, err := simplifiedchinese.GBK.NewEncoder().String(m.Name)
				if err != nil {
					return err
				}
				h.Name, h.NonUTF8 = raw, true
			}
			if m.Link {
				h.SetMode(fs.ModeSymlink | 0o777)
			}
			f, err := w.CreateHeader(h)
			if err != nil {
				return err
			}
			if strings.HasSuffix(m.Name, "/") {
				continue
			}
			if _, err := io.Copy(f, io.MultiReader(strings.NewReader(m.Content), io.LimitReader(zeros{}, m.Size))); err != nil {
				return err
			}
		}
		return w.Close()
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TarGz makes a compressed TAR.
func TarGz(members ...Member) []byte {
	return encode(func(b *bytes.Buffer) error {
		g := gzip.NewWriter(b)
		w := tar.NewWriter(g)
		for _, m := range members {
			h := &tar.Header{Name: m.Name, Size: int64(len(m.Content)), Mode: 0o644, ModTime: m.Time}
			if m.Link {
				h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, m.Content, 0
			}
			if err := w.WriteHeader(h); err != nil {
				return err
			}
			if !m.Link {
				if _, err := w.Write([]byte(m.Content)); err != nil {
					return err
				}
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		return g.Close()
	})
}

// EncryptedZIP sets the encryption flag of every member (APPNOTE.TXT 4.4.4);
// the content is not really encrypted, which nobody can see without the key.
func EncryptedZIP(members ...Member) []byte {
	b := ZIP(members...)
	for _, sig := range []struct {
		magic string
		flag  int
	}{{"PK\x03\x04", 6}, {"PK\x01\x02", 8}} {
		for at := 0; ; {
			i := bytes.Index(b[at:], []byte(sig.magic))
			if i < 0 {
				break
			}
			at += i
			le := binary.LittleEndian
			le.PutUint16(b[at+sig.flag:], le.Uint16(b[at+sig.flag:])|1)
			at += 4
		}
	}
	return b
}

// CorruptZIP has one byte of a member's data changed.
func CorruptZIP(members ...Member) []byte {
	b := ZIP(members...)
	le := binary.LittleEndian // of the local header: APPNOTE.TXT 4.3.7
	data := 30 + int(le.Uint16(b[26:])) + int(le.Uint16(b[28:]))
	b[data+4] ^= 0xff
	return b
}

// Office is what the first members of an OOXML or OFD file look like.
func Office(folder string) []byte {
	if folder == "ofd" {
		return ZIP(Member{Name: "OFD.xml", Content: "<ofd:OFD/>"}, Member{Name: "Doc_0/Document.xml", Content: "<x/>"})
	}
	return ZIP(Member{Name: "[Content_Types].xml", Content: "<Types/>"}, Member{Name: folder + "/document.xml", Content: "<x/>"})
}

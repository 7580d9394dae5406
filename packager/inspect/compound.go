package inspect

import (
	"context"
	"encoding/binary"
	"io"
	"strings"

	"github.com/richardlehane/mscfb"

	"dossier/packager/archive"
)

// compound tells the documents apart that are compound files ([MS-CFB]), and
// says of an office file whether it has macros or a password.
func compound(r io.ReaderAt, size int64, f *facts) kind {
	doc, err := mscfb.New(io.NewSectionReader(r, 0, size))
	if err != nil {
		return kindOLE
	}
	k := kindOLE
	var macros, locked bool
	for _, s := range doc.File {
		switch s.Name {
		case "WordDocument":
			k = kindDOC
			locked = locked || encryptedWord(s)
		case "Workbook", "Book":
			k = kindXLS
			locked = locked || encryptedExcel(s)
		case "PowerPoint Document":
			k = kindPPT
		case "Current User":
			locked = locked || encryptedPowerPoint(s)
		case "__properties_version1.0":
			if len(s.Path) == 0 { // of the message itself, not of one that is attached to something else
				return kindMSG
			}
		case "EncryptedPackage": // a new office file in an envelope ([MS-OFFCRYPTO] 2.3.4)
			locked = true
		case "Macros", "_VBA_PROJECT_CUR", "_VBA_PROJECT":
			macros = true
		}
	}
	f.officeProblems(locked, macros)
	return k
}

func (f *facts) officeProblems(locked, macros bool) {
	switch {
	case locked:
		f.fatal("OFFICE_ENCRYPTED", nil)
	case macros:
		f.fatal("OFFICE_MACROS", nil)
	}
}

// encryptedWord looks at the flag fEncrypted of the FIB ([MS-DOC] 2.5.2).
func encryptedWord(s io.Reader) bool {
	var fib [12]byte
	_, err := io.ReadFull(s, fib[:])
	return err == nil && binary.LittleEndian.Uint16(fib[10:])&0x0100 != 0
}

// encryptedExcel looks for the record FilePass, which stands near the
// beginning ([MS-XLS] 2.4.117).
func encryptedExcel(s io.Reader) bool {
	for range 4 {
		var head [4]byte
		if _, err := io.ReadFull(s, head[:]); err != nil {
			return false
		}
		if binary.LittleEndian.Uint16(head[:]) == 0x002f {
			return true
		}
		if _, err := io.CopyN(io.Discard, s, int64(binary.LittleEndian.Uint16(head[2:]))); err != nil {
			return false
		}
	}
	return false
}

// encryptedPowerPoint looks at headerToken of the CurrentUserAtom ([MS-PPT]
// 2.3.2).
func encryptedPowerPoint(s io.Reader) bool {
	var atom [16]byte
	_, err := io.ReadFull(s, atom[:])
	return err == nil && binary.LittleEndian.Uint32(atom[12:]) == 0xf3d1c4df
}

// officePackage says of an office file that is a ZIP whether it has macros
// (ECMA-376: vbaProject.bin, macro sheets; OpenDocument: Basic, Scripts) or,
// OpenDocument, a password.
func officePackage(ctx context.Context, r io.ReaderAt, size int64, f *facts) {
	var locked, macros bool
	_, _ = archive.Walk(ctx, r, size, archive.Limits{}, func(e archive.Entry, read func() (io.ReadCloser, error)) error {
		name := strings.ToLower(e.Name)
		switch {
		case strings.HasSuffix(name, "vbaproject.bin"), strings.Contains(name, "/macrosheets/"),
			strings.HasPrefix(name, "basic/"), strings.HasPrefix(name, "scripts/"):
			macros = macros || !e.Dir
		case name == "meta-inf/manifest.xml" && read != nil:
			locked = locked || manifestLocked(read)
		}
		return nil
	}) // a damaged file: whoever draws it will say so
	f.officeProblems(locked, macros)
}

// manifestLocked looks for an encrypted member in the manifest of an
// OpenDocument (part 2, 4.8).
func manifestLocked(read func() (io.ReadCloser, error)) bool {
	rc, err := read()
	if err != nil {
		return false
	}
	defer rc.Close()
	b, _ := io.ReadAll(io.LimitReader(rc, 1<<20))
	return strings.Contains(string(b), "encryption-data")
}

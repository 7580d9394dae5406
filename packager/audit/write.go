package audit

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dossier/packager"
	"dossier/packager/i18n"
)

// Names of the files that Write makes.
const (
	WorkbookName = "audit.xlsx"
	EventsName   = "events.jsonl"
	ManifestName = "manifest.json"
)

// Options of a record.
type Options struct {
	// Unmask prints identity numbers in the workbook in full. That is an event
	// of its own ("unmasked"); the log itself never holds a number.
	Unmask bool
	// Final is the folder in which the files will stand when they are read;
	// links to the materials and the PDF are relative to it. Default: dir.
	Final string
	// Bundle names the PDFs in Final: the stem of packager.Bundle.FileName.
	// Default: that of the base of its path.
	Bundle string
	// Thumbnails is the largest number of materials for which each picture is
	// shown in its row; with more materials there are none. 0 means 2,000, a
	// negative number none.
	Thumbnails int
	// Pictures are JPEG files that show the first page of materials that are no
	// pictures themselves, by the material's path in the case.
	Pictures map[string]string
}

// Write makes what stands beside the signed PDF, in dir: the workbook
// audit.xlsx in the language of p, a copy of the log so far, and the manifest,
// byte for byte as the PDF has it attached. Each file appears whole or not at
// all. The same arguments give the same bytes. stored are the objects as they
// are to be stored (their keys are known before they are sent).
func Write(ctx context.Context, sb *packager.SignedBundle, verdict *packager.Verdict, log *Log,
	stored []packager.StoredObject, dir string, p *i18n.Printer, opts Options) (*packager.Record, error) {
	if opts.Unmask {
		if _, err := log.Append(packager.Event{What: "unmasked", Case: sb.Plan.Report.Case.ID, Tool: sb.Plan.Tool}); err != nil {
			return nil, err
		}
	}
	if opts.Final == "" {
		opts.Final = dir
	}
	if opts.Bundle == "" {
		opts.Bundle = strings.TrimSuffix(filepath.Base(sb.Path), ".pdf")
	}
	if opts.Thumbnails == 0 {
		opts.Thumbnails = manyFiles
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, writeFault(dir, err)
	}
	rec := &packager.Record{SignedBundle: *sb, Head: log.Head()}
	steps := []struct {
		name string
		file *packager.File
		fill func(io.Writer) error
	}{
		{EventsName, &rec.Events, log.copyTo},
		{ManifestName, &rec.Manifest, func(w io.Writer) error {
			_, err := w.Write(sb.Manifest)
			return err
		}},
		{WorkbookName, &rec.Workbook, func(w io.Writer) error {
			return writeWorkbook(ctx, w, source{sb, verdict, log, stored, p, opts}, dir)
		}},
	}
	for _, s := range steps {
		path := filepath.Join(dir, s.name)
		if err := writeFile(path, s.fill); err != nil {
			return nil, writeFault(path, err)
		}
		var err error
		if *s.file, err = describe(path); err != nil {
			return nil, writeFault(path, err)
		}
	}
	return rec, nil
}

// copyTo writes the events up to the head, and not what another process has
// appended since.
func (l *Log) copyTo(w io.Writer) error {
	if l.chain.seq == 0 {
		return nil
	}
	f, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(w, f, l.chain.offset)
	return err
}

// Events calls visit for each event up to the head, in order.
func (l *Log) Events(visit func(packager.Event) error) error {
	if l.chain.seq == 0 {
		return nil
	}
	f, err := os.Open(l.path)
	if err != nil {
		return l.fault(err)
	}
	defer f.Close()
	_, _, err = chain{head: Genesis}.read(io.LimitReader(f, l.chain.offset), visit)
	var broken *brokenError
	if errors.As(err, &broken) {
		return l.broken(broken)
	}
	return err
}

func writeFault(path string, err error) error {
	var f *packager.Fault
	if errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &packager.Fault{Class: packager.ClassUnexpected, Code: "AUDIT_WRITE", Args: packager.Args{"file": filepath.Base(path)}, Err: err}
}

package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dossier/packager/inspect/samples"
	"dossier/packager/sign/testpki"
	"dossier/storage/storagetest"
)

func TestMain(m *testing.M) {
	testscript.Main(testpki.Tidy{M: m}, map[string]func(){"dossier": main})
}

// TestScripts runs testdata/script: one file a behaviour, with the program as
// people call it. Every script has a home, a store and a cache of its own; the
// examples lie under $EXAMPLES.
func TestScripts(t *testing.T) { runScripts(t, "script", nil, nil) }

// TestScriptsS3 runs testdata/s3 against a real MinIO; $STORE is an s3:// URL
// of the script's own, $LOCKED one with object lock, $DEAD an address where
// nobody answers.
func TestScriptsS3(t *testing.T) {
	server := storagetest.StartMinIO(t)
	bucket, locked := server.NewBucket(t, false), server.NewBucket(t, true)
	runScripts(t, "s3", func(e *testscript.Env) error {
		for k, v := range server.Env() {
			e.Setenv(k, v)
		}
		e.Setenv("DEAD", "http://127.0.0.1:9")
		e.Setenv("STORE", bucket+"/"+filepath.Base(e.WorkDir))
		e.Setenv("LOCKED", locked+"/"+filepath.Base(e.WorkDir))
		return nil
	}, map[string]func(*testscript.TestScript, bool, []string){
		// put FILE KEY makes an object of a file, below $STORE.
		"put": func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) != 2 {
				ts.Fatalf("usage: put FILE KEY")
			}
			prefix := strings.TrimPrefix(ts.Getenv("STORE"), bucket+"/")
			ts.Check(server.Put(context.Background(), bucket, prefix+"/"+args[1], []byte(ts.ReadFile(args[0]))))
		},
	})
}

func runScripts(t *testing.T, dir string, setup func(*testscript.Env) error, more map[string]func(*testscript.TestScript, bool, []string)) {
	examples, err := filepath.Abs(filepath.Join("..", "..", "templates", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir() // what was inspected once is the same for every script
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"example": copyExample,
		"json":    expectJSON,
		"keys":    expectKeys,
		"lines":   expectLines,
		"flip":    flipByte,
		"replace": replaceText,
		"parts":   writeParts,
		"lock":    lockPDF,
		"docx":    writeDocx,
	}
	maps.Copy(cmds, more)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", dir),
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", examples)
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "data"))
			e.Setenv("DOSSIER_CACHE", cache)
			e.Setenv("DOSSIER_AT", "2026-11-22")
			e.Setenv("DOSSIER_TESSERACT", "off")
			e.Setenv("DOSSIER_LANG", "zh")
			if err := os.MkdirAll(filepath.Join(e.WorkDir, "home"), 0o700); err != nil || setup == nil {
				return err
			}
			return setup(e)
		},
		Cmds: cmds,
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			if name, ok := strings.CutPrefix(cond, "judge:"); ok {
				_, err := exec.LookPath(name)
				if err != nil && os.Getenv("DOSSIER_JUDGES") == "required" {
					return false, err
				}
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		RequireUniqueNames: true,
	})
}

// copyExample: example NAME DIR copies a shipped case, without what a build
// may have left in it.
func copyExample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: example NAME DIR")
	}
	from, to := filepath.Join(ts.Getenv("EXAMPLES"), args[0]), ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(to, 0o755))
	entries, err := os.ReadDir(from)
	ts.Check(err)
	for _, e := range entries {
		switch e.Name() {
		case "out", ".dossier":
		default:
			src, dst := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
			if e.IsDir() {
				ts.Check(os.CopyFS(dst, os.DirFS(src)))
				continue
			}
			b, err := os.ReadFile(src)
			ts.Check(err)
			ts.Check(os.WriteFile(dst, b, 0o644))
		}
	}
}

// expectJSON: json FILE PATH VALUE holds a value of a JSON document against a
// text; PATH is dotted, [n] an index, len a length, and
// [key=value] the first element with that member.
func expectJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	got := fmt.Sprint(dig(v, args[1]))
	if (got == args[2]) == neg {
		ts.Fatalf("%s %s is %s, want %s (not: %v)", args[0], args[1], got, args[2], neg)
	}
}

// expectKeys: keys FILE PATH KEY... holds that FILE is one JSON document and
// nothing else, and that the object at PATH ("." for the whole) has exactly
// these members; KEY? may be missing.
func expectKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: keys FILE PATH KEY...")
	}
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var v any
	ts.Check(d.Decode(&v))
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("%s holds more than one JSON document", args[0])
	}
	object, ok := dig(v, args[1]).(map[string]any)
	if !ok {
		ts.Fatalf("%s %s is no object", args[0], args[1])
	}
	known := map[string]bool{}
	for _, key := range args[2:] {
		name, optional := strings.CutSuffix(key, "?")
		known[name] = true
		if _, there := object[name]; !there && !optional {
			ts.Fatalf("%s %s has no %q", args[0], args[1], name)
		}
	}
	for name := range object {
		if !known[name] {
			ts.Fatalf("%s %s has %q, which nobody promised", args[0], args[1], name)
		}
	}
}

// expectLines: lines FILE KEY... holds that every line of FILE is a JSON object
// of version 1 with these members; KEY? may be missing.
func expectLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lines FILE KEY...")
	}
	known := map[string]bool{"version": true}
	for _, key := range args[1:] {
		known[strings.TrimSuffix(key, "?")] = true
	}
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		n++
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%s:%d is no JSON: %v: %s", args[0], n, err, line)
		}
		if object["version"] != 1.0 {
			ts.Fatalf("%s:%d has version %v", args[0], n, object["version"])
		}
		for _, key := range args[1:] {
			name, optional := strings.CutSuffix(key, "?")
			if _, there := object[name]; !there && !optional {
				ts.Fatalf("%s:%d has no %q: %s", args[0], n, name, line)
			}
		}
		for name := range object {
			if !known[name] {
				ts.Fatalf("%s:%d has %q, which nobody promised", args[0], n, name)
			}
		}
	}
	if n == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
}

func dig(v any, path string) any {
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "[", ".["), ".") {
		switch {
		case part == "":
		case part == "len":
			list, _ := v.([]any)
			return len(list)
		case strings.HasPrefix(part, "["):
			v = pick(v, strings.Trim(part, "[]"))
		default:
			m, _ := v.(map[string]any)
			v = m[part]
		}
	}
	return v
}

func pick(v any, which string) any {
	list, _ := v.([]any)
	if i, err := strconv.Atoi(which); err == nil {
		if i < len(list) {
			return list[i]
		}
		return nil
	}
	key, want, _ := strings.Cut(which, "=")
	for _, e := range list {
		if m, ok := e.(map[string]any); ok && fmt.Sprint(m[key]) == want {
			return e
		}
	}
	return nil
}

// flipByte: flip FILE [OFFSET] changes one bit of one byte; without an offset
// it picks a place, and says which.
func flipByte(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: flip FILE [OFFSET]")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at := rand.IntN(len(b))
	if len(args) > 1 {
		at, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	ts.Logf("flip %s at %d", args[0], at)
	b[at] ^= 1 << rand.IntN(8)
	ts.Check(os.Chmod(path, 0o600))
	ts.Check(os.WriteFile(path, b, 0o600))
}

// lockPDF: lock FILE PASSWORD encrypts a PDF, so that it opens with the password
// alone.
func lockPDF(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lock FILE PASSWORD")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, samples.Encrypt(b, args[1], "owner of the test"), 0o600))
}

// writeDocx: docx FILE PARAGRAPH... writes a Word document.
func writeDocx(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: docx FILE PARAGRAPH...")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), samples.Docx("", args[1:]...), 0o600))
}

// replaceText: replace FILE OLD NEW replaces a text that must be there.
func replaceText(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// writeParts: parts FILE OUT writes the parts of a workbook, one after the
// other, into a text file.
func writeParts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: parts FILE OUT")
	}
	in, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer in.Close()
	var all []byte
	for _, part := range in.File {
		r, err := part.Open()
		ts.Check(err)
		b, err := io.ReadAll(r)
		ts.Check(err)
		r.Close()
		all = append(append(all, b...), '\n')
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), all, 0o600))
}

package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/identity"
)

var testActor = Actor{User: "zhang", Host: "pc-7", Name: "张三"}

// testClock starts at ten o'clock in Beijing and goes on a second a call.
func testClock() func() time.Time {
	now := time.Date(2026, 11, 22, 10, 0, 0, 123e6, packager.Shanghai)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func testLog(t testing.TB, events ...string) *Log {
	t.Helper()
	return logIn(t, t.TempDir(), events...)
}

func logIn(t testing.TB, dir string, events ...string) *Log {
	t.Helper()
	l, err := Open(filepath.Join(dir, "log.jsonl"), testActor, testClock())
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range events {
		if _, err := l.Append(packager.Event{What: what, Case: "c1", Tool: "0.1"}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestAppendChains(t *testing.T) {
	l := testLog(t)
	first, err := l.Append(packager.Event{What: "collected", Case: "c1", Tool: "0.1", Inputs: map[string]string{"材料/b.jpg": "bb", "a.jpg": "aa"}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Append(packager.Event{What: "checked", Case: "c1", Tool: "0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Seq != 1 || first.Prev != Genesis || second.Seq != 2 || second.Prev != first.Hash || l.Head() != second.Hash || l.Len() != 2 {
		t.Fatalf("no chain: %+v %+v", first, second)
	}
	b, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-11-22T02:00:01.123Z","case":"c1","hash":"` + first.Hash + `","host":"pc-7","inputs":{"a.jpg":"aa","材料/b.jpg":"bb"},"name":"张三","prev":"` + Genesis + `","seq":1,"tool":"0.1","user":"zhang","what":"collected","zone":"+08:00"}` + "\n"
	if got := string(b[:bytes.IndexByte(b, '\n')+1]); got != want {
		t.Errorf("line\n%s\nwant\n%s", got, want)
	}
	again, err := Open(l.Path(), testActor, testClock())
	if err != nil || again.Head() != second.Hash || again.Len() != 2 {
		t.Errorf("opened again: %v, head %s", err, again.Head())
	}
}

// The hash is what the documentation says, reckoned with another program.
func TestHashByOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		needJudge(t, "openssl")
	}
	l := testLog(t, "collected")
	b, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(strings.TrimSuffix(string(b), "\n"), `"hash":"`+l.Head()+`",`, "", 1)
	cmd := exec.Command("openssl", "dgst", "-sha256", "-r")
	cmd.Stdin = strings.NewReader(without)
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), l.Head()) {
		t.Errorf("openssl says %s (%v), the log %s", out, err, l.Head())
	}
}

func TestBrokenChainIsRefused(t *testing.T) {
	l := testLog(t, "collected", "checked", "composed")
	good, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(good), "\n")[:3]
	tests := []struct {
		name, file, line, why string
	}{
		{"a word changed", strings.Replace(string(good), "checked", "chocked", 1), "2", "hash"},
		{"a line gone", lines[0] + lines[2], "2", "prev"},
		{"the first line gone", lines[1] + lines[2], "1", "prev"},
		{"two lines swapped", lines[0] + lines[2] + lines[1], "2", "prev"},
		{"a line twice", lines[0] + lines[0] + lines[1], "2", "prev"},
		{"an empty line", lines[0] + "\n" + lines[1], "2", "json"},
		{"no JSON", lines[0] + "hello\n", "2", "json"},
		{"another order", strings.Replace(string(good), `"prev":`, `"aaaa":`, 1), "1", "canonical"},
		{"a blank", strings.Replace(string(good), `,"seq":2`, `, "seq":2`, 1), "2", "canonical"},
		{"a member twice", strings.Replace(string(good), `"seq":2`, `"seq":2,"seq":2`, 1), "2", "canonical"},
		{"a member unknown", strings.Replace(string(good), `"zone"`, `"z":1,"zone"`, 1), "1", "canonical"},
		{"zeros", lines[0] + strings.Repeat("\x00", 40) + "\n", "2", "json"},
		{"an array", "[]\n", "1", "json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "events.jsonl")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, testActor, testClock())
			var f *packager.Fault
			if !errors.As(err, &f) || f.Code != "AUDIT_LOG_BROKEN" || f.Class != packager.ClassVerification || f.Args["line"] != tt.line || f.Args["why"] != tt.why {
				t.Errorf("got %v, want line %s, %s", err, tt.line, tt.why)
			}
			if b, _ := os.ReadFile(path); string(b) != tt.file {
				t.Error("a broken log was touched")
			}
		})
	}
}

// The log holds at every place where a write can stop.
func TestTornLine(t *testing.T) {
	l := testLog(t, "collected", "checked")
	good, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(good, '\n') + 1
	for cut := first + 1; cut < len(good); cut++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "events.jsonl")
		if err := os.WriteFile(path, good[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(path, testActor, testClock())
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		torn := l.Torn()
		if torn == nil || l.Len() != 1 || torn.Bytes != int64(cut-first) {
			t.Fatalf("cut at %d: torn %+v, %d events", cut, torn, l.Len())
		}
		if aside, err := os.ReadFile(torn.Path); err != nil || !bytes.Equal(aside, good[first:cut]) {
			t.Fatalf("cut at %d: moved aside %q, %v", cut, aside, err)
		}
		e, err := l.Append(packager.Event{What: "checked", Case: "c1", Tool: "0.1"})
		if err != nil || e.Seq != 3 {
			t.Fatalf("cut at %d: append %+v, %v", cut, e, err)
		}
		var told packager.Event
		if err := l.Events(func(e packager.Event) error {
			if e.Seq == 2 {
				told = e
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if told.What != "recovered" || told.Output[filepath.Base(torn.Path)] != torn.SHA256 {
			t.Fatalf("cut at %d: the log says %+v", cut, told)
		}
		if cut > first+20 { // the shape of the rest is the same
			cut += 17
		}
	}
}

// Another process cuts the log short, or rewrites it, while we have it open.
func TestChangedUnderneath(t *testing.T) {
	for name, change := range map[string]func(b []byte) []byte{
		"cut":       func(b []byte) []byte { return b[:len(b)/2] },
		"emptied":   func([]byte) []byte { return nil },
		"rewritten": func(b []byte) []byte { return bytes.Replace(b, []byte("checked"), []byte("chacked"), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			l := testLog(t, "collected", "checked")
			b, _ := os.ReadFile(l.Path())
			changed := change(b)
			if err := os.WriteFile(l.Path(), changed, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := l.Append(packager.Event{What: "composed"})
			var f *packager.Fault
			if !errors.As(err, &f) || f.Code != "AUDIT_LOG_BROKEN" {
				t.Errorf("got %v", err)
			}
			if b, _ := os.ReadFile(l.Path()); !bytes.Equal(b, changed) {
				t.Error("the log was touched")
			}
		})
	}
}

// TestMain lets this binary be the other process.
func TestMain(m *testing.M) {
	if path := os.Getenv("AUDIT_TEST_APPEND"); path != "" {
		appendAsProcess(path)
		return
	}
	if path := os.Getenv("AUDIT_TEST_FULL"); path != "" {
		appendToFullDisk(path)
		return
	}
	if dir := os.Getenv("AUDIT_TEST_FULL_WORKBOOK"); dir != "" {
		writeToFullDisk(dir)
		return
	}
	if dir := os.Getenv("AUDIT_TEST_LARGE"); dir != "" {
		writeLarge(dir)
		return
	}
	os.Exit(m.Run())
}

func appendAsProcess(path string) {
	l, err := Open(path, testActor, time.Now)
	for i := 0; err == nil && i < 25; i++ {
		_, err = l.Append(packager.Event{What: "checked", Case: "c1", Data: map[string]string{"pid": fmt.Sprint(os.Getpid())}})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestProcessesTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "case", "events.jsonl")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var procs []*exec.Cmd
	for range 4 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "AUDIT_TEST_APPEND="+path)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		procs = append(procs, cmd)
	}
	for _, p := range procs {
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
	l, err := Open(path, testActor, testClock())
	if err != nil || l.Len() != 100 {
		t.Fatalf("%v, %d events of 100", err, l.Len())
	}
	by := map[string]int{}
	if err := l.Events(func(e packager.Event) error { by[e.Data["pid"]]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(by) != 4 {
		t.Errorf("events by process: %v", by)
	}
}

func TestNoIdentityNumbers(t *testing.T) {
	const id = "110199198001010016"
	l := testLog(t)
	if _, err := l.Append(packager.Event{
		What: "collected", Case: id, Tool: "x",
		Inputs: map[string]string{"materials/" + id + ".jpg": strings.Repeat("a", 64)},
		Output: map[string]string{"o": "n" + id}, // a run with a letter is no number
		Data:   map[string]string{"who": "测试甲" + id, "old": "no 110199800101001.", "x": "11019919880808004x"},
	}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"/" + id, "甲" + id, "110199800101001", "11019919880808004x"} {
		if bytes.Contains(b, []byte(n)) {
			t.Errorf("%s stands in the log: %s", n, b)
		}
	}
	if !bytes.Contains(b, []byte("测试甲110***********0016")) {
		t.Errorf("not masked as told: %s", b)
	}
}

func TestMaskIDs(t *testing.T) {
	tests := []struct{ in, want string }{
		{"110199198001010016", "110***********0016"},
		{"11019919880808004X", "110***********004X"},
		{"身份证号：310199198512310026，", "身份证号：310***********0026，"},
		{"110199199002290018", "110***********0018"}, // 29 February of no leap year
		{"820000189901010017", "820***********0017"},
		{"932682198501010017", "932***********0017"},
		{"110199800101001", "110********1001"},
		{"110199198001010017", "110199198001010017"}, // wrong check character: no number
		{"91000000MAFAKE019J", "91000000MAFAKE019J"},
		{"110199000000011", "110199000000011"}, // a registration number
		{"13800138000", "13800138000"},
		{"20261122100000123", "20261122100000123"},
		{strings.Repeat("110199198001010016", 3) + "abcdefabcd", strings.Repeat("110199198001010016", 3) + "abcdefabcd"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := identity.MaskIDs(tt.in); got != tt.want {
			t.Errorf("MaskIDs(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// The examples of RFC 8785 that have no fractions, and what else is special.
func TestCanonical(t *testing.T) {
	tests := []struct {
		in   any
		want string
	}{
		{json.RawMessage(`{"\u20ac":"E","\r":"CR","\ufb33":"D","1":"One","\ud83d\ude00":"S","\u0080":"C","\u00f6":"L"}`),
			"{\"\\r\":\"CR\",\"1\":\"One\",\"\u0080\":\"C\",\"ö\":\"L\",\"€\":\"E\",\"😀\":\"S\",\"\ufb33\":\"D\"}"},
		{json.RawMessage(`"\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\/"`), `"€$\u000f\nA'B\"\\\\\"/"`},
		{"<&>\u2028\u2029\x7f", "\"<&>\u2028\u2029\x7f\""},
		{map[string]any{"b": []any{1, nil, true, -5}, "a": map[string]any{}}, `{"a":{},"b":[1,null,true,-5]}`},
		{"\b\t\f\x00", `"\b\t\f\u0000"`},
		{int64(9007199254740991), "9007199254740991"},
	}
	for _, tt := range tests {
		got, err := Canonical(tt.in)
		if err != nil || string(got) != tt.want {
			t.Errorf("Canonical(%v) = %s, %v; want %s", tt.in, got, err, tt.want)
		}
	}
	for _, bad := range []any{1.5, int64(9007199254740992), json.RawMessage("1e3"), make(chan int)} {
		if got, err := Canonical(bad); err == nil {
			t.Errorf("Canonical(%v) = %s, want an error", bad, got)
		}
	}
}

// Any bytes are either a log that holds, up to a torn tail, or refused.
func FuzzRead(f *testing.F) {
	l, err := Open(filepath.Join(f.TempDir(), "e"), testActor, testClock())
	if err != nil {
		f.Fatal(err)
	}
	for _, what := range []string{"collected", "checked"} {
		if _, err := l.Append(packager.Event{What: what, Case: "c1", Data: map[string]string{"a": "é\u2028<"}}); err != nil {
			f.Fatal(err)
		}
	}
	good, err := os.ReadFile(l.Path())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Add([]byte("{}\n"))
	f.Add([]byte("null\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var rebuilt []byte
		c, tail, err := chain{head: Genesis}.read(bytes.NewReader(b), func(e packager.Event) error {
			line, err := Canonical(e)
			rebuilt = append(append(rebuilt, line...), '\n')
			return err
		})
		var broken *brokenError
		if err != nil && !errors.As(err, &broken) {
			t.Fatalf("no verdict: %v", err)
		}
		if err == nil && !bytes.Equal(append(rebuilt, tail...), b) {
			t.Fatalf("%d events and a tail of %d bytes are not what was read", c.seq, len(tail))
		}
	})
}

// A seal is over the event without hash and seal, and the hash covers it; a
// key that fails keeps no event out.
func TestSeal(t *testing.T) {
	l := testLog(t, "collected")
	var sealed []byte
	l.SealWith(func(content []byte) ([]byte, error) {
		sealed = content
		return []byte("der"), nil
	})
	signed, err := l.Append(packager.Event{What: "signed", Case: "c1", Tool: "0.1", Seal: "forged", Data: map[string]string{"hash": "", "seal": ""}})
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	line = line[bytes.IndexByte(line, '\n')+1 : len(line)-1]
	bare := bytes.Replace(line, []byte(`"hash":"`+signed.Hash+`",`), nil, 1)
	if hexSum(bare) != signed.Hash {
		t.Errorf("the hash is not of %s", bare)
	}
	bare = bytes.Replace(bare, []byte(`"seal":"ZGVy",`), nil, 1)
	if !bytes.Equal(bare, sealed) {
		t.Errorf("sealed is\n%s\nwant\n%s", sealed, bare)
	}

	l.SealWith(func([]byte) ([]byte, error) { return nil, nil })
	if e, err := l.Append(packager.Event{What: "stored", Case: "c1"}); err != nil || e.Seal != "" {
		t.Errorf("no key at hand: %+v, %v", e, err)
	}
	l.SealWith(func([]byte) ([]byte, error) { return nil, &packager.Fault{Code: "KEY_EXPIRED"} })
	given := map[string]string{"number": "1"}
	if e, err := l.Append(packager.Event{What: "handed_off", Case: "c1", Data: given}); err != nil || e.Seal != "" || e.Data["unsealed"] != "KEY_EXPIRED" || len(given) != 1 {
		t.Errorf("a key that fails: %+v, %v", e, err)
	}
	again, err := Open(l.Path(), testActor, testClock())
	if err != nil || again.Len() != 4 {
		t.Errorf("opened again: %v", err)
	}
	all, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.Path(), bytes.Replace(all, []byte("ZGVy"), []byte("ZGVz"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(l.Path(), testActor, testClock()); err == nil {
		t.Error("another seal goes unseen")
	}
}

// Two files whose names differ in the masked digits alone are still two.
func TestMaskedNamesStayApart(t *testing.T) {
	l := testLog(t)
	e, err := l.Append(packager.Event{What: "imported", Case: "c1", Inputs: map[string]string{"110199198001010016.jpg": "aa", "110199198101010014.jpg": "bb", "110***********0016.jpg": "cc"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Inputs) != 3 {
		t.Errorf("%v", e.Inputs)
	}
}

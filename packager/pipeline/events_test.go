package pipeline_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// What happens to a case after its receipt is sealed with the key at hand, in
// a form that openssl reads; and is written, unsealed, where there is none.
func TestLaterEventsAreSealed(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, packager.Shanghai)
	pki := testpki.New(t, now)
	id := pki.Signer(testpki.RSA)
	key := &sign.Key{Signer: id.Key, Chain: id.Chain}
	c := &packager.Case{ID: "c1", Dir: t.TempDir()}
	p := &pipeline.Pipeline{Now: func() time.Time { return now }, Tool: "test", KeyAtHand: func() *sign.Key { return key }}
	day := packager.DayOf(now)
	if err := p.MarkFiled(c, day); err != nil {
		t.Fatal(err)
	}
	p.KeyAtHand = func() *sign.Key { return nil }
	if err := p.MarkFiled(c, day); err != nil {
		t.Fatal(err)
	}

	log, err := os.ReadFile(filepath.Join(c.Dir, pipeline.StateDir, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(log), "\n"), "\n")
	if len(lines) != 2 || strings.Contains(lines[1], `"seal"`) {
		t.Fatalf("log:\n%s", log)
	}
	var e packager.Event
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil {
		t.Fatal(err)
	}
	content := strings.Replace(strings.Replace(lines[0], `"hash":"`+e.Hash+`",`, "", 1), `"seal":"`+e.Seal+`",`, "", 1)
	der, err := base64.StdEncoding.DecodeString(e.Seal)
	if err != nil || len(der) == 0 {
		t.Fatalf("seal %q: %v", e.Seal, err)
	}
	if err := testpki.OpenSSLVerifies(t, der, []byte(content), pki.Root.Raw); err != nil {
		t.Error(err)
	}
	if err := testpki.OpenSSLVerifies(t, der, []byte(content+" "), pki.Root.Raw); err == nil {
		t.Error("openssl accepts the seal for other bytes")
	}
}

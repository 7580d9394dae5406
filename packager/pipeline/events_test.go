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
	"dossier/packager/audit"
	"dossier/packager/pipeline"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// What happens to a case after it was signed is sealed with the key that
// signed, in a form that openssl reads; and is written, unsealed, where that
// key is not at hand.
func TestLaterEventsAreSealed(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, packager.Shanghai)
	clock := func() time.Time { return now }
	pki := testpki.New(t, now)
	identity := func() *sign.Key {
		id := pki.Signer(testpki.RSA)
		return &sign.Key{Signer: id.Key, Chain: id.Chain}
	}
	key, other := identity(), identity()
	atHand := key
	c := &packager.Case{ID: "c1", Dir: t.TempDir()}
	p := &pipeline.Pipeline{Now: clock, Tool: "test", KeyAtHand: func() *sign.Key { return atHand }}
	path := filepath.Join(c.Dir, pipeline.StateDir, "events.jsonl")
	filed := func() {
		if err := p.MarkFiled(c, packager.DayOf(now)); err != nil {
			t.Fatal(err)
		}
	}

	filed() // nothing is signed yet: there is no key of the case
	log, err := audit.Open(path, audit.Actor{}, clock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(packager.Event{What: "signed", Case: c.ID, Data: map[string]string{"certificate": key.Fingerprint()}}); err != nil {
		t.Fatal(err)
	}
	filed()
	atHand = other
	filed()
	atHand = nil
	filed()

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, line := range lines {
		if sealed := strings.Contains(line, `"seal":`); sealed != (i == 2) {
			t.Errorf("line %d is sealed: %v", i+1, sealed)
		}
	}
	var e packager.Event
	if err := json.Unmarshal([]byte(lines[2]), &e); err != nil {
		t.Fatal(err)
	}
	content := strings.Replace(strings.Replace(lines[2], `"hash":"`+e.Hash+`",`, "", 1), `"seal":"`+e.Seal+`",`, "", 1)
	der, err := base64.StdEncoding.DecodeString(e.Seal)
	if err != nil {
		t.Fatal(err)
	}
	if err := testpki.OpenSSLVerifies(t, der, []byte(content), pki.Root.Raw); err != nil {
		t.Error(err)
	}
	if err := testpki.OpenSSLVerifies(t, der, []byte(content+" "), pki.Root.Raw); err == nil {
		t.Error("openssl accepts the seal for other bytes")
	}
}

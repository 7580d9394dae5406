package packager

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// However a file is printed or written down, its password is not in it.
func TestSecretStaysHidden(t *testing.T) {
	f := Inspected{Password: "Öffne-dich-42"}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	said := string(b)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		said += fmt.Sprintf(verb, f) + fmt.Sprintf(verb, &f) + fmt.Sprintf(verb, f.Password)
	}
	hex := fmt.Sprintf("%x", string(f.Password))
	if strings.Contains(said, "dich") || strings.Contains(said, hex) || strings.Contains(said, strings.ToUpper(hex)) {
		t.Error(said)
	}
	if f.Password.Reveal() != "Öffne-dich-42" {
		t.Error("the reader does not get it")
	}
}

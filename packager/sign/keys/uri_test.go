package keys

import (
	"strings"
	"testing"
)

func TestPKCS11URI(t *testing.T) {
	u, err := parsePKCS11URI("pkcs11:token=%E5%85%AC%E5%8F%B8U%E7%9B%BE;id=%01%ff;object=签名;slot-id=3;type=private;x-vendor=1?module-path=/usr/lib/a.so&pin-source=file:/etc/pin&other=x")
	if err != nil {
		t.Fatal(err)
	}
	if u.Token != "公司U盾" || string(u.ID) != "\x01\xff" || u.Object != "签名" || *u.Slot != 3 || u.ModulePath != "/usr/lib/a.so" || u.PINSource != "/etc/pin" {
		t.Errorf("%+v", u)
	}
	for uri, code := range map[string]string{
		"pkcs11:token=a": "KEYS_PKCS11_MODULE",
		"pkcs11:token=a?module-path=/m&pin-value=1234": "KEYS_PKCS11_PIN_VALUE",
		"pkcs11:tokn=a?module-path=/m":                 "KEYS_PKCS11_URI",
		"pkcs11:token=a;token=b?module-path=/m":        "KEYS_PKCS11_URI",
		"pkcs11:token=%zz?module-path=/m":              "KEYS_PKCS11_URI",
		"pkcs11:slot-id=-1?module-path=/m":             "KEYS_PKCS11_URI",
		"pkcs11:type=public;token=a?module-path=/m":    "KEYS_PKCS11_URI",
		"pkcs11:token?module-path=/m":                  "KEYS_PKCS11_URI",
	} {
		_, err := Open("", uri, nil)
		wantFault(t, err, code)
		if strings.Contains(err.Error(), "1234") {
			t.Error("the error repeats the PIN")
		}
	}
}

func FuzzPKCS11URI(f *testing.F) {
	f.Add("pkcs11:token=a;id=%01?module-path=/m")
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := parsePKCS11URI(s); err == nil && !strings.HasPrefix(s, "pkcs11:") {
			t.Errorf("%q gives %+v", s, u)
		}
	})
}

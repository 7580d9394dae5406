//go:build !cgo || !pkcs11

package keys

import "testing"

func TestPKCS11Absent(t *testing.T) {
	_, err := Open("", "pkcs11:token=a?module-path=/m", nil)
	wantFault(t, err, "KEYS_PKCS11_ABSENT")
}

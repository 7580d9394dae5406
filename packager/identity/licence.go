package identity

import (
	"net/url"
	"regexp"
	"strings"
)

// LicenceQRForm says what the QR code of a business licence holds.
type LicenceQRForm string

const (
	QRPublicity LicenceQRForm = "gsxt"        // http://www.gsxt.gov.cn/index.html?uniscid=<USCC>
	QROpaque    LicenceQRForm = "gsxt_opaque" // an older token that only the registry can read
	QRDisplay   LicenceQRForm = "zzlz"        // 亮照: zzlz.gsxt.gov.cn, the USCC in serial
	QRForeign   LicenceQRForm = "foreign"     // not of the registry
)

// LicenceQR is the content of a licence's QR code.
type LicenceQR struct {
	Form LicenceQRForm
	USCC string // "" where the code holds none that passes its check
}

var opaque = regexp.MustCompile(`^/?\{[0-9A-Za-z_+/=-]+-[0-9]{13}\}$`)

// ParseLicenceQR reads the content of a licence's QR code. Nothing is fetched:
// what a link leads to is not the applicant's business and would tell others
// about it.
func ParseLicenceQR(s string) LicenceQR {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return LicenceQR{Form: QRForeign}
	}
	host := strings.ToLower(u.Hostname())
	if host != "gsxt.gov.cn" && !strings.HasSuffix(host, ".gsxt.gov.cn") {
		return LicenceQR{Form: QRForeign}
	}
	q := u.Query()
	if serial := q.Get("serial"); host == "zzlz.gsxt.gov.cn" && serial != "" {
		code, _, _ := strings.Cut(serial, "-")
		return LicenceQR{QRDisplay, valid(code)}
	}
	if code := valid(q.Get("uniscid")); code != "" {
		return LicenceQR{QRPublicity, code}
	}
	if opaque.MatchString(u.Path) {
		return LicenceQR{Form: QROpaque}
	}
	return LicenceQR{Form: QRForeign}
}

func valid(code string) string {
	if r := USCC(code); r.OK() {
		return r.Normal
	}
	return ""
}

package inspect

import (
	"image"
	"net/url"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"dossier/packager"
)

// qr looks for a QR code and reads the unified social credit code from it. The
// address in a code is never fetched.
func (x *Inspector) qr(img image.Image, f *facts) {
	for _, long := range []int{1600, 900, 3000} {
		s := scan(reduce(img, long))
		if s == "" {
			continue
		}
		f.QR = append(f.QR, s)
		if code := qrUSCC(s); code != "" {
			f.Fields = append(f.Fields, packager.Field{Name: "uscc", Value: code, By: "qr", Confidence: 1, Proven: true, Page: 1})
		}
		return
	}
}

func scan(g *grey) string {
	src := gozxing.NewLuminanceSourceFromImage(&image.Gray{Pix: g.pix, Stride: g.w, Rect: image.Rect(0, 0, g.w, g.h)})
	bmp, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(src))
	if err != nil {
		return ""
	}
	res, err := qrcode.NewQRCodeReader().Decode(bmp, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return ""
	}
	return res.GetText()
}

// qrUSCC takes the code out of the addresses that business licences carry
// (domain.md 5.1): gsxt.gov.cn with uniscid, and zzlz.gsxt.gov.cn with serial.
// The older opaque form says nothing offline.
func qrUSCC(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host != "gsxt.gov.cn" && !strings.HasSuffix(u.Host, ".gsxt.gov.cn") {
		return ""
	}
	code := u.Query().Get("uniscid")
	if code == "" {
		code, _, _ = strings.Cut(u.Query().Get("serial"), "-")
	}
	code = strings.ToUpper(strings.TrimSpace(code))
	if len(code) != 18 {
		return ""
	}
	return code
}

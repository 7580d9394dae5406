package inspect

import (
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"dossier/packager"
	"dossier/packager/identity"
)

// readQR looks for a QR code and reads the unified social credit code from it.
// The address in a code is never fetched.
func readQR(img image.Image, page int, f *facts) {
	s := codeIn(img)
	if s == "" {
		return
	}
	f.QR = append(f.QR, s)
	if code := identity.ParseLicenceQR(s).USCC; code != "" {
		f.Fields = append(f.Fields, packager.Field{Name: "uscc", Value: code, By: "qr", Confidence: 1, Proven: true, Page: page})
	}
}

// scan looks for one QR code. A panic of the decoder means that there is none:
// the picture may be a good one all the same.
func scan(g *grey) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
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

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager/inspect/samples"
	"dossier/packager/sign/testpki"
)

// TestBadPapers holds rows 5 to 12, 14 and 22 of the table of bad cases (domain
// facts, 7.2) on the whole way from the file to what check says. (The rows of
// PDFs, archives and names are in packager/inspect, archive and collect; what
// only a machine reads, in packager/check.)
func TestBadPapers(t *testing.T) {
	page := samples.Sheet(171)
	shoot := func(c samples.Camera) []byte { return samples.JPEG(samples.Shoot(page, c), 90) }
	licence := func(qr string) []byte {
		return samples.PNG(samples.Shoot(samples.Licence(110, "91000000MAFAKE019J", qr), samples.Camera{}))
	}
	good := shoot(samples.Camera{})
	card := samples.Shoot(samples.Card(250, "姓名 测试甲", "公民身份号码 110199198001010016"), samples.Camera{})
	portrait := samples.JPEG(card, 92)
	both := image.NewGray(image.Rect(0, 0, card.Rect.Dx(), 2*card.Rect.Dy()))
	draw.Draw(both, card.Rect, card, image.Point{}, draw.Src)
	emblem := samples.Shoot(samples.Card(250, "签发机关 样本市公安局", "有效期限 2011.05.01-2031.05.01"), samples.Camera{Paper: 0.7})
	draw.Draw(both, emblem.Rect.Add(image.Pt(0, card.Rect.Dy())), emblem, image.Point{}, draw.Src)
	screenshot := image.NewGray(image.Rect(0, 0, 1170, 2532))
	draw.Draw(screenshot, screenshot.Rect, image.White, image.Point{}, draw.Src)
	sheet := samples.Sheet(120)
	draw.Draw(screenshot, sheet.Rect.Add(image.Pt(80, 300)), sheet, image.Point{}, draw.Src)
	large := append(bytes.Clone(good[:2]), comments(60<<20)...)
	large = append(large, good[2:]...)

	tests := []struct {
		row, id, name string
		content       []byte
		want          []string // said about the file
		not           []string // not said about it
	}{
		{"5 of another company", "business_licence", "b.png", licence("http://www.gsxt.gov.cn/index.html?uniscid=91000000MAFAKE027D"), []string{"block LICENCE_OTHER_ENTITY"}, nil},
		{"6 opaque QR", "business_licence", "opaque.png", licence("http://gsxt.gov.cn/%7Babc_DEF-1500000000000%7D"), []string{"info LICENCE_QR_OPAQUE"}, nil},
		{"6 QR of zzlz", "business_licence", "zzlz.png", licence("https://zzlz.gsxt.gov.cn/businessCheck/verifKey.do?showType=p&serial=91000000MAFAKE019J-SAIC_SHOW_10000091000000&signData=x"), nil, []string{"LICENCE_OTHER_ENTITY", "LICENCE_QR_FOREIGN", "LICENCE_QR_NOT_FOUND"}},
		{"6 no QR", "business_licence", "none.png", licence(""), []string{"warn LICENCE_QR_NOT_FOUND"}, nil},
		{"6 foreign QR", "business_licence", "foreign.png", licence("https://example.com/x"), []string{"warn LICENCE_QR_FOREIGN"}, nil},
		{"8 small", "business_licence", "small.jpg", samples.JPEG(samples.Shoot(samples.Print(81, 51, 100, samples.Line{Text: "样本", Size: 20, X: 10, Y: 20}), samples.Camera{}), 80), []string{"block PICTURE_TOO_SMALL"}, nil},
		{"8 blurred", "business_licence", "blurred.jpg", shoot(samples.Camera{Blur: 5}), []string{"warn PICTURE_BLURRED"}, nil},
		{"8 glare", "business_licence", "glare.jpg", shoot(samples.Camera{Glare: 0.15}), []string{"warn PICTURE_GLARE"}, nil},
		{"8 tilted by 30°", "business_licence", "tilted.jpg", shoot(samples.Camera{Rotate: 30, Desk: 0.1}), []string{"warn PICTURE_SKEWED"}, nil},
		{"8 dark", "business_licence", "dark.jpg", shoot(samples.Camera{Dark: 0.08, Noise: 6}), []string{"warn PICTURE_DARK"}, nil},
		{"8 blank", "business_licence", "blank.jpg", samples.JPEG(samples.Shoot(samples.Print(210, 297, 100), samples.Camera{Paper: 1}), 80), []string{"block PICTURE_BLANK"}, nil},
		{"8 readable", "business_licence", "good.jpg", good, nil, []string{"PICTURE_BLURRED", "PICTURE_GLARE", "PICTURE_SKEWED", "PICTURE_DARK", "PICTURE_TOO_SMALL", "PICTURE_OF_SCREEN", "PICTURE_SCREENSHOT"}},
		{"9 screenshot", "business_licence", "screenshot.png", samples.PNG(screenshot), []string{"warn PICTURE_SCREENSHOT"}, nil},
		{"9 photo of a monitor", "business_licence", "monitor.jpg", shoot(samples.Camera{Screen: 3.3}), []string{"warn PICTURE_OF_SCREEN"}, nil},
		{"10 HEIC renamed", "business_licence", "heic.jpg", samples.HEIC, []string{"warn TYPE_DIFFERS_FROM_NAME"}, []string{"PICTURE_UNREADABLE"}},
		{"11 GPS", "business_licence", "gps.jpg", samples.WithEXIF(good, samples.EXIF(6, true)), []string{"info PICTURE_HAS_GPS"}, nil},
		{"12 truncated", "business_licence", "cut.jpg", good[:len(good)/2], []string{"block PICTURE_TRUNCATED"}, nil},
		{"12 no bytes", "business_licence", "zero.jpg", nil, []string{"block FILE_EMPTY"}, nil},
		{"12 60 MB", "business_licence", "large.jpg", large, nil, []string{"FILE_TOO_LARGE", "PICTURE_UNREADABLE", "PICTURE_NOT_MEASURED"}},
		{"12 bomb", "business_licence", "bomb.png", samples.BombPNG(30_000, 30_000), []string{"block PICTURE_BOMB"}, nil},
		{"14 extension", "business_licence", "pdf.jpg", samples.PDF{Pages: 1, Text: "x"}.Bytes(), []string{"warn TYPE_DIFFERS_FROM_NAME"}, nil},
		{"7 both sides on one page", "legal_rep_id_portrait", "both.jpg", samples.JPEG(both, 90), nil, []string{"SAME_FILE_TWICE"}},
		{"7 the same picture twice", "agent_id_portrait", "p.jpg", portrait, nil, nil},
		{"7 the same picture twice", "agent_id_emblem", "q.jpg", portrait, []string{"block SAME_FILE_TWICE"}, nil},
		{"22 saved anew", "authorization_letter", "r.jpg", samples.JPEG(card, 50), nil, nil},
		{"22 saved anew", "legal_rep_id_emblem", "s.jpg", samples.JPEG(samples.Shoot(card, samples.Camera{Scale: 0.9, Paper: 1}), 60), []string{"warn SAME_PICTURE_TWICE"}, nil}, // this paper is advised only
	}

	dir := testpki.Example(t, "wechat_oa")
	lists := map[string][]string{"legal_rep_id_emblem": {"materials/both.jpg"}} // one picture of both sides stands under both
	for _, test := range tests {
		if err := os.WriteFile(filepath.Join(dir, "materials", test.name), test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		lists[test.id] = append(lists[test.id], "materials/"+test.name)
	}
	text, err := os.ReadFile(filepath.Join(dir, "case.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	begin, end := bytes.Index(text, []byte("\nmaterials:")), bytes.Index(text, []byte("\npapers:"))
	var yaml bytes.Buffer
	yaml.Write(text[:begin])
	yaml.WriteString("\nmaterials:\n")
	for id, files := range lists {
		fmt.Fprintf(&yaml, "  %s: [%s]\n", id, strings.Join(files, ", "))
	}
	yaml.Write(text[end:])
	if err := os.WriteFile(filepath.Join(dir, "case.yaml"), yaml.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(testpki.Program(t), "check", dir, "--json", "--all", "--progress", "none")
	cmd.Env = home(t)
	stdout, stderr, p, err := watch(t, cmd, 4*time.Minute)
	var got checked
	if cmd.ProcessState.ExitCode() != 3 || json.Unmarshal(stdout, &got) != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	t.Log(p)
	said := map[string][]string{}
	for _, f := range got.Findings {
		said[f.Material] = append(said[f.Material], f.Severity+" "+f.Code)
	}
	for _, test := range tests {
		have := said["materials/"+test.name]
		for _, w := range test.want {
			if !slices.Contains(have, w) {
				t.Errorf("row %s (%s): %q is not said: %q", test.row, test.name, w, have)
			}
		}
		for _, n := range test.not {
			if slices.ContainsFunc(have, func(h string) bool { return strings.HasSuffix(h, " "+n) }) {
				t.Errorf("row %s (%s): %q is said: %q", test.row, test.name, n, have)
			}
		}
	}
}

// comments are segments of a JPEG that say nothing, n bytes in all (ITU-T T.81,
// B.2.4.5).
func comments(n int) []byte {
	segment := append([]byte{0xff, 0xfe, 0xff, 0xff}, make([]byte, 0xffff-2)...)
	return bytes.Repeat(segment, n/len(segment))
}

package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// large is a case of ten photos of about 1 MB and a paper.
func large(t testing.TB) *desk {
	d := newDesk(t)
	parts := []string{"letter", "licence", "identity", "ownership", "special"}
	for i := range 10 {
		id := fmt.Sprintf("m%d", i)
		d.spec(id, parts[i/2], fmt.Sprintf("大幅照片%d", i+1), false)
		raw := jpegOf(t, grain(1700, 1200, "照片"), 1, 88)
		raw = append(raw, byte(i)) // each its own
		d.item(d.picture(fmt.Sprintf("materials/%02d.jpg", i), "image/jpeg", raw, 1700, 1200, 1), id)
		d.require(id, packager.KindMaterial, fmt.Sprintf("要求%d", i+1), packager.StateOK, d.plan.Items[i].File.Path)
	}
	d.spec("contract", "special", "劳动合同", false)
	d.item(d.pdf("materials/合同.pdf", paper(t, 3, "A4", "合同")), "contract")
	d.plan.Report.Agreement = []packager.Agreement{{Field: "name", Stated: "测试虚构（样本）科技有限公司", Read: []packager.AgreementCell{
		{Material: d.plan.Items[0].File.Path, Value: "测试虚构（样本）科技有限公司", By: []string{"ocr"}, State: packager.StateOK},
		{Material: d.plan.Items[9].File.Path, Value: "测试虚构（样本）科技有限公司", By: []string{"ocr"}, State: packager.StateOK}}}}
	return d
}

// A bundle that no resolution brings under the limit comes in volumes: each is
// small enough and proves itself, all have the same manifest and an index that
// names every material with its volume and page.
func TestVolumes(t *testing.T) {
	d := large(t)
	whole := compose(t, d.plan)
	if whole.Of != 1 || len(whole.Rest) != 0 || bytes.Contains(whole.Manifest, []byte(`"volume`)) {
		t.Fatalf("without a limit: volume %d of %d\n%s", whole.No, whole.Of, whole.Manifest)
	}
	d.plan.MaxBytes = whole.Bytes / 5
	b := compose(t, d.plan)
	volumes := b.Volumes()
	if len(volumes) < 2 {
		t.Fatalf("%d volumes of %d bytes for %d", len(volumes), b.Bytes, whole.Bytes)
	}
	var m packager.Manifest
	if err := json.Unmarshal(b.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	pages, materials := 0, 0
	where := map[int]string{} // item → "第 2 册 5–7"
	for i, v := range volumes {
		if v.No != i+1 || v.Of != len(volumes) || v.Bytes+signatureRoom > d.plan.MaxBytes || !strings.HasSuffix(v.Path, fmt.Sprintf("-%dof%d.pdf", v.No, v.Of)) {
			t.Errorf("volume %d of %d, %d bytes, %s", v.No, v.Of, v.Bytes, v.Path)
		}
		if !bytes.Equal(v.Manifest, b.Manifest) || m.Volumes[i] != v.Pages || v.Proof.Pages != v.Pages {
			t.Errorf("volume %d: manifest or proof %+v", v.No, v.Proof)
		}
		if v.Stamp.Page != v.Pages {
			t.Errorf("volume %d has its stamp on page %d of %d", v.No, v.Stamp.Page, v.Pages)
		}
		pages, materials = pages+v.Pages, materials+v.Proof.Materials
		for _, r := range v.Map {
			if r.Item == 0 {
				continue
			}
			mi := m.Materials[r.Item-1]
			if mi.No != r.Item || mi.Volume != v.No || mi.From != r.From || mi.To != r.To {
				t.Errorf("the manifest says %+v, material %d is in volume %d on %d–%d", mi, r.Item, v.No, r.From, r.To)
			}
			where[r.Item] = fmt.Sprintf("第 %d 册 %d", v.No, r.From)
			if r.To > r.From {
				where[r.Item] += "–" + strconv.Itoa(r.To)
			}
		}
		judge(t, "qpdf", "--check", v.Path)
	}
	if pages != m.Pages || materials != len(d.plan.Items) {
		t.Errorf("%d pages, manifest %d; %d materials of %d", pages, m.Pages, materials, len(d.plan.Items))
	}
	for _, v := range volumes {
		index := "2"
		if v.No == 1 {
			index = "3"
		}
		text := judge(t, "pdftotext", "-layout", "-f", index, "-l", index, v.Path, "-")
		for no, at := range where {
			line := strconv.Itoa(no) + d.plan.Items[no-1].Title.ZH
			if !slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool {
				return strings.HasPrefix(squeeze(l), line) && strings.HasSuffix(squeeze(l), squeeze(at))
			}) {
				t.Errorf("the index of volume %d has no line for material %d, %s:\n%s", v.No, no, at, text)
			}
		}
		if !strings.Contains(squeeze(text), fmt.Sprintf("第%d册（共%d册）", v.No, len(volumes))) {
			t.Errorf("volume %d does not say so in its foot", v.No)
		}
		withPDF(t, v.Path, func(doc *pdfium.Document) {
			if _, content, err := doc.Attachments("manifest.json"); err != nil || !bytes.Equal(content, b.Manifest) {
				t.Errorf("volume %d: another manifest is attached, %v", v.No, err)
			}
		})
	}
	// What another volume shows is named with its volume on the reviewer's sheet.
	sheet := squeeze(judge(t, "pdftotext", "-f", "2", "-l", "2", volumes[0].Path, "-"))
	for _, no := range []int{1, 10} {
		_, page, _ := strings.Cut(where[no], "册 ")
		want := "，第" + page + "页"
		if no == 10 {
			want = "，" + strings.ReplaceAll(where[no][:strings.Index(where[no], "册")], " ", "") + "册第" + page + "页"
		}
		if !strings.Contains(sheet, fmt.Sprintf("材料%d大幅照片%d", no, no)+want) {
			t.Errorf("the reviewer's sheet does not say %q:\n%s", want, sheet)
		}
	}

	again := compose(t, d.plan)
	for i, v := range again.Volumes() {
		if v.SHA256 != volumes[i].SHA256 {
			t.Errorf("volume %d came out with other bytes", v.No)
		}
	}
	files, err := composer(t).Pages(t.Context(), again, filepath.Join(t.TempDir(), "pages"), packager.Limits{}, nil)
	if err != nil || len(files) != 13 {
		t.Errorf("%d page pictures, %v", len(files), err)
	}

	// What is too large alone is named, with its size.
	d.plan.MaxBytes = 300_000
	var fault *packager.Fault
	if err := composeError(t, d.plan); !asFault(err, &fault) || fault.Code != "COMPOSE_ITEM_TOO_LARGE" || fault.Args["path"] != "materials/00.jpg" || fault.Args["least"] == "" {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(again.Path), ".dossier-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Remove(again.Path); err != nil {
		t.Error(err)
	}
}

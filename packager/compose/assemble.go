package compose

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
)

// assemble writes the drawn pages, and everything that holds the file
// together, after the materials that are already written.
func (k *Composer) assemble(b *book, a *assets, bundle *packager.Bundle) error {
	out := a.out
	pages := make([]types.IndirectRef, b.c.page())
	for i := range pages {
		pages[i] = out.alloc()
	}
	tree := out.alloc()
	if err := writeSheets(b, a, pages, tree); err != nil {
		return err
	}
	kids := make(types.Array, len(pages))
	for i, p := range pages {
		kids[i] = p
	}
	out.put(tree, types.Dict{"Type": types.Name("Pages"), "Kids": kids, "Count": types.Integer(len(pages))})

	a.attach("manifest.json", b.t("manifest.desc"), "application/json", bytes.NewReader(bundle.Manifest), int64(len(bundle.Manifest)))
	title := b.docTitle()
	day := b.rules().Day
	stamp := types.StringLiteral(fmt.Sprintf("D:%04d%02d%02d000000+08'00'", day.Year, int(day.Month), day.Dom))
	info := out.add(types.Dict{
		"Title": textString(title), "Author": textString(b.plan.Report.Case.Applicant.Name),
		"Subject": textString(b.plan.BundleID), "Creator": textString("dossier " + b.plan.Tool), "Producer": textString("dossier " + b.plan.Tool),
		"CreationDate": stamp, "ModDate": stamp,
	})
	xmp := out.addStream(types.Dict{"Type": types.Name("Metadata"), "Subtype": types.Name("XML")}, b.xmp(title))
	root := types.Dict{
		"Type": types.Name("Catalog"), "Version": types.Name("1.7"), "Pages": tree,
		"Lang": types.StringLiteral(map[string]string{"zh": "zh-CN", "en": "en"}[b.say.Lang]), "Metadata": xmp,
		"PageMode": types.Name("UseOutlines"), "PageLayout": types.Name("SinglePage"),
		"ViewerPreferences": types.Dict{"DisplayDocTitle": types.Boolean(true), "PrintScaling": types.Name("None")},
		// The label of a page is the number that is printed on it.
		"PageLabels": types.Dict{"Nums": types.Array{types.Integer(0), types.Dict{"S": types.Name("D")}}},
		"Outlines":   b.bookmarks(pages),
		"Names":      types.Dict{"EmbeddedFiles": a.nameTree()},
	}
	if oc := a.layers.properties(); oc != nil {
		root["OCProperties"] = oc
	}
	return out.finish(out.add(root), info, fileID(joinDot(b.plan.BundleID, b.label())))
}

// writeSheets takes over the pages that gofpdf drew, with their fonts.
func writeSheets(b *book, a *assets, pages []types.IndirectRef, tree types.IndirectRef) error {
	var drawn bytes.Buffer
	if err := b.c.pdf.Output(&drawn); err != nil {
		return fmt.Errorf("drawing pages: %w", err)
	}
	conf := model.NewDefaultConfiguration()
	conf.Offline = true
	ctx, err := api.ReadContext(bytes.NewReader(drawn.Bytes()), conf)
	if err != nil {
		return fmt.Errorf("reading drawn pages: %w", err)
	}
	im := &importer{x: ctx.XRefTable, out: a.out, refs: map[int]types.IndirectRef{}, pages: map[int]int{}}
	nodes, err := im.pageTree()
	if err != nil {
		return err
	}
	if len(nodes) != len(pages) {
		return fmt.Errorf("%d pages drawn, %d expected", len(nodes), len(pages))
	}
	shared := im.dict(nodes[0].resources)
	if err := im.fixFonts(shared, b.c.used); err != nil {
		return err
	}
	faces, ok := im.copy(im.dict(shared["Font"])).(types.Dict)
	if !ok {
		return errors.New("the drawn pages have no fonts")
	}
	b.c.extra.write(a.out, faces)
	fonts := a.out.add(faces)
	states := im.copy(im.dict(shared["ExtGState"]))
	for i, n := range nodes {
		sh := b.c.sheets[i]
		content, flate, err := im.content(n.Dict["Contents"])
		if err != nil {
			return err
		}
		res := types.Dict{"Font": fonts}
		if d, ok := states.(types.Dict); ok && len(d) > 0 {
			res["ExtGState"] = states
		}
		if len(sh.uses) > 0 {
			x := types.Dict{}
			for name, asset := range sh.uses {
				x[name] = a.refs[asset]
			}
			res["XObject"] = x
		}
		page := types.Dict{"Type": types.Name("Page"), "Parent": tree, "MediaBox": numbers(0, 0, sh.w, sh.h), "Resources": res}
		if flate {
			page["Contents"] = a.out.addStream(types.Dict{"Filter": types.Name("FlateDecode")}, content)
		} else {
			page["Contents"] = a.out.addFlate(types.Dict{}, content)
		}
		if links := linkAnnotations(b.c.sheets, sh, pages); len(links) > 0 {
			page["Annots"] = links
		}
		a.out.put(pages[i], page)
	}
	return im.drain()
}

// fixFonts gives the fonts of gofpdf what the standard asks for: a subset tag
// before the name (ISO 32000-1, 9.6.4) and a ToUnicode map (9.10.3) of the
// characters that are used, which readers open much faster than the map of all
// 65,536 that gofpdf writes.
func (im *importer) fixFonts(resources types.Dict, used [2]map[rune]bool) error {
	fonts := im.dict(resources["Font"])
	for _, key := range slices.Sorted(maps.Keys(fonts)) {
		font := im.dict(fonts[key])
		kids := im.array(font["DescendantFonts"])
		if len(kids) != 1 {
			return fmt.Errorf("font %s has no descendant", key)
		}
		cid := im.dict(kids[0])
		desc := im.dict(cid["FontDescriptor"])
		weight, name := 0, types.Name("DOSSIR+NotoSansSC-Regular")
		if strings.HasSuffix(im.name(font["BaseFont"]), "B") || strings.Contains(im.name(font["BaseFont"]), "Bold") {
			weight, name = 1, "DOSSIB+NotoSansSC-Bold"
		}
		if err := im.proveGlyphs(cid, desc, used[weight]); err != nil {
			return err
		}
		font["BaseFont"], cid["BaseFont"], desc["FontName"] = name, name, name
		if old, ok := font["ToUnicode"].(types.IndirectRef); ok { // copied from now on as the new one
			im.refs[int(old.ObjectNumber)] = im.out.addFlate(types.Dict{}, identityToUnicode(used[weight]))
		}
	}
	return nil
}

// identityToUnicode maps the used codes to the characters of the same number:
// gofpdf takes UTF-16 as codes.
func identityToUnicode(used map[rune]bool) []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n")
	for part := range slices.Chunk(slices.Sorted(maps.Keys(used)), 100) { // at most 100 in a block
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for _, r := range part {
			fmt.Fprintf(&b, "<%04x> <%04x>\n", r, r)
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend")
	return b.Bytes()
}

func linkAnnotations(sheets []*sheet, sh *sheet, pages []types.IndirectRef) types.Array {
	var out types.Array
	for _, j := range sh.jumps {
		d := types.Dict{"Type": types.Name("Annot"), "Subtype": types.Name("Link"), "F": types.Integer(4),
			"Rect": numbers(j.x, sh.h-j.y-j.h, j.x+j.w, sh.h-j.y), "Border": numbers(0, 0, 0)}
		switch {
		case j.uri != "":
			d["A"] = types.Dict{"S": types.Name("URI"), "URI": asciiURI(j.uri)}
		case j.page >= 1 && j.page <= len(pages):
			d["Dest"] = destination(pages[j.page-1], sheets[j.page-1].h-j.top)
		default:
			continue
		}
		out = append(out, d)
	}
	return out
}

func destination(page types.IndirectRef, top float64) types.Array {
	return types.Array{page, types.Name("XYZ"), nil, types.Float(top), nil}
}

// asciiURI writes a URI as the 7-bit string that ISO 32000-1, 12.6.4.7 asks for.
func asciiURI(u string) types.StringLiteral {
	var b strings.Builder
	for _, c := range []byte(u) {
		switch {
		case c <= 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, "%%%02X", c)
		case c == '(' || c == ')' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return types.StringLiteral(b.String())
}

// mark is a bookmark.
type mark struct {
	title string
	page  int // 1-based; 0: leads nowhere
	top   float64
	kids  []mark
	open  bool
}

// marks lists the bookmarks: the tool's own parts, and the materials in their
// parts with the bookmarks that they brought.
func (b *book) marks() []mark {
	own := func(name, title string) mark { return mark{title: title, page: b.pageOf(name)} }
	var top []mark
	for _, name := range []string{"cover", "review", "changes", "index"} {
		if b.pageOf(name) > 0 {
			top = append(top, own(name, b.t(name+".title")))
		}
	}
	for _, it := range b.items {
		part := b.t("part." + it.Part)
		m := own(itemName(it.No), b.t("item.header", "no", strconv.Itoa(it.No), "title", b.in(it.Title)))
		m.kids = b.sourceMarks(it, b.assets.of(it.No).marks)
		if last := &top[len(top)-1]; last.title == part && last.open {
			last.kids = append(last.kids, m)
			continue
		}
		top = append(top, mark{title: part, page: m.page, kids: []mark{m}, open: true})
	}
	if len(b.plan.Gaps) > 0 && b.pageOf(gapName(0)) > 0 {
		m := mark{title: b.t("part.missing"), page: b.pageOf(gapName(0)), open: true}
		for i, g := range b.plan.Gaps {
			m.kids = append(m.kids, own(gapName(i), b.in(g.Requirement.Title)))
		}
		top = append(top, m)
	}
	if b.pageOf("backup") > 0 {
		top = append(top, own("backup", b.t("backup.title")))
	}
	return append(top, own("signature", b.t("closing.title")))
}

// bookmarks writes the outline.
func (b *book) bookmarks(pages []types.IndirectRef) types.IndirectRef {
	out := b.assets.out
	root := out.alloc()
	first, last, count := b.writeMarks(pages, root, b.marks())
	out.put(root, types.Dict{"Type": types.Name("Outlines"), "First": first, "Last": last, "Count": types.Integer(count)})
	return root
}

func (b *book) sourceMarks(it packager.Item, ms []sourceMark) []mark {
	var out []mark
	from := b.pageOf(itemName(it.No))
	for _, m := range ms {
		k := mark{title: m.title, kids: b.sourceMarks(it, m.kids)}
		if m.to != nil {
			k.page = from + m.to.page
		}
		out = append(out, k)
	}
	return out
}

// writeMarks writes one level and returns its ends and how many bookmarks are
// open in it and below.
func (b *book) writeMarks(pages []types.IndirectRef, parent types.IndirectRef, ms []mark) (first, last types.IndirectRef, open int) {
	out := b.assets.out
	refs := make([]types.IndirectRef, len(ms))
	for i := range ms {
		refs[i] = out.alloc()
	}
	for i, m := range ms {
		d := types.Dict{"Title": textString(clean(m.title)), "Parent": parent}
		if m.page >= 1 && m.page <= len(pages) {
			d["Dest"] = destination(pages[m.page-1], b.c.sheets[m.page-1].h-m.top)
		}
		if i > 0 {
			d["Prev"] = refs[i-1]
		}
		if i+1 < len(ms) {
			d["Next"] = refs[i+1]
		}
		open++
		if len(m.kids) > 0 {
			f, l, n := b.writeMarks(pages, refs[i], m.kids)
			d["First"], d["Last"], d["Count"] = f, l, types.Integer(-n)
			if m.open {
				d["Count"] = types.Integer(n)
				open += n
			}
		}
		out.put(refs[i], d)
	}
	return refs[0], refs[len(refs)-1], open
}

// nameTree is the name tree of the attachments, sorted by name as the standard
// asks (ISO 32000-1, 7.9.6).
func (a *assets) nameTree() types.IndirectRef {
	type named struct {
		key  types.HexLiteral
		spec types.IndirectRef
	}
	var all []named
	for _, f := range a.files {
		all = append(all, named{textString(f.name), f.spec})
	}
	slices.SortFunc(all, func(x, y named) int { return strings.Compare(string(x.key), string(y.key)) })
	var names types.Array
	for _, n := range all {
		names = append(names, n.key, n.spec)
	}
	return a.out.add(types.Dict{"Names": names})
}

func (b *book) docTitle() string {
	return strings.TrimSpace(b.t("doc.title", "platform", b.in(b.rules().Name), "application", b.in(b.rules().Application), "applicant", b.plan.Report.Case.Applicant.Name) +
		" " + b.label())
}

// xmp is the metadata stream (ISO 16684-1), the same values as the information
// dictionary.
func (b *book) xmp(title string) []byte {
	esc := func(s string) string {
		var o bytes.Buffer
		xml.EscapeText(&o, []byte(clean(s))) // a bytes.Buffer takes everything
		return o.String()
	}
	day := b.rules().Day.String() + "T00:00:00+08:00"
	lang := map[string]string{"zh": "zh-CN", "en": "en"}[b.say.Lang]
	return []byte("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">` + esc(title) + `</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>` + esc(b.plan.Report.Case.Applicant.Name) + `</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">` + esc(b.plan.BundleID) + `</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>` + lang + `</rdf:li></rdf:Bag></dc:language>
<xmp:CreateDate>` + day + `</xmp:CreateDate><xmp:ModifyDate>` + day + `</xmp:ModifyDate>
<xmp:CreatorTool>` + esc("dossier "+b.plan.Tool) + `</xmp:CreatorTool><pdf:Producer>` + esc("dossier "+b.plan.Tool) + `</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>`)
}

// manifest is manifest.json of the bundle, the same in all its volumes.
func manifest(p *packager.Plan, volumes []*volume) ([]byte, error) {
	cs, rs := p.Report.Case, p.Report.Rules
	m := packager.Manifest{
		Version: 1, Bundle: p.BundleID, Case: cs.ID, Platform: cs.Platform, Application: cs.Application,
		AccountType: cs.AccountType, Account: cs.Account.ID, Applicant: cs.Applicant.Name, USCC: cs.Applicant.USCC,
		Day: rs.Day.String(), Tool: p.Tool,
		Rules:     packager.RulesRef{Platform: rs.Platform, Revision: rs.Revision, Digest: rs.Digest},
		Materials: []packager.ManifestItem{}, Backups: []packager.ManifestBackup{}, Findings: []packager.ManifestNote{},
	}
	var findings []packager.Finding
	for _, v := range volumes {
		m.Pages += v.book.total
		if len(volumes) > 1 {
			m.Volumes = append(m.Volumes, v.book.total)
		}
		findings = append(findings, v.assets.findings...)
	}
	for _, it := range p.Items {
		mi := packager.ManifestItem{No: it.No, Title: it.Title.In("zh"), Requirements: it.Requirements, Path: it.File.Path,
			SHA256: it.File.SHA256, Bytes: it.File.Bytes, Media: it.File.Media, Shown: it.File.ShownSHA256}
		if mi.Requirements == nil {
			mi.Requirements = []string{}
		}
		for _, v := range volumes {
			if s, ok := v.book.known[itemName(it.No)]; ok {
				mi.From, mi.To = s.from, s.to
				if len(volumes) > 1 {
					mi.Volume = v.book.no
				}
			}
		}
		m.Materials = append(m.Materials, mi)
	}
	for _, l := range p.Backups {
		m.Backups = append(m.Backups, packager.ManifestBackup{Requirement: l.Requirement, Path: l.File.Path, SHA256: l.File.SHA256,
			Bytes: l.File.Bytes, Items: l.Items, ExportedOn: l.ExportedOn.String()})
	}
	for _, f := range slices.Concat(p.Report.Findings, findings) {
		if f.Severity != packager.Info {
			m.Findings = append(m.Findings, packager.ManifestNote{
				Code: f.Code, Severity: f.Severity, Requirement: f.Requirement, Material: f.Material, Accepted: f.Accepted,
			})
		}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

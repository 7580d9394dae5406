package verify

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dossier/packager"
)

// judge holds what is known while the signatures of one file are judged.
type judge struct {
	f      *findings
	o      Options
	target string
	last   *document           // the whole file
	states map[int64]*document // the file up to the end of a revision
	stores map[int64]*evidence // of the states, once read
	done   []*judged           // every signature that holds, in the order of the file
}

// judged is one signature that holds.
type judged struct {
	sig    *signature
	end    int64
	cms    *cms
	token  *token // of a document timestamp, else the signature's own, else nil
	isTime bool   // a document timestamp
	report packager.SignatureReport
}

// at returns the file as it was at the end of a revision.
func (j *judge) at(end int64) (*document, error) {
	if d, ok := j.states[end]; ok {
		return d, nil
	}
	d, err := j.last.open(end)
	if err != nil {
		return nil, err
	}
	j.states[end] = d
	return d, nil
}

// evidenceAt returns what the DSS of a state holds, never nil.
func (j *judge) evidenceAt(end int64) (*evidence, bool, error) {
	e, ok := j.stores[end]
	if !ok {
		d, err := j.at(end)
		if err != nil {
			return nil, false, err
		}
		if e, err = d.dss(); err != nil {
			return &evidence{}, false, err
		}
		j.stores[end] = e
	}
	if e == nil {
		return &evidence{}, false, nil
	}
	return e, true, nil
}

// signatures judges all of them, the earliest first.
func (j *judge) signatures(sigs []signature) {
	store, _, err := j.evidenceAt(j.last.size)
	if err != nil {
		j.f.fail("pdf.dss", "VERIFY_DSS", j.target, err, nil)
		store = &evidence{}
	}
	for i := range sigs {
		s := &sigs[i]
		one, code, err := j.container(s, store)
		if err != nil {
			j.f.fail("pdf.signature", code, j.target, err, packager.Args{"field": s.field})
			continue
		}
		j.done = append(j.done, one)
	}
	j.certification(sigs)
	for _, one := range j.done {
		if one.isTime {
			j.documentTimestamp(one, store)
		} else {
			j.signature(one, store)
		}
		j.f.v.Signatures = append(j.f.v.Signatures, one.report)
	}
}

// container checks one signature by itself: its range, its place in the form
// of its own revision, its container and the digest of what it covers.
func (j *judge) container(s *signature, store *evidence) (*judged, string, error) {
	end, err := j.last.checkRange(s)
	if err != nil {
		return nil, "VERIFY_BYTERANGE", err
	}
	if err := j.ownRevision(s, end); err != nil {
		return nil, "VERIFY_WRAPPED", err
	}
	one := &judged{sig: s, end: end}
	one.report = packager.SignatureReport{
		Field: s.field, Kind: "approval", Covers: end,
		Claimed: claimedTime(s.value["M"]), Reason: textOf(s.value["Reason"]),
	}
	digest := func(h crypto.Hash) ([]byte, error) {
		w := h.New()
		_, err := copyTo(w, io.MultiReader(
			io.NewSectionReader(j.last.r, 0, s.byteRange[1]),
			io.NewSectionReader(j.last.r, s.byteRange[2], s.byteRange[3])))
		return w.Sum(nil), err
	}
	var rest []byte
	switch s.subFilter {
	case "ETSI.CAdES.detached", "adbe.pkcs7.detached":
		one.cms, rest, err = parseCMS(s.contents.b)
		if err == nil {
			err = checkDetached(one.cms, s.subFilter, store.certs, digest)
		}
	case "ETSI.RFC3161":
		one.isTime, one.report.Kind, one.report.Level = true, "timestamp", "DocTimeStamp"
		one.token, rest, err = parseToken(s.contents.b)
		if err == nil {
			one.cms = one.token.cms
			err = one.token.check(store.certs, digest)
		}
	default:
		return nil, "VERIFY_SUBFILTER", because("subfilter", "name", string(s.subFilter))
	}
	if err == nil && len(bytes.Trim(rest, "\x00")) != 0 {
		err = because("cms.padding")
	}
	if errors.Is(err, errDigest) {
		return nil, "VERIFY_CHANGED", err
	}
	return one, "VERIFY_CMS", err
}

func checkDetached(c *cms, form name, pool []*x509.Certificate, digest func(crypto.Hash) ([]byte, error)) error {
	if c.content != nil || !c.contentType.Equal(oidData) {
		return because("cms.detached")
	}
	for id := range c.unsignedAttrs {
		if id != oidTimestampToken.String() {
			return because("cms.unknown-attribute")
		}
	}
	if form == "ETSI.CAdES.detached" && !c.hasESS() {
		return because("cms.ess-missing")
	}
	if err := c.findSigner(pool); err != nil {
		return err
	}
	sum, err := digest(c.digest)
	if err != nil {
		return err
	}
	return c.checkDigest(sum)
}

// ownRevision looks for the signature in the form of the revision that it
// closes: one that only a later revision brings into the form was moved there.
func (j *judge) ownRevision(s *signature, end int64) error {
	d, err := j.at(end)
	if err != nil {
		return because("range.revision")
	}
	own, err := d.signatures()
	if err != nil {
		return err
	}
	var fields []string // that show this container; two would be two signers
	for _, k := range own {
		if k.contents.off == s.contents.off {
			fields = append(fields, k.field)
		}
	}
	if len(fields) != 1 || fields[0] != s.field {
		return because("wrapped")
	}
	return nil
}

// certification marks the signature that certifies the document (12.8.2.2). It
// has to be the first one.
func (j *judge) certification(sigs []signature) {
	root, err := j.last.getDict(j.last.trailer["Root"])
	if err != nil {
		return
	}
	perms, err := j.last.getDict(root["Perms"])
	if err != nil || perms["DocMDP"] == nil {
		return
	}
	r, _ := perms["DocMDP"].(ref)
	for i := range sigs {
		s := &sigs[i]
		if s.num == 0 || s.num != r.num {
			continue
		}
		level, err := j.last.docMDP(s.value)
		if err == nil && i > 0 {
			err = because("certify.first")
		}
		if err != nil {
			j.f.fail("pdf.certification", "VERIFY_CERTIFICATION", j.target, err, packager.Args{"field": s.field})
			return
		}
		for _, one := range j.done {
			if one.sig == s {
				one.report.Kind, one.report.Permits = "certification", level
				j.f.add(true, "pdf.certification", "VERIFY_CERTIFIED", j.target, packager.Args{"field": s.field, "level": itoa(level)})
			}
		}
		return
	}
	j.f.fail("pdf.certification", "VERIFY_CERTIFICATION", j.target, because("certify.none"), nil)
}

// docMDP reads the level from a signature's /Reference.
func (d *document) docMDP(value dict) (int, error) {
	refs, err := d.getArray(value["Reference"])
	if err != nil {
		return 0, err
	}
	for _, o := range refs {
		r, err := d.getDict(o)
		if err != nil {
			return 0, err
		}
		if r["TransformMethod"] != name("DocMDP") {
			continue
		}
		params, err := d.getDict(r["TransformParams"])
		if err != nil {
			return 0, err
		}
		if params["P"] == nil {
			return 2, nil // the default
		}
		if p, ok := params["P"].(int64); ok && p >= 1 && p <= 3 {
			return int(p), nil
		}
	}
	return 0, because("certify.none")
}

// signature judges time, chain, revocation, trust and level of a signature.
func (j *judge) signature(one *judged, store *evidence) {
	c, r := one.cms, &one.report
	r.Signer, r.SHA256Fingerprint, r.Algorithm = nameOf(c.signer), fingerprint(c.signer), c.algorithmName()
	args := packager.Args{"field": r.Field, "signer": r.Signer, "fingerprint": r.SHA256Fingerprint, "algorithm": r.Algorithm}
	j.f.add(true, "pdf.signature", "VERIFY_SIGNATURE", j.target, args)
	if !j.signatureTimestamp(one, store) {
		return
	}
	proof := one.token
	if proof != nil {
		r.TimeSource = "signature-timestamp"
	} else if later := j.timestampOver(one.end); later != nil {
		proof, r.TimeSource = later.token, "document-timestamp"
	}
	facts := &evidence{slices.Clone(store.certs), slices.Clone(store.crls), slices.Clone(store.ocsps)}
	if err := facts.add(c); err != nil {
		j.f.fail("pdf.signature", "VERIFY_CMS", j.target, err, args)
		return
	}
	when := j.o.Now
	if proof != nil {
		facts.certs = append(facts.certs, proof.cms.certs...)
		r.Time, r.TSA = stamp(proof.time), nameOf(proof.cms.signer)
		r.TSATrust = trust(proof.cms.signer, facts.certs, j.o, j.judgeTokenAt(proof, one.end), x509.ExtKeyUsageTimeStamping)
		if r.TSATrust != "untrusted" {
			when = proof.time
		}
		j.f.add(true, "pdf.timestamp", "VERIFY_TIMESTAMP", j.target, packager.Args{"field": r.Field, "time": r.Time, "tsa": r.TSA})
		j.chain(proof.path, packager.Args{"signer": r.TSA})
	}
	path, err := c.path(facts.certs)
	if err != nil {
		j.f.fail("pdf.certificate", "VERIFY_CERTIFICATE", j.target, err, args)
		return
	}
	r.Chain = describe(path)
	j.chain(path, args)
	r.Trust = trust(c.signer, facts.certs, j.o, when, x509.ExtKeyUsageAny)
	j.validity(c.signer, when, proof != nil && r.TSATrust != "untrusted", args)
	complete, revoked := facts.judgePath(path, when, r.Chain)
	j.revocation(path, r.Chain, complete, revoked, args)
	r.Level = j.level(one, path, proof, when)
}

// signatureTimestamp checks the signature's own timestamp, if it has one.
func (j *judge) signatureTimestamp(one *judged, store *evidence) bool {
	der, ok := one.cms.unsignedAttrs[oidTimestampToken.String()]
	if !ok {
		return true
	}
	t, rest, err := parseToken(der)
	if err == nil && len(rest) > 0 {
		err = cmsError("TimeStampToken")
	}
	if err == nil {
		err = t.check(store.certs, func(h crypto.Hash) ([]byte, error) {
			w := h.New()
			w.Write(one.cms.signature)
			return w.Sum(nil), nil
		})
	}
	if err != nil {
		j.f.fail("pdf.timestamp", "VERIFY_TIMESTAMP_BAD", j.target, err, packager.Args{"field": one.sig.field})
		return false
	}
	one.token = t
	return true
}

// timestampOver returns the first document timestamp that closes a revision
// after end.
func (j *judge) timestampOver(end int64) *judged {
	for _, k := range j.done {
		if k.isTime && k.end > end {
			return k
		}
	}
	return nil
}

// judgeTokenAt is the time at which a token's own certificates are judged: that
// of the next document timestamp over it, else now.
func (j *judge) judgeTokenAt(t *token, end int64) time.Time {
	for _, k := range j.done {
		if k.isTime && k.end > end && k.token != t {
			return k.token.time
		}
	}
	return j.o.Now
}

// documentTimestamp judges a timestamp over the whole file so far.
func (j *judge) documentTimestamp(one *judged, store *evidence) {
	t, r := one.token, &one.report
	tsa := t.cms.signer
	r.Signer, r.SHA256Fingerprint, r.Algorithm = nameOf(tsa), fingerprint(tsa), t.cms.algorithmName()
	r.Time, r.TimeSource, r.TSA = stamp(t.time), "document-timestamp", r.Signer
	when := j.judgeTokenAt(t, one.end)
	facts := &evidence{append(slices.Clone(t.cms.certs), store.certs...), store.crls, store.ocsps}
	r.Trust = trust(tsa, facts.certs, j.o, when, x509.ExtKeyUsageTimeStamping)
	r.TSATrust = r.Trust
	r.Chain = describe(t.path)
	args := packager.Args{"field": r.Field, "signer": r.Signer, "time": r.Time, "tsa": r.TSA}
	j.f.add(true, "pdf.timestamp", "VERIFY_DOC_TIMESTAMP", j.target, args)
	j.chain(t.path, args)
	complete, revoked := facts.judgePath(t.path, when, r.Chain)
	if !complete && revoked == nil { // what was said at its own time, then
		complete, revoked = facts.judgePath(t.path, t.time, r.Chain)
	}
	j.revocation(t.path, r.Chain, complete, revoked, args)
}

// chain says when a path does not lead to a root.
func (j *judge) chain(path []*x509.Certificate, args packager.Args) {
	if missing := incomplete(path); missing != "" {
		j.f.add(true, "pdf.chain", "VERIFY_CHAIN_INCOMPLETE", j.target, packager.Args{"signer": args["signer"], "issuer": missing})
	}
}

// validity says whether the signer's certificate was valid at the time.
func (j *judge) validity(c *x509.Certificate, when time.Time, proven bool, args packager.Args) {
	args["until"] = c.NotAfter.UTC().Format(time.DateOnly)
	args["from"] = c.NotBefore.UTC().Format(time.DateOnly)
	early, late := when.Before(c.NotBefore), when.After(c.NotAfter)
	switch {
	case proven && (early || late):
		j.f.add(false, "pdf.certificate", "VERIFY_CERTIFICATE_TIME", j.target, args)
	case early:
		j.f.add(false, "pdf.certificate", "VERIFY_CERTIFICATE_EARLY", j.target, args)
	case late:
		j.f.add(true, "pdf.certificate", "VERIFY_CERTIFICATE_EXPIRED", j.target, args)
	case proven:
		j.f.add(true, "pdf.certificate", "VERIFY_CERTIFICATE_THEN", j.target, args)
	default:
		j.f.add(true, "pdf.certificate", "VERIFY_CERTIFICATE_OK", j.target, args)
	}
}

// revocation says what is known of it. A certificate that vouches for itself
// cannot be revoked; that it is not known is a stated result.
func (j *judge) revocation(path []*x509.Certificate, chain []packager.CertificateReport, complete bool, revoked *x509.Certificate, args packager.Args) {
	switch {
	case revoked != nil:
		for i := range path {
			if path[i] == revoked {
				j.f.add(false, "pdf.revocation", "VERIFY_REVOKED", j.target, packager.Args{"signer": nameOf(revoked), "time": chain[i].At, "source": chain[i].Source})
			}
		}
	case len(path) == 1 && vouchesForItself(path[0]):
	case complete:
		j.f.add(true, "pdf.revocation", "VERIFY_NOT_REVOKED", j.target, args)
	default:
		j.f.add(true, "pdf.revocation", "VERIFY_REVOCATION_UNKNOWN", j.target, args)
	}
}

// level is the PAdES baseline level that a signature has reached (ETSI EN
// 319 142-1 6.3).
func (j *judge) level(one *judged, path []*x509.Certificate, proof *token, when time.Time) string {
	switch {
	case one.sig.subFilter != "ETSI.CAdES.detached":
		return "CMS"
	case proof == nil:
		return "B-B"
	case !j.longTerm(j.last.size, one, path, proof, when):
		return "B-T"
	}
	// A document timestamp counts when the store that it covers is enough.
	for _, k := range j.done {
		if k.isTime && k.end > one.end && j.longTerm(k.end, one, path, proof, when) {
			return "B-LTA"
		}
	}
	return "B-LT"
}

// longTerm reports whether the DSS of a state holds all that it takes to judge
// the signer's path and the time stamping authority's.
func (j *judge) longTerm(end int64, one *judged, path []*x509.Certificate, proof *token, when time.Time) bool {
	e, there, err := j.evidenceAt(end)
	if err != nil || !there {
		return false
	}
	ok, _ := e.judgePath(path, when, describe(path))
	tsa, _ := e.judgePath(proof.path, j.judgeTokenAt(proof, one.end), describe(proof.path))
	if !tsa { // when nothing later says the time, what was said at the time counts
		tsa, _ = e.judgePath(proof.path, proof.time, describe(proof.path))
	}
	return ok && tsa
}

// revisions says what every revision after the first signature changed.
func (j *judge) revisions(sigs []signature) {
	var covered int64
	for _, one := range j.done {
		covered = max(covered, one.end)
	}
	if len(j.done) == 0 {
		return // said: nothing holds
	}
	ends, err := j.ends(j.done[0].end)
	if err != nil {
		j.f.fail("pdf.coverage", "VERIFY_PDF_DAMAGED", j.target, err, nil)
		return
	}
	onlyEvidence := true
	for i := 1; i < len(ends); i++ {
		r, err := j.revision(i+1, ends[i-1], ends[i])
		if err != nil {
			j.f.fail("pdf.revision", "VERIFY_REVISION_DAMAGED", j.target, err, packager.Args{"n": itoa(i + 1)})
			return
		}
		j.f.v.Revisions = append(j.f.v.Revisions, r)
		j.sayRevision(r)
		onlyEvidence = onlyEvidence && (ends[i] <= covered || bringsEvidence(r.Changes))
	}
	size := j.last.size
	last := ends[len(ends)-1]
	switch {
	case last != size || !onlyEvidence:
		j.f.add(false, "pdf.coverage", "VERIFY_APPENDED", j.target, packager.Args{"bytes": fmt.Sprint(size - covered)})
	case covered == size:
		j.f.add(true, "pdf.coverage", "VERIFY_COVERS_ALL", j.target, packager.Args{"n": itoa(len(sigs))})
	default:
		j.f.add(true, "pdf.coverage", "VERIFY_COVERS_EVIDENCE", j.target, packager.Args{"bytes": fmt.Sprint(size - covered)})
	}
}

// bringsEvidence reports whether a revision that nobody signed brings what
// proves the signatures before it, and nothing else.
func bringsEvidence(changes []packager.RevisionChange) bool {
	is := func(kinds ...string) func(packager.RevisionChange) bool {
		return func(c packager.RevisionChange) bool { return slices.Contains(kinds, c.Kind) }
	}
	return slices.ContainsFunc(changes, is(changeDSS)) &&
		len(slices.DeleteFunc(slices.Clone(changes), is(changeDSS, changeMetadata))) == 0
}

// ends are the ends of the revisions from the first signature on.
func (j *judge) ends(first int64) ([]int64, error) {
	all := []int64{first}
	for _, one := range j.done {
		all = append(all, one.end)
	}
	for _, s := range j.last.sections {
		if s.off < first {
			continue
		}
		end, err := j.last.sectionEnd(s.off)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(e int64) bool { return e >= end-2 && e <= end }) {
			all = append(all, end)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// sectionEnd is the end of the line "%%EOF" after a cross-reference section.
func (d *document) sectionEnd(off int64) (int64, error) {
	mark := []byte("%%EOF")
	buf := make([]byte, 64<<10)
	for at := off; at < d.size; at += int64(len(buf) - len(mark)) {
		n, err := d.r.ReadAt(buf, at)
		if err := d.spend(int64(n)); err != nil {
			return 0, err
		}
		if i := bytes.Index(buf[:n], mark); i >= 0 {
			end := at + int64(i+len(mark))
			eol := make([]byte, 2)
			k, _ := d.r.ReadAt(eol, end)
			switch {
			case k == 2 && eol[0] == '\r' && eol[1] == '\n':
				end += 2
			case k > 0 && (eol[0] == '\n' || eol[0] == '\r'):
				end++
			}
			return min(end, d.size), nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n < len(buf) {
			break
		}
	}
	return 0, because("pdf.cut")
}

func (j *judge) revision(n int, from, to int64) (packager.RevisionReport, error) {
	r := packager.RevisionReport{Number: n, From: from, To: to}
	old, err := j.at(from)
	if err != nil {
		return r, err
	}
	new, err := j.at(to)
	if err != nil {
		return r, err
	}
	r.Changes, err = compareRevisions(old, new)
	return r, err
}

var changeCodes = map[string]string{
	changeSignature: "VERIFY_ADDED_SIGNATURE", changeTimestamp: "VERIFY_ADDED_TIMESTAMP", changeField: "VERIFY_ADDED_FIELD",
	changeDSS: "VERIFY_ADDED_DSS", changeMetadata: "VERIFY_ADDED_METADATA",
	changeContent: "VERIFY_ALTERED_CONTENT", changeFont: "VERIFY_ALTERED_FONT", changeAnnotation: "VERIFY_ALTERED_ANNOTATION",
	changeOverlay: "VERIFY_ALTERED_OVERLAY", changeAttachment: "VERIFY_ALTERED_ATTACHMENT", changeForm: "VERIFY_ALTERED_FORM", changeCatalog: "VERIFY_ALTERED_CATALOG",
	changePage: "VERIFY_ALTERED_PAGE", changeOther: "VERIFY_ALTERED_OTHER",
}

// sayRevision makes each change a check, by what the revision may do. A
// certification of level 1 forbids further signatures; what proves the old
// ones may still be added (ISO 32000-2 12.8.2.2).
func (j *judge) sayRevision(r packager.RevisionReport) {
	certified := slices.ContainsFunc(j.done, func(k *judged) bool { return k.report.Permits == 1 })
	for i := range r.Changes {
		c := &r.Changes[i]
		code := changeCodes[c.Kind]
		if certified && (c.Kind == changeSignature || c.Kind == changeField) {
			c.Allowed, code = false, "VERIFY_AGAINST_CERTIFICATION"
		}
		args := packager.Args{"n": itoa(r.Number), "where": c.Where, "page": itoa(c.Page)}
		j.f.add(c.Allowed, "pdf.revision", code, j.target, args)
	}
}

// claimedTime is a date of a PDF (7.9.4) as it is written, readable.
func claimedTime(o any) string {
	t, ok := o.(text)
	if !ok {
		return ""
	}
	return readable(t.b)
}

func textOf(o any) string {
	t, _ := o.(text)
	return readable(t.b)
}

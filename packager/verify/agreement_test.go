package verify

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

var updateTable = flag.Bool("update", false, "write AGREEMENT.md anew")

// sources are where the public signed files are: modules that the product is
// built with, and the unpacked source of pyHanko, whose folder
// DOSSIER_PYHANKO_SOURCE names.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	module := func(path string) string {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	pyhanko := testpki.PyHankoSource(t)
	all := map[string][]string{}
	for name, patterns := range map[string][]string{
		"pdfcpu":  {module("github.com/pdfcpu/pdfcpu") + "/pkg/samples/signatures/*/*.pdf"},
		"pdfium":  {module("github.com/klippa-app/go-pdfium") + "/shared_tests/testdata/*.pdf"},
		"pyHanko": {pyhanko + "/pyhanko_testing_commons/test_data/data/pdf/*.pdf", pyhanko + "/pyhanko_testing_commons/test_data/data/pdf/*/*.pdf"},
	} {
		for _, p := range patterns {
			files, err := filepath.Glob(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(b, []byte("/ByteRange")) {
					all[name] = append(all[name], f)
				}
			}
		}
	}
	return all
}

// ours is what verify says of the signatures of a file; that these files are no
// bundles of ours is left out.
func ours(t *testing.T, path string) string {
	t.Helper()
	v, err := PDF(context.Background(), path, Options{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	for _, f := range failures(v) {
		if f != "VERIFY_NO_MANIFEST" && !slices.Contains(wrong, f) {
			wrong = append(wrong, f)
		}
	}
	if len(wrong) > 0 {
		return strings.Join(wrong, ", ")
	}
	var levels []string
	for _, s := range v.Signatures {
		levels = append(levels, s.Level)
	}
	return "holds: " + strings.Join(levels, ", ")
}

// byPdfsig is what pdfsig says: of the digest and signature of each, not of
// later changes, timestamps or trust.
func byPdfsig(program, path string) string {
	out, _ := exec.Command(program, "-nocert", path).CombinedOutput() // its exit code is not about validity
	var said []string
	for line := range strings.SplitSeq(string(out), "\n") {
		_, verdict, ok := strings.Cut(line, "Signature Validation: ")
		if !ok {
			continue
		}
		verdict = strings.TrimSuffix(verdict, ".")
		switch verdict {
		case "Signature is Valid":
			verdict = "valid"
		case "Signature has not yet been verified":
			verdict = "kind not known"
		}
		if !slices.Contains(said, verdict) {
			said = append(said, verdict)
		}
	}
	if len(said) == 0 {
		return "no signature"
	}
	return strings.Join(said, ", ")
}

// steady keeps out of the table what EU DSS answers now so, now so: it depends
// on which provider of Ed448 Java finds first.
func steady(name, cell string) string {
	if name == "ed448-shake256-nolen.pdf" {
		return "no steady answer"
	}
	return cell
}

// byDSS puts what EU DSS says of a file into a cell: the formats, and whether
// anything but trust is wrong.
func byDSS(answers []testpki.Answer) string {
	var said []string
	for _, a := range answers {
		var cell string
		switch {
		case a.Kind == "none":
			cell = "no signature"
		case a.Kind == "refused":
			cell = "refuses: " + strings.SplitN(a.Errors, ":", 2)[0]
		case a.Sub == "NO_CERTIFICATE_CHAIN_FOUND" && !strings.Contains(a.Errors, " | "):
			cell = "holds"
		default:
			cell = a.Sub
		}
		if cell = strings.TrimSpace(strings.TrimPrefix(a.Format, "PAdES-BASELINE-") + " " + cell); a.Kind == "timestamp" {
			cell = "timestamp " + cell
		}
		if !slices.Contains(said, cell) {
			said = append(said, cell)
		}
	}
	return strings.Join(said, ", ")
}

// whyNot is why verify refuses what a judge accepts, or the other way round.
var whyNot = map[string]string{
	"testPAdES_BT.pdf":                           "the token's certificate is in neither file nor token, so nobody can check it; the judges leave that timestamp out",
	"testPAdES_BLT.pdf":                          "the token brings no certificate; it is in the DSS, where verify looks and pyHanko does not",
	"testPAdES_BLTA.pdf":                         "the token brings no certificate; it is in the DSS, where verify looks and pyHanko does not",
	"sample1.pdf":                                "SHA-1",
	"sample2.pdf":                                "SHA-1",
	"ed448-disallowed-hash.pdf":                  "Ed448 is accepted by few readers",
	"ed448-shake256-nolen.pdf":                   "Ed448 is accepted by few readers",
	"extensions-direct.pdf":                      "the second signature is Ed25519, which most readers do not know",
	"extensions-indirect.pdf":                    "the second signature is Ed25519, which most readers do not know",
	"extensions-update-direct.pdf":               "the second signature is Ed25519, which most readers do not know",
	"extensions-update-indirect.pdf":             "the second signature is Ed25519, which most readers do not know",
	"form-update-ap-indirect-sneaky-trailer.pdf": "pyHanko forbids the form by rule: an appearance that another place names too; the named object itself is unchanged here, and that is what verify compares",
	"form-update-no-override-appearance-stream-ap-indirect-sneaky.pdf": "as before: the named object is unchanged",
	"form-update-override-appearance-stream-ap-indirect-sneaky.pdf":    "pdfsig does not look at later changes",
	"form-update-override-appearance-stream-sneaky.pdf":                "pdfsig does not look at later changes",
	"pades-lta-dss-indirect-arrs-test.pdf":                             "a revision that nobody signed writes the same validation data again: verify lets only what brings something be added",
	"pdf-sig-with-econtent.pdf":                                        "a detached signature must not bring content along (ISO 32000-2 12.8.3.3)",
	"sig-no-signed-attrs.pdf":                                          "without signed attributes nothing says what was signed with which certificate (PAdES asks for them)",
	"sig-with-ski-sid.pdf":                                             "version 1 where RFC 5652 5.1 asks for 3",
	"minimal-signed-twice-both-created.pdf":                            "the second signature is seen where the first signer prepared no field: its look may cover what was signed",
	"minimal-signed-twice-second-created.pdf":                          "as before: a second signature that is seen, without a field prepared for it",
	"separate-annots-kids-indir.pdf":                                   "as before",
	"one-byterange.pdf":                                                "the range leaves the signature's surroundings free; pdfsig does not look",
	"signature-gap-too-big.pdf":                                        "the gap holds more than the signature; pdfsig does not look",
	"tail-uncovered.pdf":                                               "the signed range ends within a revision; pdfsig does not look",
	"weird-byterange.pdf":                                              "the gap holds more than the signature; pdfsig does not look",
}

// TestAgreement holds AGREEMENT.md against verify and the judges. Every
// difference has its reason in whyNot.
func TestAgreement(t *testing.T) {
	all := sources(t)
	pdfsig, python := testpki.Judge(t, "pdfsig"), testpki.Judge(t, "python-pyhanko")
	made := attacks(t, testpki.New(t, now))
	for i, a := range made {
		all["attack"] = append(all["attack"], testpki.WriteTemp(t, fmt.Sprintf("%02d.pdf", i), a.pdf))
	}
	args := []string{filepath.Join("testdata", "judges", "pyhanko_judge.py")}
	for _, files := range all {
		args = append(args, files...)
	}
	dss := testpki.DSS(t, "-", now.Format(time.RFC3339), "offline", args[1:]...)
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	byPyHanko := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, answer, _ := strings.Cut(strings.TrimSpace(line), "\t")
		byPyHanko[path] = answer
	}
	var b strings.Builder
	b.WriteString("# Agreement\n\nWhat `verify`, pdfsig 22.12, pyHanko 0.38 and EU DSS 6.2 say of public signed files, and of the published attacks made\nanew. Written by `go test -run TestAgreement -update`, held by the same test. Trust in the signers is not asked: their\nauthorities are nobody's. pdfsig judges digest and signature alone: neither later changes nor timestamps nor gaps. EU\nDSS, by its own policy, warns of later changes and lets them pass; its column names the level, and what is wrong but\nfor trust.\n")
	all3, withPdfsig, withPyHanko, total := 0, 0, 0, 0
	for _, from := range []string{"pdfcpu", "pdfium", "pyHanko"} {
		fmt.Fprintf(&b, "\n## From %s\n\n| File | verify | pdfsig | pyHanko | EU DSS | Why not the same |\n|---|---|---|---|---|---|\n", from)
		for _, path := range all[from] {
			name := filepath.Base(path)
			us, sig, py := ours(t, path), byPdfsig(pdfsig, path), byPyHanko[path]
			holds := strings.HasPrefix(us, "holds")
			sigHolds := sig == "valid" || sig == "valid, kind not known"
			pyHolds := strings.HasPrefix(py, "holds")
			total++
			if holds == sigHolds {
				withPdfsig++
			}
			if holds == pyHolds {
				withPyHanko++
			}
			if holds && !sigHolds {
				t.Errorf("%s: verify accepts what pdfsig refuses: %s", name, sig)
			}
			why := whyNot[name]
			switch same := holds == sigHolds && holds == pyHolds; {
			case same && why != "":
				t.Errorf("%s: a reason for a difference that is none", name)
			case same:
				all3++
			case why == "":
				t.Errorf("%s: verify %q, pdfsig %q, pyHanko %q, and no reason", name, us, sig, py)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", name, us, sig, py, steady(name, byDSS(dss[path])), why)
		}
	}
	fmt.Fprintf(&b, "\nOf %d files verify agrees on %d with pdfsig, on %d with pyHanko, on %d with both. Where it does not, the last column\nsays why. In no file does verify accept what pdfsig refuses; where it accepts what pyHanko refuses, the row says what it\ncompared.\n", total, withPdfsig, withPyHanko, all3)
	b.WriteString("\n## The published attacks, made anew\n\n`attacks_test.go` makes them and names the publications. verify has to refuse every one.\n\n| Attack | verify | pdfsig | pyHanko | EU DSS |\n|---|---|---|---|---|\n")
	for i, a := range made {
		path := all["attack"][i]
		us := ours(t, path)
		if strings.HasPrefix(us, "holds") {
			t.Errorf("%s, %s: verify accepts it", a.family, a.name)
		}
		fmt.Fprintf(&b, "| %s: %s | %s | %s | %s | %s |\n", a.family, a.name, us, byPdfsig(pdfsig, path), byPyHanko[path], byDSS(dss[path]))
	}
	if *updateTable {
		if err := os.WriteFile("AGREEMENT.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("AGREEMENT.md")
	if err != nil || string(have) != b.String() {
		t.Errorf("AGREEMENT.md is not what they say now (%v); -update writes it anew", err)
	}
}

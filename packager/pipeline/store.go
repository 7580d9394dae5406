package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/sign"
	"dossier/storage"
	"dossier/storage/seal"
)

// Store is where publications go, and on which terms.
type Store struct {
	URL   string // without credentials
	Open  func(ctx context.Context) (storage.Publisher, error)
	Terms Terms
}

// pendingName is the file in StateDir that says what is still to be stored. It
// is written before the first byte is sent and removed after the receipt.
const pendingName = "pending.json"

// pending is one publication that has been made and not yet stored whole.
type pending struct {
	Out     string                  `json:"out"`
	Receipt packager.Receipt        `json:"receipt"` // without number, files and objects
	Blobs   []packager.StoredObject `json:"blobs"`   // Name is the path in the case folder
	Files   []packager.StoredObject `json:"files"`   // Name is the path in the out folder
	Reason  string                  `json:"reason"`  // why it supersedes another one; "" when it does not
	Pages   []packager.StoredObject `json:"pages"`   // page pictures: blobs whose Name is the path in the out folder
	Terms   pendingTerms            `json:"terms"`   // what was promised when it was made

	wasSealed bool // the publication that it is made from has ciphertext
}

// storedFiles are the case's files that go into the store: all that was
// handed in or kept as proof. What could not be placed stays out.
func storedFiles(files []packager.Inspected) []packager.StoredObject {
	var out []packager.StoredObject
	for _, f := range files {
		if f.Role != packager.RoleUnplaced && f.SHA256 != "" {
			out = append(out, packager.StoredObject{Key: storage.BlobKey(f.SHA256), SHA256: f.SHA256, Bytes: f.Bytes, Name: f.Path})
		}
	}
	return out
}

func (p *Pipeline) newPending(r *packager.Record, pages []packager.File, out string) (pending, error) {
	report := r.Plan.Report
	pend := pending{
		Out:   out,
		Blobs: storedFiles(report.Files),
		Receipt: packager.Receipt{
			Version: 1, Case: report.Case.ID, Platform: report.Case.Platform, Application: report.Case.Application,
			Day: report.Rules.Day.String(), Tool: p.Tool,
			Rules:      packager.RulesRef{Platform: report.Case.Platform, Revision: report.Rules.Revision, Digest: report.Rules.Digest},
			Bundle:     r.Ref(bundleStem),
			Signature:  r.Signature,
			EventsHead: r.Head,
		},
		Terms: p.Store.Terms.pending(),
	}
	pend.Receipt.RetentionDays = cmp.Or(report.Case.Retention.Days, p.RetentionDays)
	if rev := r.Plan.Revision; rev != nil {
		pend.Receipt.Supersedes, pend.Reason = rev.Bundle, rev.Reason
	}
	file := func(name, sum string, n int64) {
		pend.Files = append(pend.Files, packager.StoredObject{Name: name, SHA256: sum, Bytes: n})
	}
	for _, v := range r.Volumes() {
		file(v.FileName(bundleStem), v.SHA256, v.Bytes)
	}
	for _, f := range []packager.File{r.Workbook, r.Events, r.Manifest} {
		file(filepath.Base(f.Path), f.SHA256, f.Bytes)
	}
	for _, f := range pages {
		rel, err := filepath.Rel(out, f.Path)
		if err != nil {
			return pend, err
		}
		pend.Pages = append(pend.Pages, packager.StoredObject{Name: filepath.ToSlash(rel), SHA256: f.SHA256, Bytes: f.Bytes})
	}
	return pend, nil
}

// store publishes a finished record and writes its receipt.
func (p *Pipeline) store(ctx context.Context, r *packager.Record, pages []packager.File, b *bench) (*packager.Receipt, error) {
	pend, err := p.newPending(r, pages, b.out)
	if err != nil {
		return nil, err
	}
	return p.publishPending(ctx, r.Plan.Report.Case.Dir, pend, b.state, b.key, b.log)
}

// publishPending remembers what is to be stored before it stores it.
func (p *Pipeline) publishPending(ctx context.Context, caseDir string, pend pending, state string, key *sign.Key, log *audit.Log) (*packager.Receipt, error) {
	text, err := json.Marshal(pend)
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(state, pendingName), text); err != nil {
		return nil, diskFault(err, state)
	}
	return p.publish(ctx, caseDir, pend, key, log)
}

// Push goes on with a publication that did not come to its receipt.
func (p *Pipeline) Push(ctx context.Context, c *packager.Case) (*packager.Receipt, Paths, error) {
	b, err := newState(c.Dir, p)
	if err != nil {
		return nil, Paths{}, err
	}
	defer b.clear()
	text, err := os.ReadFile(filepath.Join(b.state, pendingName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Paths{}, &packager.Fault{Class: packager.ClassUsage, Code: "PUSH_NOTHING", Args: packager.Args{"case": c.Dir}}
	}
	if err != nil {
		return nil, Paths{}, err
	}
	var pend pending
	if err := json.Unmarshal(text, &pend); err != nil {
		return nil, Paths{}, &packager.Fault{Class: packager.ClassStore, Code: "PUSH_DAMAGED", Args: packager.Args{"case": c.Dir}, Err: err}
	}
	key, err := p.Key(ctx)
	if err != nil {
		return nil, Paths{}, err
	}
	b.key = key
	if key.Fingerprint() != pend.Receipt.Signature.SHA256Fingerprint {
		return nil, Paths{}, &packager.Fault{Class: packager.ClassSigning, Code: "PUSH_OTHER_KEY", Args: packager.Args{"source": key.Source}}
	}
	if pend.Terms, err = p.Store.Terms.over(pend.Terms); err != nil {
		return nil, Paths{}, err
	}
	receipt, err := p.publish(ctx, c.Dir, pend, key, b.log)
	return receipt, pathsIn(pend.Out), err
}

func (p *Pipeline) publish(ctx context.Context, caseDir string, pend pending, key *sign.Key, log *audit.Log) (*packager.Receipt, error) {
	p.begin(packager.StepStore)
	store, err := p.Store.Open(ctx)
	if err != nil {
		return nil, StoreFault(err)
	}
	state := filepath.Join(caseDir, StateDir)
	keyFile := filepath.Join(state, sealKeyName)
	pub := storage.Publication{
		Case:       pend.Receipt.Case,
		Blobs:      append(items(caseDir, pend.Blobs), items(pend.Out, pend.Pages)...),
		Documents:  items(pend.Out, pend.Files),
		JournalDir: filepath.Join(state, "journal"),
		Retention:  pend.Terms.Retention,
		Observer:   p.storeObserver(),
		Receipt: func(n int, files, objects []storage.Stored) ([]byte, error) {
			r := pend.Receipt
			r.Number, r.Store, r.CreatedAt = n, p.Store.URL, p.Now().UTC().Format(time.RFC3339)
			r.Files, r.Objects = asPackager(files), asPackager(objects)
			return sealed(r, key, p.Now())
		},
	}
	if pend.Terms.sealed() {
		if pub, err = p.encrypt(ctx, store, pub, pend, keyFile); err != nil {
			return nil, StoreFault(err)
		}
	}
	done, err := storage.Publish(ctx, store, pub)
	if err != nil {
		return nil, StoreFault(err)
	}
	if err := seal.Forget(keyFile); err != nil {
		return nil, StoreFault(err)
	}
	p.begin(packager.StepReceipt)
	receipt, err := p.keepReceipt(pend, done)
	if err != nil {
		return nil, diskFault(err, pend.Out)
	}
	if err := removeIfThere(filepath.Join(state, pendingName)); err != nil {
		return nil, err
	}
	p.tellOfOthers(done)
	if err := p.note(log, stored(receipt, pend.Terms, done)); err != nil || receipt.Supersedes == "" || pend.Reason == "" {
		return receipt, err
	}
	return receipt, p.note(log, superseded(receipt, pend.Reason))
}

// tellOfOthers tells of publishers of the same case who were at it meanwhile:
// one gets a number, the other the next one, and nothing of either is lost.
func (p *Pipeline) tellOfOthers(done storage.Published) {
	if p.Tell == nil {
		return
	}
	if len(done.Taken) > 0 {
		p.Tell("STORE_NUMBER_TAKEN", packager.Args{"taken": listOf(done.Taken), "number": strconv.Itoa(done.Number)})
	}
	if len(done.Beside) > 0 {
		p.Tell("STORE_RECEIPT_BESIDE", packager.Args{"number": strconv.Itoa(done.Number), "keys": strings.Join(done.Beside, ", ")})
	}
}

func listOf(list []int) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = strconv.Itoa(n)
	}
	return strings.Join(out, ", ")
}

// keepReceipt writes the receipt that the store now has beside the bundle: the
// last file of all.
func (p *Pipeline) keepReceipt(pend pending, done storage.Published) (*packager.Receipt, error) {
	var r packager.Receipt
	if err := json.Unmarshal(done.Receipt, &r); err != nil {
		return nil, err
	}
	return &r, writeFile(filepath.Join(pend.Out, receiptName), done.Receipt)
}

// sealed is the receipt as it is stored: canonical JSON with its seal.
func sealed(r packager.Receipt, key *sign.Key, now time.Time) ([]byte, error) {
	body, err := audit.Canonical(r)
	if err != nil {
		return nil, err
	}
	return sign.SealReceipt(key, body, now)
}

func items(dir string, objects []packager.StoredObject) []storage.Item {
	out := make([]storage.Item, len(objects))
	for i, o := range objects {
		out[i] = storage.Item{Name: o.Name, Content: storage.FromFile(filepath.Join(dir, filepath.FromSlash(o.Name)), o.Bytes, o.SHA256)}
	}
	return out
}

func asPackager(in []storage.Stored) []packager.StoredObject {
	out := make([]packager.StoredObject, len(in))
	for i, s := range in {
		out[i] = packager.StoredObject{
			Key: s.Key, SHA256: s.SHA256, Bytes: s.Bytes, Version: s.Version, Name: s.Name, Sealed: (*packager.SealedObject)(s.Sealed),
		}
	}
	return out
}

func (p *Pipeline) storeObserver() storage.Observer {
	return func(e storage.Event) {
		p.Observe.Notify(packager.Progress{
			Step: packager.StepStore, Kind: "advance", Item: e.Name, Done: e.Done, Total: e.Total, Unit: "bytes",
		})
	}
}

// StoreFault turns an error of a store into one that the program explains.
func StoreFault(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	var e *storage.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == storage.Cancelled {
		return context.Canceled
	}
	args := packager.Args{"op": e.Op, "key": e.Key}
	for k, v := range e.Args {
		args[k] = v
	}
	code := string(e.Code)
	if e.Code == storage.Checksum && e.Args["want"] == "" { // refused by the server, and never stored
		code = "STORE_DAMAGED_ON_THE_WAY"
	}
	return &packager.Fault{Class: packager.ClassStore, Code: code, Args: args, Err: e.Err}
}

// pathsIn are the files of an out folder that are there.
func pathsIn(out string) Paths {
	at := func(name string) string {
		path := filepath.Join(out, name)
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	p := pdfPaths(pdfsIn(out, bundleStem))
	p.Audit, p.Events, p.Manifest, p.Receipt, p.Pages = at(workbookName), at(eventsName), at(manifestName), at(receiptName), at(pagesName)
	return p
}

// Receipts returns the numbers of a case's publications in a store, the newest
// last.
func Receipts(ctx context.Context, s storage.Publisher, caseID string) ([]string, error) {
	var keys []string
	for o, err := range s.List(ctx, storage.CasePrefix(caseID)) {
		if err != nil {
			return nil, StoreFault(err)
		}
		if storage.ParseKey(o.Key).Receipt {
			keys = append(keys, o.Key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return storage.ParseKey(a).Number - storage.ParseKey(b).Number })
	return keys, nil
}

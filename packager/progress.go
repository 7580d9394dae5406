package packager

// Step names one step of the way through, in its order.
type Step string

const (
	StepCollect Step = "collect"
	StepInspect Step = "inspect"
	StepCheck   Step = "check"
	StepPlan    Step = "plan"
	StepCompose Step = "compose"
	StepSign    Step = "sign"
	StepVerify  Step = "verify"
	StepAudit   Step = "audit"
	StepStore   Step = "store"
	StepReceipt Step = "receipt"
)

// Progress is one notice of work going on. A library emits it and never
// prints. The kinds are start, advance and done; Done and Total count bytes or
// items as Unit says, Total is 0 when it is not known.
type Progress struct {
	Step  Step
	Kind  string // "start", "advance", "done"
	Item  string // what is being worked on: a path in the case, an object key
	Done  int64
	Total int64
	Unit  string // "bytes", "items", ""
}

// Observer receives progress. It may be called from several goroutines at
// once. A nil Observer is allowed wherever one is taken: use Observer.Notify.
type Observer func(Progress)

// Notify calls o if there is one.
func (o Observer) Notify(p Progress) {
	if o != nil {
		o(p)
	}
}

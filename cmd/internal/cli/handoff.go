package cli

import (
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/pipeline"
)

// ticketLimit is how many characters fit into the ticket forms that are known.
const ticketLimit = 500

// maxExpiry is the longest life of a link that AWS Signature Version 4 allows.
const maxExpiry = 7 * 24 * time.Hour

func (c *command) handoffCommand() *cobra.Command {
	var out string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "handoff CASE",
		Short: c.ui.Text("help.handoff"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if expires < time.Minute || expires > maxExpiry {
				return usage("HANDOFF_EXPIRES", "value", expires.String())
			}
			a, err := c.open(args[0])
			if err != nil {
				return err
			}
			order, err := a.Order(args[0], out, false)
			if err != nil {
				return err
			}
			p, err := a.Pipeline(nil)
			if err != nil {
				return err
			}
			h, err := p.Handoff(cmd.Context(), order)
			if err != nil {
				return err
			}
			store, err := a.Store(h.Receipt.Store)
			if err != nil {
				return err
			}
			until := c.Now().Add(expires)
			links, err := h.Links(cmd.Context(), store, expires)
			if err != nil {
				return err
			}
			if err := p.MarkHandedOff(h, links, until); err != nil {
				return err
			}
			return c.showHandoff(h, a.CaseURL(h.Receipt), links, until)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", c.ui.Text("flag.out"))
	cmd.Flags().DurationVar(&expires, "expires", 72*time.Hour, c.ui.Text("flag.expires"))
	cmd.Flags().Lookup("expires").DefValue = "0s" // its words name it, as a person writes it
	c.serverFlags(cmd)
	return cmd
}

type handoffJSON struct {
	Version int                `json:"version"`
	Case    string             `json:"case"`
	Bundle  packager.BundleRef `json:"bundle"`
	Channel packager.Text      `json:"channel"`
	Ticket  string             `json:"ticket"` // Chinese: it goes to the platform
	PDF     string             `json:"pdf"`
	Parts   []string           `json:"parts,omitempty"` // all PDFs, where there are several
	Pages   []string           `json:"pages"`
	Store   string             `json:"store"`
	Sealed  bool               `json:"sealed"`
	Link    string             `json:"link,omitempty"`
	Links   []string           `json:"links,omitempty"`      // one for each of parts
	Until   string             `json:"link_until,omitempty"` // RFC 3339, UTC
}

func (c *command) showHandoff(h *pipeline.Handoff, place string, links []string, until time.Time) error {
	text := ticket(c.catalog.Printer("zh"), h)
	if c.flags.JSON {
		d := handoffJSON{
			Version: 1, Case: h.Case.ID, Bundle: h.Receipt.Bundle, Channel: h.Rules.Channel, Ticket: text,
			PDF: h.Paths.PDF, Parts: h.Paths.Parts, Pages: append([]string{}, h.Pages...), Store: place, Sealed: h.Sealed,
		}
		if len(links) > 1 {
			d.Links = links
		}
		if len(links) > 0 {
			d.Link, d.Until = links[0], until.UTC().Format(time.RFC3339)
		}
		return c.ui.Document(d)
	}
	lang := c.ui.P.Lang
	head := func(key string) { c.ui.Line("%s", c.ui.Strong(c.ui.Text(key))) }
	head("handoff.where")
	c.ui.Line("  %s", h.Rules.Channel.In(lang))
	c.ui.Line("")
	c.ui.Line("%s", c.ui.Strong(c.ui.Text("handoff.text", "n", itoa(utf8.RuneCountInString(text)))))
	c.ui.Line("%s", text)
	c.ui.Line("")
	head("handoff.attach")
	c.ui.Line("  %s", h.Paths.PDF)
	for _, part := range h.Paths.Parts[min(1, len(h.Paths.Parts)):] {
		c.ui.Line("  %s", part)
	}
	if len(h.Pages) > 0 {
		c.ui.Line("  %s", c.ui.Text("handoff.pages", "n", itoa(len(h.Pages))))
		c.ui.Line("  %s", filepath.Dir(h.Pages[0])+string(filepath.Separator))
		for _, p := range h.Pages {
			c.ui.Line("    %s", c.ui.Faint(filepath.Base(p)))
		}
	}
	c.ui.Line("")
	if len(links) == 0 {
		head("handoff.place")
		c.ui.Line("  %s", place)
		if h.Sealed {
			c.ui.Line("  %s", c.ui.Text("handoff.sealed"))
		}
	} else {
		c.ui.Line("%s", c.ui.Strong(c.ui.Text("handoff.link", "until", until.In(packager.Shanghai).Format("2006-01-02 15:04"))))
		for _, link := range links {
			c.ui.Line("%s", link)
		}
		c.ui.Line("  %s %s", c.ui.Mark(packager.Warn), c.ui.Text("handoff.link.secret"))
	}
	c.ui.Line("")
	c.ui.Say("status.say_filed", "case", filepath.Clean(h.Case.Dir))
	return nil
}

// ticket is what to paste into the platform's form, in Chinese and in at most
// ticketLimit characters: who, which account, what is asked, the bundle, what
// is in it, whom to call. It holds no identity number.
func ticket(zh *i18n.Printer, h *pipeline.Handoff) string {
	k := h.Case
	titles := make([]string, 0, len(h.Materials))
	for _, m := range h.Materials {
		titles = append(titles, m.Title)
	}
	args := packager.Args{
		"who": applicantOf(k), "account": short(accountOf(k)), "platform": h.Rules.Name.In("zh"),
		"application": h.Rules.Application.In("zh"), "bundle": h.Receipt.Bundle.ID, "pages": itoa(pagesOf(h.Receipt.Bundle)),
		"day": h.Receipt.Day, "contact": short(contactOf(k)), "n": itoa(len(titles)),
	}
	say := func(key string, list []string) string {
		args["list"] = strings.Join(list, "、")
		return strings.TrimSpace(zh.Text(key, args))
	}
	if len(titles) == 0 {
		return say("handoff.ticket.bare", nil)
	}
	text := say("handoff.ticket", titles)
	for n := len(titles) - 1; n >= 0 && utf8.RuneCountInString(text) > ticketLimit; n-- {
		text = say("handoff.ticket.more", titles[:n])
		if n == 0 {
			text = say("handoff.ticket.count", nil)
		}
	}
	return text
}

// pagesOf is the number of pages of all PDFs.
func pagesOf(r packager.BundleRef) (n int) {
	for _, p := range r.Files("bundle") {
		n += p.Pages
	}
	return n
}

// applicantOf is who applies: the entity with its code, or the holder.
func applicantOf(k *packager.Case) string {
	switch {
	case k.Applicant.Name != "" && k.Applicant.USCC != "":
		return short(k.Applicant.Name) + "（统一社会信用代码 " + k.Applicant.USCC + "）"
	case k.Applicant.Name == "" && k.Holder != nil:
		return short(k.Holder.Name)
	}
	return short(k.Applicant.Name)
}

// contactOf is whom to call: the agent, else the holder, else the legal
// representative, with the first way to reach them that the case states.
func contactOf(k *packager.Case) string {
	person := k.Applicant.LegalRepresentative
	switch {
	case k.Agent != nil:
		person = *k.Agent
	case k.Holder != nil:
		person = *k.Holder
	}
	for _, way := range []string{person.Phone, person.Email, k.Account.BoundPhone, k.Account.BoundEmail} {
		if way != "" {
			return strings.TrimSpace(person.Name + " " + way)
		}
	}
	return person.Name
}

// short keeps a field from filling the form alone.
func short(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

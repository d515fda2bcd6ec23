package report

import (
	"errors"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// model is the JSON form, and what the other formats read. Its keys are always
// there.
type model struct {
	Schema        string          `json:"schema"`
	Tool          tool            `json:"tool"`
	JudgedFrom    string          `json:"judged_from"`
	Update        update          `json:"update"`
	Inputs        []Input         `json:"inputs"`
	Settings      settings        `json:"settings"`
	Outcome       policies.Status `json:"outcome"`
	Exit          int             `json:"exit"`
	Counts        policies.Counts `json:"counts"`
	SubjectCounts policies.Counts `json:"subject_counts"`
	Results       []result        `json:"results"`
	Gaps          []fact.Gap      `json:"gaps"`
	Inventory     inventory       `json:"inventory"`
	Claims        []nothing       `json:"claims"`
	Changes       *nothing        `json:"changes"`
}

// nothing is what this version has no content for.
type nothing struct{}

type tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type update struct {
	Path          string  `json:"path"`
	SHA256        *string `json:"sha256"`
	TreeSHA256    *string `json:"tree_sha256"`
	Size          int64   `json:"size"`
	Layout        string  `json:"layout"`
	Incremental   *bool   `json:"incremental"`
	Device        string  `json:"device"`
	Fingerprint   string  `json:"fingerprint"`
	Android       string  `json:"android"`
	SecurityPatch string  `json:"security_patch"`
	BuildTime     string  `json:"build_time"`
	Source        string  `json:"source"`
}

type settings struct {
	FailOn  policies.Severity   `json:"fail_on"`
	Unknown *policies.OnUnknown `json:"unknown"` // null: as each rule says
	Strict  bool                `json:"strict"`
	Stage   policies.Stage      `json:"stage"`
}

type result struct {
	Rule     string            `json:"rule"`
	Pack     string            `json:"pack"`
	Title    string            `json:"title"`
	Severity policies.Severity `json:"severity"`
	Level    policies.Level    `json:"level"`
	Status   policies.Status   `json:"status"`
	Subjects []subject         `json:"subjects"`
	Missing  []string          `json:"missing"`

	remedy string // for people
	warns  bool   // unknown, and not what makes the exit status
}

type subject struct {
	Subject     fact.Subject    `json:"subject"`
	Status      policies.Status `json:"status"`
	Message     string          `json:"message"`
	Fingerprint string          `json:"fingerprint"`
	Waiver      *nothing        `json:"waiver"`
	Baseline    *string         `json:"baseline"` // new, known or fixed; null: there is no baseline
	Assumptions []string        `json:"assumptions"`
	Evidence    []evidence      `json:"evidence"`
}

type evidence struct {
	Role   string        `json:"role"`
	Order  int           `json:"order"`
	At     fact.Location `json:"at"`
	Detail string        `json:"detail"`
}

type inventory struct {
	Partitions []partition `json:"partitions"`
	Apps       []app       `json:"apps"`
}

type app struct {
	Package     string        `json:"package"`
	VersionCode int64         `json:"version_code"`
	VersionName string        `json:"version_name"`
	TargetSDK   int64         `json:"target_sdk"`
	Code        string        `json:"code"`
	At          fact.Location `json:"at"`
}

type partition struct {
	Name  string        `json:"name"`
	Slot  string        `json:"slot"`
	Mount string        `json:"mount"`
	Form  string        `json:"form"`
	Size  int64         `json:"size"`
	Files int64         `json:"files"`
	At    fact.Location `json:"at"`
}

// build makes the model of a document.
func build(d *Document) (*model, error) {
	if d.Verdict == nil {
		return nil, errors.New("report: there is no verdict")
	}
	u := d.Update
	m := &model{
		Schema:     Schema,
		Tool:       tool{"otavet", d.Version},
		JudgedFrom: d.JudgedFrom,
		Update: update{u.Path, u.SHA256, u.TreeSHA256, u.Size, u.Layout, u.Incremental, u.Device, u.Fingerprint,
			u.Android, u.SecurityPatch, u.BuildTime, u.Source},
		Inputs:        []Input{},
		Settings:      settingsOf(d.Settings),
		Outcome:       d.Verdict.Outcome,
		Exit:          d.Verdict.Exit(d.Settings),
		Counts:        d.Verdict.Counts,
		SubjectCounts: d.Verdict.SubjectCounts,
		Results:       []result{},
		Gaps:          []fact.Gap{},
		Inventory:     inventory{[]partition{}, []app{}},
		Claims:        []nothing{},
	}
	// Only what is known to be read counts as read.
	if m.JudgedFrom != FromUpdate {
		m.JudgedFrom = FromFacts
	}
	for _, p := range d.Verdict.Packs {
		m.Inputs = append(m.Inputs, Input{"pack", p.Name, p.Version, p.Digest})
	}
	m.Inputs = append(m.Inputs, d.Inputs...)
	for i := range d.Verdict.Results {
		m.Results = append(m.Results, resultOf(&d.Verdict.Results[i], d.Settings))
	}
	for _, g := range d.Gaps {
		if g.Blinds == nil {
			g.Blinds = []fact.Kind{}
		}
		if g.Subjects == nil {
			g.Subjects = []fact.Subject{}
		}
		m.Gaps = append(m.Gaps, g)
	}
	for _, p := range d.Partitions {
		m.Inventory.Partitions = append(m.Inventory.Partitions, partition{p.Name, p.Slot, p.Mount, p.Form, p.Size, p.Files, p.At})
	}
	for _, a := range d.Apps {
		m.Inventory.Apps = append(m.Inventory.Apps, app{a.Package, a.VersionCode, a.VersionName, a.TargetSDK, a.Code.Form, a.At})
	}
	return m, nil
}

func settingsOf(s policies.Settings) settings {
	out := settings{FailOn: s.FailOn, Strict: s.Strict, Stage: s.Stage}
	if out.FailOn == "" {
		out.FailOn = policies.SeverityLow
	}
	if out.Stage == "" {
		out.Stage = policies.StageReleased
	}
	if s.Unknown != "" {
		out.Unknown = &s.Unknown
	}
	return out
}

func resultOf(r *policies.Result, s policies.Settings) result {
	out := result{Rule: r.Policy.ID, Title: oneLine(r.Policy.Title), Severity: r.Policy.Severity, Level: r.Level,
		Status: r.Status, Subjects: []subject{}, Missing: []string{}, remedy: oneLine(r.Policy.Remedy)}
	// Whether an unknown counts is for Exit alone to say.
	alone := policies.Verdict{Results: []policies.Result{*r}}
	out.warns = r.Status == policies.StatusUnknown && alone.Exit(s) == policies.ExitPass
	if r.Pack != nil {
		out.Pack = r.Pack.Name
	}
	missing := set{list: &out.Missing}
	for i := range r.Judgements {
		j := &r.Judgements[i]
		out.Subjects = append(out.Subjects, subjectOf(r.Policy.ID, j))
		if j.Status == policies.StatusUnknown {
			for _, m := range j.Missing {
				missing.add(m.What)
			}
		}
	}
	for _, d := range r.Defects {
		missing.add("a defect of the rule: " + d)
	}
	return out
}

func subjectOf(rule string, j *policies.Judgement) subject {
	out := subject{Subject: j.Subject, Status: j.Status, Fingerprint: policies.Fingerprint(rule, j.Subject),
		Assumptions: []string{}, Evidence: []evidence{}}
	show := func(role string, at fact.Location, detail string) {
		out.Evidence = append(out.Evidence, evidence{role, len(out.Evidence) + 1, at, detail})
	}
	var said []string
	message := set{list: &said}
	switch j.Status {
	case policies.StatusFail:
		for _, v := range j.Violations {
			message.add(v.Message)
			for _, e := range v.Evidence {
				show(e.Role, e.At, e.Detail)
			}
		}
	case policies.StatusUnknown:
		for _, m := range j.Missing {
			message.add(m.What)
			if m.At != nil {
				show("absent", *m.At, m.What)
			}
		}
	default:
		message.add(j.Message)
	}
	out.Message = strings.Join(said, "; ")
	if j.Status == policies.StatusUnknown {
		out.Message = "not known: " + out.Message
	}
	for _, a := range j.Assumptions {
		out.Assumptions = append(out.Assumptions, a.What)
	}
	return out
}

// A set adds texts to a list once each.
type set struct {
	list *[]string
	seen map[string]bool
}

func (s *set) add(text string) {
	if text == "" || s.seen[text] {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[text] = true
	*s.list = append(*s.list, text)
}

// oneLine joins the lines of a text that a pack's author broke for reading.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

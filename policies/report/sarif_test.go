package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// sarifValid is the standard's own schema, formats of URIs included.
func sarifValid(t *testing.T) func([]byte) error {
	t.Helper()
	text, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(sarifSchema, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(sarifSchema)
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}
}

func readSARIF(t *testing.T, text []byte) *sarifRun {
	t.Helper()
	var log sarifLog
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if len(log.Runs) != 1 || log.Version != "2.1.0" || log.Schema != sarifSchema {
		t.Fatalf("%d runs, version %s", len(log.Runs), log.Version)
	}
	return &log.Runs[0]
}

// goldenFile holds what is printed against a file.
func goldenFile(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *updateFiles {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is written (go test ./policies/report -update, and look at the difference):\n%s", file, got)
	}
}

func TestSARIFGolden(t *testing.T) {
	valid := sarifValid(t)
	for name, d := range documents(t) {
		got := render(t, "sarif", d)
		if again := render(t, "sarif", d); !bytes.Equal(got, again) {
			t.Errorf("%s differs from run to run", name)
		}
		if err := valid(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		github(t, name, got)
		goldenFile(t, name+".sarif", got)
	}
}

func TestSARIFSchemaRefuses(t *testing.T) {
	valid := sarifValid(t)
	text := render(t, "sarif", document(t, facts(), allStatuses(), policies.Settings{}))
	for _, change := range [][2]string{
		{`"kind": "open"`, `"kind": "unknown"`}, {`"level": "none"`, `"level": "info"`}, {`"startLine": 12`, `"startLine": 0`},
		{`"uri": "update.zip"`, `"uri": "::"`}, {`"exitCode": 1`, `"exit": 1`},
	} {
		if !bytes.Contains(text, []byte(change[0])) {
			t.Fatalf("no %s in the log", change[0])
		}
		if valid(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)) == nil {
			t.Errorf("the schema takes %s", change[1])
		}
	}
}

// github checks what the documentation of GitHub's code scanning asks for besides
// the schema: what is marked required there and not empty, and the limits.
func github(t *testing.T, name string, text []byte) {
	t.Helper()
	run := readSARIF(t, text)
	say := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: "+format, append([]any{name}, args...)...)
	}
	if n, err := gzipped(text); err != nil || n > 10_000_000 {
		say("%d bytes, %v", n, err)
	}
	if run.Tool.Driver.Name == "" || len(run.Results) > 25_000 || len(run.Tool.Driver.Rules) > 25_000 {
		say("%q, %d results, %d rules", run.Tool.Driver.Name, len(run.Results), len(run.Tool.Driver.Rules))
	}
	category, _, ok := strings.Cut(run.AutomationDetails.ID, "/")
	if !ok || category != "otavet" {
		say("no category: %q", run.AutomationDetails.ID)
	}
	ids := map[string]bool{}
	for _, r := range run.Tool.Driver.Rules {
		for _, text := range []string{r.ShortDescription.Text, r.FullDescription.Text} {
			if n := len([]rune(text)); n == 0 || n > 1024 {
				say("%s: a description of %d characters", r.ID, n)
			}
		}
		if r.ID == "" || ids[r.ID] || r.Help.Text == "" || r.Help.Markdown == "" || len(r.Properties.Tags) > 20 ||
			!slices.Contains([]string{"note", "warning", "error"}, r.DefaultConfiguration.Level) ||
			!slices.Contains([]string{"", "2.0", "5.5", "8.0", "9.5"}, r.Properties.SecuritySeverity) {
			say("rule %+v", r)
		}
		if slices.Contains(r.Properties.Tags, "security") != (r.Properties.SecuritySeverity != "") {
			say("%s: a score without the tag, or the tag without a score", r.ID)
		}
		ids[r.ID] = true
	}
	prints := map[string]bool{}
	for i, r := range run.Results {
		if r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.Message.Text == "" {
			say("result %d: rule %q, message %q", i, r.RuleID, r.Message.Text)
		}
		if (r.Kind == "fail") == (r.Level == "none") {
			say("result %d: kind %s, level %s", i, r.Kind, r.Level)
		}
		if len(r.Locations) != 1 || len(r.RelatedLocations) > 99 {
			say("result %d: %d locations, %d related", i, len(r.Locations), len(r.RelatedLocations))
		}
		for _, l := range slices.Concat(r.Locations, r.RelatedLocations) {
			relative(t, l.PhysicalLocation.ArtifactLocation.URI)
			if l.LogicalLocations[0].FullyQualifiedName == "" {
				say("result %d: a place without a name", i)
			}
		}
		for j, l := range r.RelatedLocations {
			if l.ID == nil || *l.ID != j+1 {
				say("result %d: related location %d has another id", i, j)
			}
		}
		p := r.PartialFingerprints["otavet/v1"]
		if p == "" || r.PartialFingerprints["primaryLocationLineHash"] != p+":1" || prints[p] {
			say("result %d: fingerprints %v", i, r.PartialFingerprints)
		}
		prints[p] = true
	}
}

// uriPath is a relative path of RFC 3986, without an empty segment.
var uriPath = regexp.MustCompile(`^(([A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+(/|$))+$`)

// relative checks that a URI stays in the folder that it is resolved in.
func relative(t *testing.T, text string) {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil || !uriPath.MatchString(text) || u.IsAbs() || u.Host != "" || len(text) > maxURI {
		t.Errorf("URI %.200q: %v", text, err)
		return
	}
	base := &url.URL{Scheme: "file", Path: "/a/b/"}
	if got := base.ResolveReference(u); !strings.HasPrefix(got.Path, "/a/b/") || got.Host != "" {
		t.Errorf("URI %q leads to %s", text, got)
	}
}

func TestSARIFPlaces(t *testing.T) {
	s := &sarif{m: &model{Update: update{Path: "my update.zip"}, Inputs: []Input{{Role: "base", Name: "old.zip"}}}}
	zero := fact.Location{Partition: "system", Path: "a"}
	for _, tc := range []struct {
		at   fact.Location
		uri  string
		base string
		want string // line, offset, name, kind
	}{
		{fact.Location{}, "my%20update.zip", "", "- -  "},
		{fact.Location{Partition: "boot"}, "boot", "UPDATE", "- -  "},
		{fact.Location{Update: "base", Path: "META-INF/a"}, "META-INF/a", "BASE", "- -  "},
		{fact.Location{Update: "base"}, "old.zip", "", "- -  "},
		{fact.Location{Partition: "system", Slot: "b", Path: "app/Mms.apk", Inner: []string{"classes.dex"}, Symbol: "Lcom/x/A;->m(I)V"}.AtOffset(26),
			"system_b/app/Mms.apk!/classes.dex", "UPDATE", "- 26 Lcom/x/A;->m(I)V function"},
		{fact.Location{Path: "META-INF/script", Symbol: "header"}.AtLine(12).AtOffset(99), "META-INF/script", "UPDATE", "12 - header "},
		{zero.AtOffset(0), "system/a", "UPDATE", "- 0  "},
		{zero.AtLine(0).AtOffset(-1), "system/a", "UPDATE", "- -  "},
		{fact.Location{Path: "../../etc/./passwd"}, "%252E%252E/%252E%252E/etc/%252E/passwd", "UPDATE", "- -  "},
		{fact.Location{Path: "//host/x"}, "host/x", "UPDATE", "- -  "},
		{fact.Location{Path: "a//b/"}, "a/%20/b/%20", "UPDATE", "- -  "},
		{fact.Location{Path: "http:x?y#z"}, "http%3Ax%3Fy%23z", "UPDATE", "- -  "},
		{fact.Location{Path: "50%25 %41 %zz é\\"}, "50%25%20%41%20%25zz%20%C3%A9%5C", "UPDATE", "- -  "},
	} {
		l := s.location(tc.at)
		relative(t, l.PhysicalLocation.ArtifactLocation.URI)
		line, offset := "-", "-"
		if r := l.PhysicalLocation.Region; r != nil && r.StartLine != nil {
			line = fmt.Sprint(*r.StartLine)
		}
		if r := l.PhysicalLocation.Region; r != nil && r.ByteOffset != nil {
			offset = fmt.Sprint(*r.ByteOffset)
		}
		name := l.LogicalLocations[0]
		got := strings.Join([]string{line, offset, name.Name, name.Kind}, " ")
		if a := l.PhysicalLocation.ArtifactLocation; a.URI != tc.uri || a.URIBaseID != tc.base || got != tc.want {
			t.Errorf("%s: %s in %q, %q; want %s in %q, %q", tc.at, a.URI, a.URIBaseID, got, tc.uri, tc.base, tc.want)
		}
		if want := tc.at.String(); name.FullyQualifiedName != want {
			t.Errorf("%q is called %q", want, name.FullyQualifiedName)
		}
	}
	long := s.uri(fact.Location{Path: strings.Repeat("é/", 5000)}).URI
	relative(t, long)
	if strings.HasSuffix(long, "%") || strings.HasSuffix(long, "%C") {
		t.Error("half an escape")
	}
}

// What is more than GitHub takes is left out from the mild end, and said.
func TestSARIFLimits(t *testing.T) {
	var js []policies.Judgement
	for i := range 26_000 {
		j := policies.Judgement{Subject: fact.Subject{Kind: "member", ID: fmt.Sprintf("m%05d", i)}, Status: policies.StatusPass}
		switch {
		case i > 25_990:
			j.Violations = []policies.Violation{{Message: "bad"}}
		case i > 25_900:
			j.Status, j.Missing = policies.StatusUnknown, []policies.Missing{{What: "a thing"}}
		}
		js = append(js, j)
	}
	d := document(t, facts(), []*policies.Pack{{Name: "p", Policies: []*policies.Policy{rule("bad", "Nothing is bad", policies.SeverityHigh, js...)}}}, policies.Settings{})
	d.Gaps = slices.Repeat(d.Gaps, 1200)
	text := render(t, "sarif", d)
	if err := sarifValid(t)(text); err != nil {
		t.Error(err)
	}
	github(t, "26,000", text)
	run := readSARIF(t, text)
	if c := sarifCounts(t, text); len(run.Results) != 25_000 || c.Fail != 9 || c.Unknown != 90 || run.Properties.SubjectCounts != d.Verdict.SubjectCounts {
		t.Errorf("%d results, %+v", len(run.Results), c)
	}
	if !noticed(run, "1000 of 26000 results are left out", "1000 pass, 0 fail, 0 unknown, 0 na, 0 waived") || !noticed(run, "200 more places were not looked at") {
		t.Error("nothing says what is left out")
	}
}

func noticed(run *sarifRun, texts ...string) bool {
	return slices.ContainsFunc(run.Invocations[0].Execution, func(n sarifNotification) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(n.Message.Text, text) })
	})
}

// noise is text that does not compress well.
func noise(seed, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x", sha256.Sum256(fmt.Append(nil, seed, i)))
	}
	return b.String()[:n]
}

func TestSARIFFileLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("compresses 40 MB, thrice")
	}
	var js []policies.Judgement
	for i := range 20_000 {
		j := policies.Judgement{Subject: fact.Subject{Kind: "member", ID: noise(i, 500)}, Status: policies.StatusPass, Message: noise(-i, 900)}
		if i%1000 == 0 {
			j.Violations = []policies.Violation{{Message: "bad"}}
		}
		js = append(js, j)
	}
	d := document(t, facts(), []*policies.Pack{{Name: "p", Policies: []*policies.Policy{rule("bad", "Nothing is bad", policies.SeverityHigh, js...)}}}, policies.Settings{})
	text := render(t, "sarif", d)
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	zw.Write(text)
	zw.Close()
	c := sarifCounts(t, text)
	if z.Len() > 10_000_000 || z.Len() < 7_000_000 || c.Fail != 20 || c.Pass == 0 {
		t.Errorf("%d bytes compressed, %+v", z.Len(), c)
	}
	if !noticed(readSARIF(t, text), "of 20000 results are left out") {
		t.Error("nothing says what is left out")
	}
}

func TestSARIFEvidence(t *testing.T) {
	var es []policies.Evidence
	for i := range 150 {
		at := fact.Location{Partition: "system", Path: fmt.Sprint(i)}
		if i == 0 {
			at.Update = "base"
		}
		es = append(es, policies.Evidence{Role: "step", Order: i, At: at, Detail: "a detail"})
	}
	j := policies.Judgement{Subject: fact.UpdateSubject, Violations: []policies.Violation{{Message: "bad", Evidence: es}}}
	d := document(t, facts(), []*policies.Pack{{Name: "p", Policies: []*policies.Policy{rule("bad", "Nothing is bad", policies.SeverityHigh, j)}}}, policies.Settings{})
	text := render(t, "sarif", d)
	github(t, "evidence", text)
	r := readSARIF(t, text).Results[0]
	if len(r.RelatedLocations) != 99 || r.Properties.EvidenceLeftOut != 50 || r.RelatedLocations[0].PhysicalLocation.ArtifactLocation.URIBaseID != "BASE" {
		t.Errorf("%d related, %d left out", len(r.RelatedLocations), r.Properties.EvidenceLeftOut)
	}
	if at := r.Locations[0].PhysicalLocation.ArtifactLocation; at.URI != "system/1" || at.URIBaseID != "UPDATE" {
		t.Errorf("the place is %+v, in the older update or none of the first", at)
	}
}

// The levels that people filter by.
func TestSARIFLevels(t *testing.T) {
	for _, tc := range []struct {
		severity     policies.Severity
		level        policies.Level
		want, scored string
	}{
		{policies.SeverityCritical, policies.LevelRequired, "error", "9.5"}, {policies.SeverityHigh, policies.LevelRequired, "error", "8.0"},
		{policies.SeverityMedium, policies.LevelRequired, "warning", "5.5"}, {policies.SeverityLow, policies.LevelRequired, "note", "2.0"},
		{policies.SeverityInfo, policies.LevelRequired, "note", ""}, {policies.SeverityCritical, policies.LevelAdvisory, "note", ""},
	} {
		p := rule("bad", "Nothing is bad", tc.severity, policies.Judgement{Subject: fact.UpdateSubject, Violations: []policies.Violation{{Message: "bad"}}})
		p.Level = tc.level
		run := readSARIF(t, render(t, "sarif", document(t, facts(), []*policies.Pack{{Name: "p", Policies: []*policies.Policy{p}}}, policies.Settings{})))
		r := run.Tool.Driver.Rules[0]
		if run.Results[0].Level != tc.want || r.DefaultConfiguration.Level != tc.want || r.Properties.SecuritySeverity != tc.scored {
			t.Errorf("%s, %s: %s, %q", tc.severity, tc.level, run.Results[0].Level, r.Properties.SecuritySeverity)
		}
	}
	s := &sarif{m: &model{Results: []result{{Rule: "r", Title: "t", Severity: policies.SeverityHigh}}}}
	for state, want := range map[string]string{"new": "new", "known": "unchanged", "fixed": "absent"} {
		if got := s.result(finding{0, &subject{Status: policies.StatusFail, Baseline: &state}}); got.BaselineState != want {
			t.Errorf("%s is %q", state, got.BaselineState)
		}
	}
}

func TestSARIFRuleTexts(t *testing.T) {
	p := rule("bad", "Nothing is `bad` <b>", policies.SeverityHigh)
	p.Rationale = "Because of *this*,\n  [click](https://evil.example/) {0} & <img src=x onerror=alert(1)>."
	p.LooksAt = "1. signatures\n# of all\n- kinds"
	p.References = []policies.Reference{{Title: "A page", URL: "https://example.org/a?b=c"}, {Title: "bad", URL: "javascript:alert(1)"},
		{URL: "https://example.org/x) <b>"}, {Title: "Use of default cryptographic key", CWE: 1394}, {CWE: 20}, {URL: "https://u:p@example.org/"},
		{Title: "old", URL: "ftp://example.org/"}}
	r := readSARIF(t, render(t, "sarif", document(t, facts(), []*policies.Pack{{Name: "p", Policies: []*policies.Policy{p}}}, policies.Settings{}))).Tool.Driver.Rules[0]
	if r.HelpURI != "https://example.org/a?b=c" || !slices.Equal(r.Properties.Tags, []string{"security", "p", "external/cwe/cwe-1394", "external/cwe/cwe-020"}) {
		t.Errorf("%s, %v", r.HelpURI, r.Properties.Tags)
	}
	if strings.ContainsAny(r.Help.Markdown, "<>") || strings.Contains(r.Help.Markdown, "](https://evil") || strings.Count(r.Help.Markdown, "](") != 1 {
		t.Errorf("markdown: %s", r.Help.Markdown)
	}
	if want := `**Why:** Because of \*this\*, \[click\] \(https\://evil\.example/\) {{0}} &amp; &lt;img src\=x onerror\=alert\(1\)&gt;\.`; !strings.Contains(r.Help.Markdown, want) {
		t.Errorf("markdown: %s", r.Help.Markdown)
	}
	if strings.Contains(r.Help.Text, "](") || strings.Contains(r.Help.Text, "javascript") || !strings.Contains(r.Help.Text, "{{0}} & <img") {
		t.Errorf("text: %s", r.Help.Text)
	}
}

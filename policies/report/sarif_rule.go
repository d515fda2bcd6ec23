package report

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/otavet/otavet/policies"
)

// rule describes the rule of a result of the model.
func (s *sarif) rule(i int) sarifRule {
	r, p := &s.m.Results[i], s.d.Verdict.Results[i].Policy
	out := sarifRule{
		ID:                   sarifName(r.Rule),
		ShortDescription:     sarifMessage{sarifText(orNone(r.Title, r.Rule), maxSARIFText)},
		FullDescription:      sarifMessage{sarifText(orNone(oneLine(p.Rationale), orNone(r.Title, r.Rule)), maxSARIFText)},
		Help:                 sarifHelpOf(r, p),
		DefaultConfiguration: sarifConfiguration{sarifLevel(r)},
		Properties: sarifRuleProperties{Tags: []string{}, Pack: sarifName(r.Pack),
			Severity: r.Severity, Level: r.Level},
	}
	if r.Level != policies.LevelAdvisory {
		// With a score GitHub takes the alert's severity from it and not from the
		// level, and may refuse a change for it. An advisory rule must not do that.
		out.Properties.SecuritySeverity = map[policies.Severity]string{policies.SeverityLow: "2.0", policies.SeverityMedium: "5.5",
			policies.SeverityHigh: "8.0", policies.SeverityCritical: "9.5"}[r.Severity]
	}
	tag := func(text string) {
		if text = sarifName(text); text != "" && len(out.Properties.Tags) < maxSARIFTags {
			for _, have := range out.Properties.Tags {
				if have == text {
					return
				}
			}
			out.Properties.Tags = append(out.Properties.Tags, text)
		}
	}
	if out.Properties.SecuritySeverity != "" {
		tag("security")
	}
	tag(r.Pack)
	for _, ref := range p.References {
		if ref.CWE > 0 {
			tag(fmt.Sprintf("external/cwe/cwe-%03d", ref.CWE)) // as CodeQL spells it
		}
		if link := webURL(ref.URL); link != "" && out.HelpURI == "" {
			out.HelpURI = link
		}
	}
	return out
}

// webURL is a URL that one may offer to click on; "" if it is none.
func webURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	// Not all that Go takes is a URI, nor harmless within markdown.
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}()[]", c) >= 0 {
			return ""
		}
	}
	return text
}

// sarifHelpOf says why a rule exists, what it looks at and what to do, as text
// and as markdown. None of the rule's texts is markdown: a pack may come from anywhere.
func sarifHelpOf(r *result, p *policies.Policy) sarifHelp {
	var text, markdown []string
	section := func(head, body string) {
		if body = oneLine(body); body == "" {
			return
		}
		body = sarifText(body, maxSARIFHelp)
		text = append(text, head+" "+body)
		markdown = append(markdown, "**"+head+"** "+escapeMarkdown(body))
	}
	section("What must hold:", orNone(r.Title, r.Rule))
	section("Why:", p.Rationale)
	section("What it looks at:", p.LooksAt)
	section("What to do:", p.Remedy)
	var plain, list []string
	for i, ref := range p.References {
		if i == maxShown {
			break
		}
		title, link := sarifText(oneLine(ref.Title), maxSARIFText), webURL(ref.URL)
		if ref.CWE > 0 {
			if title != "" {
				title += " "
			}
			title += fmt.Sprintf("(CWE-%d)", ref.CWE)
		}
		switch {
		case link != "":
			plain = append(plain, strings.TrimSpace(title+" "+link))
			list = append(list, "- ["+escapeMarkdown(orNone(title, link))+"]("+link+")")
		case title != "":
			plain = append(plain, title)
			list = append(list, "- "+escapeMarkdown(title))
		}
	}
	if len(plain) > 0 {
		text = append(text, "To read: "+strings.Join(plain, "; "))
		markdown = append(markdown, "**To read:**\n\n"+strings.Join(list, "\n"))
	}
	return sarifHelp{strings.Join(text, "\n\n"), strings.Join(markdown, "\n\n")}
}

// escapeMarkdown writes a text so that GitHub Flavored Markdown shows it as it
// is. Braces are no syntax there, and are doubled already (see sarifText).
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;") // the standard forbids HTML, and some look for it before they read markdown
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]()#|~!:.+-=$@^", r):
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// sarifText makes a text fit to be a message of SARIF: one line, printable, of at
// most most characters, without what the standard takes for a link or for a
// placeholder. Spaces stay where they are.
func sarifText(s string, most int) string { return fit(s, most, true) }

// sarifName is the same for what is no message: there, braces and brackets are
// nothing special.
func sarifName(s string) string { return fit(s, maxURI, false) }

func fit(s string, most int, message bool) string {
	var b strings.Builder
	n := 0
	for i, word := range strings.Split(s, " ") {
		word = Terminal{}.clean(word)
		if message {
			// [text](link); a backslash would not do, as one may stand before.
			word = strings.ReplaceAll(word, "](", "] (")
		}
		if i > 0 {
			word = " " + word
		}
		for _, r := range word {
			piece := string(r)
			if message && (r == '{' || r == '}') {
				piece += piece // as the standard wants them
			}
			if n += utf8.RuneCountInString(piece); n >= most {
				return b.String() + "…"
			}
			b.WriteString(piece)
		}
	}
	return b.String()
}

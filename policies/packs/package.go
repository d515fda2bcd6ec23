package packs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

func packageUnambiguous(f *fact.Facts) []policies.Judgement {
	layout := updateOf(f).Layout
	if len(f.Members) == 0 {
		if layout == layoutFolder {
			return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindMembers, nil,
				"the package as it was published: a folder of its files does not show what readers of it might disagree on")}
		}
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindMembers, nil,
			"the members of the package: none was found in a file of layout %q", layout)}
	}
	taken := map[string]*fact.Member{}
	var out []policies.Judgement
	for i := range f.Members {
		m := &f.Members[i]
		subject := fact.Subject{Kind: "member", ID: m.Name}
		var vs []policies.Violation
		if m.Refused != "" {
			vs = append(vs, violation(fmt.Sprintf("readers of the package may disagree on %s: %s", m.Name, m.Refused),
				evidence("source", m.At, "%s", m.Refused)))
		} else if first, twice := taken[m.Name]; twice {
			vs = append(vs, violation(fmt.Sprintf("the package holds %s twice: which one counts depends on the reader", m.Name),
				evidence("source", first.At, "the first"), evidence("source", m.At, "another of the same name")))
		} else {
			taken[m.Name] = m
		}
		if why := escapes(m.Name); why != "" {
			vs = append(vs, violation(fmt.Sprintf("the name %s %s", m.Name, why), evidence("source", m.At, "%s", why)))
		}
		j := judgeNotes(subject, m.Notes, m.At)
		j.Violations = append(vs, j.Violations...)
		switch {
		case len(j.Violations) > 0:
			out = append(out, fail(subject, j.Violations...))
		case len(j.Assumptions) > 0:
			out = append(out, j)
		}
	}
	clean := len(f.Members) - len(out)
	whole := judgeNotes(fact.UpdateSubject, updateOf(f).Notes, updateOf(f).At)
	if len(whole.Violations) > 0 {
		return append(out, fail(fact.UpdateSubject, whole.Violations...))
	}
	whole.Message = fmt.Sprintf("%d of %d members read alike by all readers that are known", clean, len(f.Members))
	return append(out, whole)
}

// judgeNotes judges what the reader of the archive noted: nearly all of it says that
// readers see different things, or that bytes belong to nothing.
func judgeNotes(subject fact.Subject, notes []string, at fact.Location) policies.Judgement {
	j := pass(subject, "readers agree on it as far as is known")
	for _, n := range notes {
		switch {
		case slices.ContainsFunc(ordinary(), func(start string) bool { return strings.HasPrefix(n, start) }):
		case slices.ContainsFunc(mild(), func(start string) bool { return strings.HasPrefix(n, start) }),
			strings.HasPrefix(n, "the name is ") && strings.HasSuffix(n, " bytes long: minzip refuses the archive"),
			strings.HasSuffix(n, "(zeros, as for alignment)"):
			j.Assumptions = append(j.Assumptions, policies.Assumption{What: n, At: &at})
		default:
			j.Violations = append(j.Violations, violation("readers of the package may disagree: "+n, evidence("source", at, "%s", n)))
		}
	}
	return j
}

// ordinary are the beginnings of notes on what every signed update has.
func ordinary() []string { return []string{"a comment of ", "an APK signing block of "} }

// mild are the beginnings of notes on what is odd, and what either no reader minds or
// only recoveries before Android 8 refuse. Any other note, known or not, counts in full.
func mild() []string {
	return []string{"differs from entry ", "a folder with ", "its attributes do not say ", "a symbolic link", "its data descriptor is missing",
		"the name is not plain ASCII: ", "made on system "}
}

// escapes says how a name could lead out of the folder that it is unpacked in. A
// backslash separates folders for some tools.
func escapes(name string) string {
	switch {
	case strings.HasPrefix(name, "/"):
		return "begins at the root: it could be written outside the folder it is unpacked in"
	case strings.Contains(name, `\`):
		return "holds a backslash, which some tools take for a folder"
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "leads upwards: it could be written outside the folder it is unpacked in"
	}
	return ""
}

const metadataFile = "META-INF/com/android/metadata"

// metadataOf gives the records of the text form by key.
func metadataOf(f *fact.Facts) map[string][]*fact.Metadata {
	out := map[string][]*fact.Metadata{}
	for i := range f.Metadata {
		if m := &f.Metadata[i]; m.File == metadataFile {
			out[m.Key] = append(out[m.Key], m)
		}
	}
	return out
}

func metadataPresent(f *fact.Facts) []policies.Judgement {
	meta := metadataOf(f)
	u := updateOf(f)
	if !wouldShow(f, fact.KindMetadata, metadataFile) {
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindMetadata, nil, "%s: it was not, or not wholly, read", metadataFile)}
	}
	if len(meta) == 0 {
		switch u.Layout {
		case layoutZipFiles, layoutZipBlock, layoutZipPayload:
			return []policies.Judgement{fail(fact.UpdateSubject, violation(
				"the package does not say what it is for: it has no "+metadataFile,
				evidence("absent", u.At, "no %s", metadataFile)))}
		case layoutAPK, layoutAPEX, layoutPayload, layoutFastboot, layoutFactory, layoutOdin, layoutTargetFiles, layoutSuper, layoutImage:
			return []policies.Judgement{na(fact.UpdateSubject, "what has the layout %s is no update package, and has no such file", u.Layout)}
		}
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindMetadata, nil,
			"%s: it is not in what was given, a file or folder of layout %q", metadataFile, u.Layout)}
	}
	var vs []policies.Violation
	for _, need := range []struct{ key, why string }{
		{"post-build", "which build it brings"},
		{"post-timestamp", "when that build was made, so that an older one can be refused"},
		{"pre-device", "for which device it is"},
	} {
		if !slices.ContainsFunc(meta[need.key], func(m *fact.Metadata) bool { return m.Value != "" }) {
			vs = append(vs, violation("the package does not say "+need.why+": "+metadataFile+" lacks "+need.key,
				evidence("absent", fact.Location{Path: metadataFile}, "no line %s=", need.key)))
		}
	}
	if len(vs) > 0 {
		return []policies.Judgement{fail(fact.UpdateSubject, vs...)}
	}
	return []policies.Judgement{pass(fact.UpdateSubject, "it says which build it brings, and for which device")}
}

// messageFile is the binary form of what metadataFile says; update_engine reads this one.
const messageFile = "META-INF/com/android/metadata.pb"

// bothForms compares the text with the binary form. Both are written from one, so that what one says
// and the other does not, or otherwise, was changed later. What only the text can say is not compared.
func bothForms(f *fact.Facts, text map[string][]*fact.Metadata) []policies.Violation {
	var vs []policies.Violation
	for i := range f.Metadata {
		m := &f.Metadata[i]
		if m.File != messageFile || strings.HasPrefix(m.Key, "field ") || strings.HasSuffix(m.Key, "-partition-state") {
			continue
		}
		same := text[m.Key]
		switch {
		case len(same) == 0:
			vs = append(vs, violation(fmt.Sprintf("%s says %s and %s does not: readers of one and of the other see different updates", messageFile, m.Key, metadataFile),
				evidence("source", m.At, "%s=%s", m.Key, m.Value)))
		case same[0].Value != m.Value:
			vs = append(vs, violation(fmt.Sprintf("%s and %s say %s differently: readers of one and of the other see different updates", metadataFile, messageFile, m.Key),
				evidence("source", same[0].At, "%s=%s", m.Key, same[0].Value), evidence("source", m.At, "%s=%s", m.Key, m.Value)))
		}
	}
	return vs
}

func metadataConsistent(f *fact.Facts) []policies.Judgement {
	meta := metadataOf(f)
	if len(meta) == 0 {
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindMetadata, nil, "%s: there is none to compare", metadataFile)}
	}
	var vs []policies.Violation
	keys := make([]string, 0, len(meta))
	for k := range meta {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		first := meta[k][0]
		for _, m := range meta[k][1:] {
			if m.Value != first.Value {
				vs = append(vs, violation(fmt.Sprintf("%s says %s twice and not the same: which one counts depends on the reader", metadataFile, k),
					evidence("source", first.At, "%s=%s", k, first.Value), evidence("source", m.At, "%s=%s", k, m.Value)))
				break
			}
		}
	}
	vs = append(vs, bothForms(f, meta)...)
	asked := assertedDevices(f)
	devices := meta["pre-device"]
	if len(devices) == 0 || devices[0].Value == "" {
		devices = nil
	}
	var open []policies.Judgement
	switch {
	case asked.call == nil:
	case devices == nil:
		open = append(open, unknown(fact.UpdateSubject, fact.KindMetadata, nil, "the device in %s, to compare with what the installer script asks for", metadataFile))
	default:
		said := strings.FieldsFunc(devices[0].Value, func(r rune) bool { return r == ',' || r == '|' || r == ' ' })
		switch {
		case slices.ContainsFunc(said, func(d string) bool { return asked.names[d] }):
		case asked.cut:
			open = append(open, unknown(fact.UpdateSubject, fact.KindScript, &asked.call.At, "all devices that the installer script asks for: the condition is too long to be recorded whole"))
		default:
			vs = append(vs, violation(
				fmt.Sprintf("the metadata is for %s, the installer script asks for another device", devices[0].Value),
				evidence("source", devices[0].At, "pre-device=%s", devices[0].Value),
				evidence("guard", asked.call.At, "%s", asked.text)))
		}
	}
	switch {
	case len(vs) > 0:
		return []policies.Judgement{fail(fact.UpdateSubject, vs...)}
	case len(open) > 0:
		return open
	case asked.call == nil:
		return []policies.Judgement{pass(fact.UpdateSubject, "the metadata does not contradict itself; no installer script asks for a device by name")}
	}
	return []policies.Judgement{pass(fact.UpdateSubject, "metadata and installer script are for the same device")}
}

// An asked is what an installer script asks of the device's name.
type asked struct {
	names map[string]bool
	call  *fact.Script // the first that asks; nil: none does
	text  string       // its question
	cut   bool         // a question was too long to be recorded whole
}

// assertedDevices gives the device names without which the script goes no
// further: those that an assert demands, and those whose absence leads to an
// abort.
func assertedDevices(f *fact.Facts) asked {
	out := asked{names: map[string]bool{}}
	for i := range f.Script {
		s := &f.Script[i]
		var questions []string
		switch {
		case s.Never:
		case s.Call == "assert":
			questions = slices.DeleteFunc(slices.Clone(s.Args), func(a string) bool { return strings.HasPrefix(a, "!") })
		case s.Call == "abort" && strings.HasPrefix(s.Conditional, "!("):
			questions = []string{s.Conditional}
		}
		for _, q := range questions {
			names := comparedDevices(q)
			if len(names) == 0 {
				continue
			}
			if out.call == nil {
				out.call, out.text = s, q
			}
			out.cut = out.cut || strings.Contains(q, "…")
			for _, n := range names {
				out.names[n] = true
			}
		}
	}
	return out
}

// comparedDevices finds getprop("ro.product.device") == "NAME" and the same with
// ro.build.product, also the other way round.
func comparedDevices(text string) []string {
	var out []string
	for _, prop := range []string{"ro.product.device", "ro.build.product"} {
		call := `getprop("` + prop + `")`
		rest := text
		for {
			before, after, ok := strings.Cut(rest, call)
			if !ok {
				break
			}
			if right, ok := strings.CutPrefix(strings.TrimLeft(after, " "), "=="); ok {
				if q, ok := strings.CutPrefix(strings.TrimLeft(right, " "), `"`); ok {
					if name, _, ok := strings.Cut(q, `"`); ok {
						out = append(out, name)
					}
				}
			} else if left, ok := strings.CutSuffix(strings.TrimRight(before, " "), "=="); ok {
				if q, ok := strings.CutSuffix(strings.TrimRight(left, " "), `"`); ok {
					out = append(out, q[strings.LastIndexByte(q, '"')+1:])
				}
			}
			rest = after
		}
	}
	return out
}

// payloadHashes knows so far only where there is no payload at all: in an update
// whose installer script writes files or blocks, and that holds none.
func payloadHashes(f *fact.Facts) []policies.Judgement {
	const name = "payload.bin"
	scripted := updateOf(f).Layout == layoutZipFiles || updateOf(f).Layout == layoutZipBlock
	holds := slices.ContainsFunc(f.Members, func(m fact.Member) bool { return path.Base(m.Name) == name })
	if scripted && !holds && len(f.Members) > 0 && wouldShow(f, fact.KindMembers, name) {
		return []policies.Judgement{na(fact.UpdateSubject, "an installer script writes this update, and none of its %d members is a payload", len(f.Members))}
	}
	var out []policies.Judgement
	for i := range f.Signatures {
		sig := &f.Signatures[i]
		subject := fact.Subject{Kind: "partition", ID: sig.Subject}
		switch {
		case sig.Scheme != schemePartitionHash:
		case sig.Holds == nil:
			out = append(out, unknown(subject, fact.KindSignatures, &sig.At, "whether the hash of %s holds: %s", sig.Subject, sig.Reason))
		case *sig.Holds:
			out = append(out, pass(subject, "as the payload declares"))
		default:
			out = append(out, fail(subject, violation(fmt.Sprintf("%s is not what the payload declares: %s", sig.Subject, sig.Reason), evidence("source", sig.At, "%s", sig.Reason))))
		}
	}
	if len(out) > 0 {
		return out
	}
	if !payloadLayout(updateOf(f).Layout) && !holds && wouldShow(f, fact.KindMembers, name) {
		return []policies.Judgement{na(fact.UpdateSubject, "what has the layout %s holds no payload", updateOf(f).Layout)}
	}
	return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil,
		"the hashes of the partitions that the payload writes: none was computed")}
}

// payloadLayout tells whether an update of the layout has a payload, or may have one among what was not looked into.
func payloadLayout(layout string) bool {
	switch layout {
	case layoutFastboot, layoutFactory, layoutOdin, layoutTargetFiles, layoutSuper, layoutImage, layoutAPK, layoutAPEX:
		return false
	}
	return true
}

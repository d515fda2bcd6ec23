package fact

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A Location says where a statement can be checked. All names in it are
// spelled as they were where they entered, with bytes that are not plain text
// written %XX, so it is printable as it stands.
type Location struct {
	Update    string   `json:"update,omitempty"`    // "" the update, "base" the older one it is held against
	Outer     []string `json:"outer,omitempty"`     // members of the package that lead to the partition's image
	Partition string   `json:"partition,omitempty"` // "" the package itself
	Slot      string   `json:"slot,omitempty"`      // "a", "b" or ""
	Path      string   `json:"path,omitempty"`      // within the partition, or a member of the package; "" the whole of it
	Device    string   `json:"device,omitempty"`    // absolute path on the running device
	Inner     []string `json:"inner,omitempty"`     // members of the file, and of the member, and so on
	Symbol    string   `json:"symbol,omitempty"`    // class and method, header field, key: the format's own word
	Offset    *int64   `json:"offset,omitempty"`    // byte in the deepest stored bytes
	Line      *int64   `json:"line,omitempty"`      // line of a text file, counted from 1
	SHA256    string   `json:"sha256,omitempty"`    // of the deepest stored bytes, in hexadecimal
	Derived   string   `json:"derived,omitempty"`   // what was computed from those bytes, if the statement is about that
}

// String is the one text form of a Location:
//
//	[base!] [PARTITION[_SLOT] ":"] PATH {"!/" MEMBER} ["#" [SYMBOL] ["@0x" OFFSET] ["@" LINE]]
//
// for example
//
//	system:app/Mms.apk!/classes.dex#Lcom/x/A;->m(I)V@0x1a
//	META-INF/com/google/android/updater-script#@12
//	base!boot:
//	.
//
// A lone "." is the update itself. Names cannot hold ! # or : because those are
// written %XX; a symbol's own % and @ are written %25 and %40. Outer, Device, SHA256 and Derived are
// not part of it: they follow from the update.
func (l Location) String() string {
	var b strings.Builder
	if l.Update != "" {
		b.WriteString(l.Update + "!")
	}
	if l.Partition != "" {
		b.WriteString(l.Partition)
		if l.Slot != "" {
			b.WriteString("_" + l.Slot)
		}
		b.WriteString(":")
	}
	if l.Path == "" && l.Partition == "" {
		b.WriteString(".")
	}
	b.WriteString(l.Path)
	for _, m := range l.Inner {
		b.WriteString("!/" + m)
	}
	if l.Symbol == "" && l.Offset == nil && l.Line == nil {
		return b.String()
	}
	b.WriteString("#" + symbolEscaper.Replace(l.Symbol))
	if l.Offset != nil {
		fmt.Fprintf(&b, "@0x%x", *l.Offset)
	}
	if l.Line != nil {
		fmt.Fprintf(&b, "@%d", *l.Line)
	}
	return b.String()
}

var (
	symbolEscaper   = strings.NewReplacer("%", "%25", "@", "%40")
	symbolUnescaper = strings.NewReplacer("%25", "%", "%40", "@")
)

// ParseLocation reads the text form. It accepts what String writes, and also a
// path that begins with a slash, as people type it. A name that ends in _a or _b
// before the colon is a partition with a slot.
func ParseLocation(text string) (Location, error) {
	fail := func(why string) (Location, error) {
		return Location{}, fmt.Errorf("location %q: %s", text, why)
	}
	var l Location
	rest := text
	if after, ok := strings.CutPrefix(rest, "base!"); ok && !strings.HasPrefix(after, "/") {
		l.Update, rest = "base", after
	}
	rest, frag, hasFrag := strings.Cut(rest, "#")
	members := strings.Split(rest, "!/")
	head := members[0]
	if len(members) > 1 {
		l.Inner = members[1:]
	}
	if name, path, ok := strings.Cut(head, ":"); ok {
		if name == "" {
			return fail("no partition before the colon")
		}
		l.Partition, head = name, path
		if n := len(name); n > 2 && (name[n-2:] == "_a" || name[n-2:] == "_b") {
			l.Partition, l.Slot = name[:n-2], name[n-1:]
		}
	}
	l.Path = strings.TrimLeft(head, "/")
	if l.Path == "." {
		l.Path = ""
	}
	if text == "" {
		return fail("empty")
	}
	for _, name := range append([]string{l.Partition, l.Path}, l.Inner...) {
		if strings.ContainsAny(name, "!:") {
			return fail("a name's own ! or : is written %21 or %3A")
		}
	}
	for _, m := range l.Inner {
		if m == "" {
			return fail("an empty member name after !/")
		}
	}
	if !hasFrag {
		return l, nil
	}
	if frag == "" {
		return fail("nothing after #")
	}
	if err := l.parseFragment(frag); err != nil {
		return fail(err.Error())
	}
	return l, nil
}

func (l *Location) parseFragment(frag string) error {
	if strings.Contains(frag, "#") {
		return fmt.Errorf("a second #")
	}
	parts := strings.Split(frag, "@")
	if len(parts) > 3 {
		return fmt.Errorf("more than an offset and a line after #")
	}
	l.Symbol = symbolUnescaper.Replace(parts[0])
	for _, p := range parts[1:] {
		hex, isOffset := strings.CutPrefix(p, "0x")
		base, digits := 10, p
		if isOffset {
			base, digits = 16, hex
		}
		n, err := strconv.ParseInt(digits, base, 64)
		if err != nil || n < 0 || strings.HasPrefix(digits, "+") {
			return fmt.Errorf("%q is neither an offset (0x…) nor a line", p)
		}
		switch {
		case isOffset && l.Offset == nil && l.Line == nil:
			l.Offset = &n
		case !isOffset && l.Line == nil:
			l.Line = &n
		default:
			return fmt.Errorf("offset and line out of order")
		}
	}
	return nil
}

// MarshalJSON writes the fields and, for readers, the text form as "text".
func (l Location) MarshalJSON() ([]byte, error) {
	type plain Location
	return json.Marshal(struct {
		plain
		Text string `json:"text"`
	}{plain(l), l.String()})
}

// AtOffset is l with a byte offset.
func (l Location) AtOffset(off int64) Location { l.Offset = &off; return l }

// AtLine is l with a line number.
func (l Location) AtLine(n int64) Location { l.Line = &n; return l }

// InMember is l one container deeper; offset, line, symbol and hash of the outer
// file do not carry over.
func (l Location) InMember(name string) Location {
	l.Inner = append(append([]string(nil), l.Inner...), name)
	l.Offset, l.Line, l.Symbol, l.SHA256, l.Derived = nil, nil, "", "", ""
	return l
}

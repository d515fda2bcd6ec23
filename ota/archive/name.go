package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/otavet/otavet/ota/parse"
)

// pathMax is the length from which minzip refuses a name; PATH_MAX.
const pathMax = 4096

// maxDepth bounds the elements of a name. Each costs a folder and a look at the
// whole path up to it, so that a name of 64 KiB would cost a gigabyte of
// hashing; real ones have a dozen.
const maxDepth = 256

// memberPath is the path under which the file system shows the name, or why it
// cannot.
func memberPath(raw string) (path, why string) {
	if raw == "" {
		return "", "the name is empty"
	}
	if raw[0] == '/' {
		return "", "the name is an absolute path"
	}
	raw = strings.TrimSuffix(raw, "/")
	depth := 0
	for elem := range strings.SplitSeq(raw, "/") {
		if depth++; depth > maxDepth {
			return "", "the name has more than 256 elements"
		}
		switch elem {
		case "":
			return "", "the name has an empty element"
		case ".", "..":
			return "", "the name has the element " + elem
		}
	}
	return parse.Escape(raw), ""
}

// noteName notes what is odd about a name, on e.
func noteName(e *Entry, raw string) {
	var nul, control, unprintable, wide bool
	for _, r := range raw {
		switch {
		case r == 0:
			nul = true
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			control = true
		case r > unicode.MaxASCII:
			wide = true
			if !unicode.IsPrint(r) {
				unprintable = true
			}
		}
	}
	switch {
	case !utf8.ValidString(raw):
		e.note("the name is not UTF-8: libziparchive, Java and minzip refuse the archive")
	case nul:
		e.note("the name holds a NUL byte: libziparchive, Java and minzip refuse the archive")
	case control:
		e.note("the name holds a control character: minzip refuses the archive")
	case unprintable:
		e.note("the name holds a character that does not print or turns the direction of writing: minzip refuses the archive")
	case wide:
		e.note("the name is not plain ASCII: minzip refuses the archive")
	}
	if len(raw) >= pathMax {
		e.note("the name is %d bytes long: minzip refuses the archive", len(raw))
	}
	if strings.Contains(raw, `\`) {
		e.note("the name holds a backslash, which parts folders on Windows")
	}
	for elem := range strings.SplitSeq(raw, "/") {
		if why := windowsElem(elem); why != "" {
			e.note("%s", why)
			return
		}
	}
}

// windowsElem says what Windows makes of an element of a path, if that is not
// what everybody else does.
func windowsElem(s string) string {
	if len(s) >= 2 && s[1] == ':' && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') {
		return "the name begins with a drive letter on Windows"
	}
	if strings.Contains(s, ":") {
		return "the name names a file's stream on Windows"
	}
	if s == "" || s == "." || s == ".." {
		return ""
	}
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, " ") {
		return "the name has an element that ends with a dot or a space, which Windows drops"
	}
	base, _, _ := strings.Cut(s, ".")
	base = strings.TrimRight(base, " ")
	for _, device := range [...]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} {
		if strings.EqualFold(base, device) {
			return "the name names a device on Windows"
		}
	}
	if len(base) == 4 && base[3] >= '0' && base[3] <= '9' && (strings.EqualFold(base[:3], "COM") || strings.EqualFold(base[:3], "LPT")) {
		return "the name names a device on Windows"
	}
	return ""
}

// foldKey is equal for two names that some file system cannot tell apart: those
// that differ in the case of letters, in whether an accented letter is one
// character or two, or in a trailing slash.
func foldKey(raw string) string {
	raw = strings.TrimSuffix(raw, "/")
	ascii := true
	for i := 0; i < len(raw); i++ {
		if raw[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToUpper(raw)
	}
	if !utf8.ValidString(raw) {
		return raw
	}
	var b strings.Builder
	for _, r := range raw {
		for _, d := range decompose(r) {
			b.WriteRune(foldRune(d))
		}
	}
	return b.String()
}

// foldRune is the least character that differs from r in case only.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// twin says in what two names differ that foldKey takes for one.
func twin(a, b string) string {
	switch {
	case strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/"):
		return "a trailing slash"
	case strings.EqualFold(a, b):
		return "the case of letters"
	}
	return "the Unicode form of letters"
}

// composed lists, by combining mark, the letters of Latin-1, Latin Extended-A
// and a few beyond that have a canonical decomposition, each behind its base
// letter: the part of UnicodeData.txt that file names in updates could hold. The
// whole of it is in no package of the standard library.
var composed = [...]struct {
	mark    rune
	letters string
}{
	{0x300, "AÀEÈIÌNǸOÒUÙaàeèiìnǹoòuù"},
	{0x301, "AÁCĆEÉGǴIÍLĹNŃOÓRŔSŚUÚYÝZŹaácćeégǵiílĺnńoórŕsśuúyýzź"},
	{0x302, "AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷ"},
	{0x303, "AÃIĨNÑOÕUŨaãiĩnñoõuũ"},
	{0x304, "AĀEĒIĪOŌUŪaāeēiīoōuū"},
	{0x306, "AĂEĔGĞIĬOŎUŬaăeĕgğiĭoŏuŭ"},
	{0x307, "CĊEĖGĠIİZŻcċeėgġzż"},
	{0x308, "AÄEËIÏOÖUÜYŸaäeëiïoöuüyÿ"},
	{0x30a, "AÅUŮaåuů"},
	{0x30b, "OŐUŰoőuű"},
	{0x30c, "AǍCČDĎEĚGǦIǏNŇOǑRŘSŠTŤUǓZŽaǎcčdďeěgǧiǐlľnňoǒrřsštťuǔzž"},
	{0x327, "CÇGĢKĶLĻNŅRŖSŞTŢcçgģkķlļnņrŗsştţ"},
	{0x328, "AĄEĘIĮUŲaąeęiįuų"},
}

// decompose is the canonical decomposition of r, of those that composed lists
// and of Hangul syllables (Unicode 3.12).
func decompose(r rune) []rune {
	const (
		sBase, lBase, vBase, tBase = 0xac00, 0x1100, 0x1161, 0x11a7
		vCount, tCount, sCount     = 21, 28, 11172
	)
	switch {
	case r < 0xc0:
	case r >= sBase && r < sBase+sCount:
		s := r - sBase
		out := []rune{lBase + s/(vCount*tCount), vBase + s%(vCount*tCount)/tCount}
		if t := s % tCount; t > 0 {
			out = append(out, tBase+t)
		}
		return out
	case r < 0x250:
		for _, m := range composed {
			var base rune
			for _, c := range m.letters {
				if c < utf8.RuneSelf {
					base = c
				} else if c == r {
					return []rune{base, m.mark}
				}
			}
		}
	}
	return []rune{r}
}

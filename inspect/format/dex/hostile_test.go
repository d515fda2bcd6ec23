package dex_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A hostile is a file made to mislead. Where dexdump, whose checks are ART 11's, comes to
// another answer than we do, differs says why.
type hostile struct {
	name    string
	recipe  recipe
	change  func(*built)
	raw     []byte // in place of both
	kind    error  // nil: read
	msg     string // in our error, or in our notes
	differs string
}

func (h hostile) bytes() []byte {
	if h.raw != nil {
		return h.raw
	}
	x := build(h.recipe)
	if h.change != nil {
		h.change(x)
	}
	return x.seal().b
}

const methodVerifier = "ART's file verifier leaves instructions to the method verifier, which refuses the class"

func hostiles() []hostile {
	format, limit, unsupported := parse.ErrFormat, parse.ErrLimit, parse.ErrUnsupported
	op := func(u ...uint16) recipe { return recipe{insns: u, notries: true} }
	names := func(change func([]string)) recipe {
		s := []string{"A.java", "I", "LA;", "LB;", "Ljava/lang/Object;", "V", "VI", "f", "m", "n"}
		change(s)
		return recipe{strings: s}
	}
	return []hostile{
		{name: "the plain file"},
		{name: "empty", raw: []byte{}, kind: format, msg: "shorter"},
		{name: "magic", change: func(x *built) { x.b[0]++ }, kind: format, msg: "magic"},
		{name: "version 036", change: func(x *built) { x.b[6] = '6' }, kind: unsupported, msg: "unknown version"},
		{name: "endian tag reversed", change: func(x *built) { x.u32("header", 40, 0x78563412) }, kind: unsupported, msg: "big-endian"},
		{name: "endian tag", change: func(x *built) { x.u32("header", 40, 0) }, kind: format, msg: "endian"},
		{name: "header size", change: func(x *built) { x.u32("header", 36, 0x78) }, kind: format, msg: "header size"},
		{name: "041 with the header of 040", recipe: recipe{version: "041"}, change: func(x *built) { x.u32("header", 36, 0x70) }, kind: format, msg: "header size"},
		{name: "041 in a container of no size", recipe: recipe{version: "041"}, change: func(x *built) { x.u32("header", 112, 0) }, kind: format, msg: "container size"},
		{name: "041 in a container of 2^32-1", recipe: recipe{version: "041"}, change: func(x *built) { x.u32("header", 112, 0xffffffff) }, kind: format, msg: "container size"},
		{name: "041 whose header stands elsewhere", recipe: recipe{version: "041"}, change: func(x *built) { x.u32("header", 116, 4) }, kind: format, msg: "where it says"},
		{name: "file_size too large", change: func(x *built) { x.u32("header", 32, uint32(len(x.b)+1)) }, kind: format, msg: "file size"},
		{name: "file_size below the header", change: func(x *built) { x.u32("header", 32, 0x6f) }, kind: format, msg: "file size"},
		{name: "file_size negative", change: func(x *built) { x.u32("header", 32, 0xffffffff) }, kind: format, msg: "file size"},
		{name: "bytes behind the end", change: func(x *built) { x.b = append(x.b, 1, 2, 3, 4) }, msg: "4 bytes follow", differs: "ART 11 refuses it, today's reads it"},
		{name: "map outside", change: func(x *built) { x.u32("header", 52, uint32(len(x.b))) }, kind: format, msg: "no map"},
		{name: "map not aligned", change: func(x *built) { x.u32("header", 52, uint32(x.at["map"]+2)) }, kind: format, msg: "no map"},
		{name: "map of 2^32 items", change: func(x *built) { x.u32("map", 0, 0xffffffff) }, kind: limit, msg: "more records"},
		{name: "map longer than the file", change: func(x *built) { x.u32("map", 0, 1000) }, kind: format, msg: "a count"},
		{name: "map items overlap", change: func(x *built) { x.u32("map", 4+2*12+8, uint32(x.at["strings"]+4)) }, kind: format, msg: "overlaps"},
		{name: "map items out of order", change: func(x *built) { x.u32("map", 4+2*12+8, 0) }, kind: format, msg: "out of order"},
		{name: "map lists a type twice", change: func(x *built) { x.u16("map", 4+2*12, 1) }, kind: format, msg: "twice"},
		{name: "map against header", change: func(x *built) { x.u32("map", 4+12+4, 9) }, kind: format, msg: "what the header says"},
		{name: "map of an unknown type", change: func(x *built) { x.u16("map", 4+13*12, 0x2007) }, msg: "no known kind",
			differs: "an unknown type is kept: nothing here needs it"},
		{name: "map without itself", change: func(x *built) { x.u16("map", 4+16*12, 0x3000) }, kind: format, msg: "no map"},
		{name: "strings outside", change: func(x *built) { x.u32("header", 56, 0x40000000) }, kind: format, msg: "string_ids lies outside"},
		{name: "types beyond 16 bits", change: func(x *built) { x.u32("header", 64, 0x10000) }, kind: format, msg: "16-bit"},
		{name: "methods not aligned", change: func(x *built) { x.u32("header", 92, uint32(x.at["methods"]+2)) }, kind: format, msg: "not aligned"},
		{name: "an empty table with an offset", change: func(x *built) { x.u32("header", 48, 4) }, msg: "has an offset", differs: "nothing reads the offset of an empty table"},
		{name: "string outside", change: func(x *built) { x.u32("strings", 0, 0xfffffff0) }, kind: format, msg: "string lies outside"},
		{name: "string does not end", change: func(x *built) {
			x.u32("strings", 36, uint32(len(x.b)))
			x.b = append(x.b, "\x03nnn"...)
			x.u32("header", 32, uint32(len(x.b)))
		}, kind: format, msg: "does not end"},
		{name: "strings unsorted", recipe: names(func(s []string) { s[7], s[8] = s[8], s[7] }), kind: format, msg: "string_ids are not sorted"},
		{name: "strings equal", recipe: names(func(s []string) { s[8] = "f" }), kind: format, msg: "string_ids are not sorted"},
		{name: "types unsorted", change: func(x *built) { x.u32("types", 4, 3); x.u32("types", 8, 2) }, kind: format, msg: "type_ids are not sorted"},
		{name: "type without descriptor", change: func(x *built) { x.u32("types", 16, 10) }, kind: format, msg: "no descriptor"},
		{name: "protos unsorted", change: func(x *built) { x.u32("protos", 4, 3); x.u32("protos", 16, 0) }, kind: format, msg: "proto_ids are not sorted"},
		{name: "protos equal", change: func(x *built) { x.u32("protos", 8, uint32(x.at["typelist"])) }, kind: format, msg: "proto_ids are not sorted"},
		{name: "protos unsorted by parameters", change: func(x *built) {
			x.u32("protos", 8, uint32(x.at["typelist"]))
			x.u32("protos", 20, 0)
		}, kind: format, msg: "proto_ids are not sorted"},
		{name: "parameters outside", change: func(x *built) { x.u32("typelist", 0, 0x7fffffff) }, kind: format, msg: "type list runs"},
		{name: "parameter of no type", change: func(x *built) { x.u16("typelist", 4, 5) }, kind: format, msg: "no such type"},
		{name: "field of no type", change: func(x *built) { x.u16("fields", 2, 9) }, kind: format, msg: "a field refers"},
		{name: "methods unsorted", change: func(x *built) { x.u32("methods", 4, 9); x.u32("methods", 12, 8) }, kind: format, msg: "method_ids are not sorted"},
		{name: "class of no type", change: func(x *built) { x.u32("class", 0, 5) }, kind: format, msg: "no type"},
		{name: "class extends no type", change: func(x *built) { x.u32("class", 8, 5) }, kind: format, msg: "extends no type"},
		{name: "class data outside", change: func(x *built) { x.u32("class", 24, uint32(len(x.b))) }, kind: format, msg: "class data"},
		{name: "2^32 members", recipe: recipe{data: "\x01\xff\xff\xff\xff\x0f\x00\x00"}, kind: format, msg: "more members"},
		{name: "uleb of six bytes, of which five are read", recipe: recipe{data: "\x81\x80\x80\x80\x80\x00\x00\x00\x00\x09\x00\x00"}},
		{name: "member without an id", recipe: recipe{data: "\x00\x00\x01\x00\x02\x09\x00"}, kind: format, msg: "without an id"},
		{name: "member index overflows", recipe: recipe{data: "\x00\x00\x02\x00\x01\x09\x00\xff\xff\xff\xff\x0f\x09\x00"}, kind: format, msg: "without an id"},
		{name: "member twice", recipe: recipe{data: "\x00\x00\x02\x00\x00\x89\x02\x00\x00\x89\x02\x00"}, kind: format, msg: "twice"},
		{name: "another class's member", change: func(x *built) { x.u32("class", 0, 2) }, kind: format, msg: "another class's"},
		{name: "code outside", recipe: recipe{data: "\x00\x00\x01\x00\x00\x09\xff\xff\xff\x7f"}, kind: format, msg: "code item"},
		{name: "code not aligned", recipe: recipe{data: "\x00\x00\x01\x00\x00\x09\xfe\x01"}, kind: format, msg: "not aligned"},
		{name: "code of no size with tries", change: func(x *built) { x.u32("code", 12, 0) }, kind: format, msg: "without instructions"},
		{name: "code of 2^32 units", change: func(x *built) { x.u32("code", 12, 0xffffffff) }, kind: format, msg: "instructions run"},
		{name: "more arguments than registers", change: func(x *built) { x.u16("code", 0, 0) }, kind: format, msg: "arguments than registers"},
		{name: "65535 tries", change: func(x *built) { x.u16("code", 6, 0xffff) }, kind: format, msg: "try blocks run"},
		{name: "try outside", change: func(x *built) { x.u16("try", 4, 5) }, kind: format, msg: "a try block runs"},
		{name: "try without handler", change: func(x *built) { x.u16("try", 6, 2) }, kind: format, msg: "has no handler"},
		{name: "tries overlap", recipe: recipe{again: true}, kind: format, msg: "overlap"},
		{name: "no handlers", recipe: recipe{handler: "\x00"}, kind: format, msg: "number of handlers"},
		{name: "2^32 handlers", recipe: recipe{handler: "\xff\xff\xff\xff\x0f"}, kind: format, msg: "number of handlers"},
		{name: "handler of -2^31 types", recipe: recipe{handler: "\x01\x80\x80\x80\x80\x78"}, kind: format, msg: "number of types"},
		{name: "handler leads nowhere", recipe: recipe{handler: "\x01\x7f\x03\x04\x01"}, kind: format, msg: "leads nowhere"},
		{name: "handler of no type", recipe: recipe{handler: "\x01\x7f\x05\x00\x01"}, kind: format, msg: "no type"},
		{name: "branch behind the end", recipe: op(0x0028|0x0200, 0x000e), kind: format, msg: "leads out", differs: methodVerifier},
		{name: "branch before the start", recipe: op(0x0028|0xff00, 0x000e), kind: format, msg: "leads out", differs: methodVerifier},
		{name: "branch of 2^31", recipe: op(0x002a, 0, 0x8000), kind: format, msg: "leads out", differs: methodVerifier},
		{name: "table outside", recipe: op(0x002b, 0x0100, 0, 0x000e), kind: format, msg: "leads out", differs: methodVerifier},
		{name: "table that is none", recipe: op(0x002b, 3, 0, 0x000e), kind: format, msg: "none", differs: methodVerifier},
		{name: "table of another kind", recipe: op(0x002b, 4, 0, 0x000e, 0x0200, 0), kind: format, msg: "none", differs: methodVerifier},
		{name: "table not aligned", recipe: op(0x002c, 3, 0, 0x0200, 0), kind: format, msg: "not aligned", differs: methodVerifier},
		{name: "packed table overruns", recipe: op(0x000e, 0, 0x0100, 0xffff, 0, 0), kind: format, msg: "a table overruns", differs: methodVerifier},
		{name: "packed table overruns by one", recipe: op(0x000e, 0, 0x0100, 0, 0), kind: format, msg: "a table overruns", differs: methodVerifier},
		{name: "sparse table overruns", recipe: op(0x000e, 0, 0x0200, 0xffff), kind: format, msg: "a table overruns", differs: methodVerifier},
		{name: "array of 2^48 bytes", recipe: op(0x000e, 0, 0x0300, 0xffff, 0xffff, 0xffff), kind: format, msg: "a table overruns", differs: methodVerifier},
		{name: "switch target outside", recipe: op(0x002b, 4, 0, 0x000e, 0x0100, 1, 0, 0, 0x0100, 0), kind: format, msg: "leads out", differs: methodVerifier},
		{name: "instruction overruns", recipe: op(0x000e, 0x0018), kind: format, msg: "an instruction overruns", differs: methodVerifier},
		{name: "string of no index", recipe: op(0x001a, 10, 0x000e), kind: format, msg: "refers to nothing", differs: methodVerifier},
		{name: "jumbo string of no index", recipe: op(0x001b, 0xffff, 0xffff, 0x000e), kind: format, msg: "refers to nothing", differs: methodVerifier},
		{name: "six arguments", recipe: op(0x6071, 1, 0, 0x000e), kind: format, msg: "five", differs: methodVerifier},
		{name: "register beyond", recipe: op(0x0003, 256, 0, 0x000e), kind: format, msg: "a register", differs: methodVerifier},
		{name: "range beyond", recipe: op(0xff77, 1, 2, 0x000e), kind: format, msg: "registers", differs: methodVerifier},
		{name: "debug outside", change: func(x *built) { x.u32("code", 8, uint32(len(x.b))) }},
		{name: "debug does not end", change: func(x *built) {
			x.u32("code", 8, uint32(len(x.b)))
			x.b = append(x.b, "\x07\x00\x0a\x0a"...)
			x.u32("header", 32, uint32(len(x.b)))
		}, kind: format, msg: "debug information runs", differs: "ART checks the debug items of the map only, and dexdump reads past the end"},
		{name: "debug of 2^32 names", recipe: recipe{debug: "\x01\xff\xff\xff\xff\x0f\x00"}, kind: format, msg: "names of parameters"},
		{name: "debug of many steps", recipe: recipe{debug: "\x01\x00" + strings.Repeat("\x0a", 1000) + "\x00"}, kind: limit, msg: "steps",
			differs: "a limit of ours: no compiler writes a thousand lines for four units"},
		{name: "values outside", change: func(x *built) { x.u32("class", 28, uint32(len(x.b))) }, kind: format, msg: "values run"},
		{name: "2^32 values", recipe: recipe{values: "\xff\xff\xff\xff\x0f"}, kind: format, msg: "values run"},
		{name: "value of no kind", recipe: recipe{values: "\x01\x05\x00"}, kind: format, msg: "no such kind"},
		{name: "value too wide", recipe: recipe{values: "\x01\x84\x00\x00\x00\x00\x00"}, kind: format, msg: "wrong size"},
		{name: "value refers to nothing", recipe: recipe{values: "\x01\x18\x05"}, kind: format, msg: "refers to nothing"},
		{name: "values 100 deep", recipe: recipe{element: strings.Repeat("\x1c\x01", 100) + "\x1e"}, kind: limit, msg: "too deep",
			differs: "ART recurses as deep as a file says"},
		{name: "values 100000 deep", // dexdump dies of it
			recipe: recipe{element: strings.Repeat("\x1c\x01", 100000) + "\x1e"}, kind: limit, msg: "too deep"},
		{name: "annotations 100 deep", recipe: recipe{element: strings.Repeat("\x1d\x02\x01\x07", 100) + "\x1e"}, kind: limit, msg: "too deep",
			differs: "ART recurses as deep as a file says"},
		{name: "annotation of no type", change: func(x *built) { x.b[x.at["annotation"]+1] = 5 }, kind: format, msg: "no type"},
		{name: "annotation of no visibility", change: func(x *built) { x.b[x.at["annotation"]] = 3 }, kind: format, msg: "no annotation"},
		{name: "annotation set of 300000", change: func(x *built) {
			x.u32("dir", 0, uint32(len(x.b)))
			x.b = le.AppendUint32(x.b, 300000)
			end := uint32(len(x.b) + 4*300000)
			for range 300000 {
				x.b = le.AppendUint32(x.b, end)
			}
			x.b = append(x.b, 1, 2, 0, 0) // an annotation without elements
			x.u32("header", 32, uint32(len(x.b)))
		}, kind: limit, msg: "more values"},
		{name: "annotation set of 2^32", change: func(x *built) { x.u32("set", 0, 0xffffffff) }, kind: format, msg: "no list"},
		{name: "annotated fields of 2^32", change: func(x *built) { x.u32("dir", 4, 0xffffffff) }, kind: format, msg: "annotations run"},
		{name: "a class twice", recipe: recipe{classes: 2}, kind: format, msg: "defined twice"},
		{name: "shared code", recipe: sharedCode(), kind: limit, msg: "share code", differs: "a limit of ours: two million units in 44 kB"},
	}
}

// readAll reads all that a file holds and gives the first error.
func readAll(b []byte) ([]*dex.File, error) {
	files, err := dex.Open(b, nil)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := dump(new(bytes.Buffer), f, b, &counts{}); err != nil {
			return files, err
		}
	}
	return files, nil
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles() {
		files, err := readAll(h.bytes())
		var pe *parse.Error
		switch {
		case h.kind == nil && err != nil:
			t.Errorf("%s: %v", h.name, err)
		case h.kind == nil && h.msg != "" && !strings.Contains(strings.Join(files[0].Notes, "\n"), h.msg):
			t.Errorf("%s: notes %q, want %q", h.name, files[0].Notes, h.msg)
		case h.kind == nil:
		case !errors.As(err, &pe) || !errors.Is(err, h.kind) || !strings.Contains(err.Error(), h.msg):
			t.Errorf("%s: %v; want %v: %s", h.name, err, h.kind, h.msg)
		case strings.Contains(h.name, "2^") && pe.Off < 0:
			t.Errorf("%s: %v has no offset", h.name, err)
		}
	}
}

// TestHostileDexdump asks dexdump the same: what it reads we read, what it refuses we refuse, but
// where the table says why not.
func TestHostileDexdump(t *testing.T) {
	tool := otatest.Tool(t, "dexdump")
	agree, differ := 0, 0
	for _, h := range hostiles() {
		path := filepath.Join(t.TempDir(), "x.dex")
		if err := os.WriteFile(path, h.bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, path).CombinedOutput()
		switch same := (err == nil) == (h.kind == nil); {
		case same && h.differs == "":
			agree++
		case !same && h.differs != "":
			differ++
		default:
			t.Errorf("%s: dexdump says %v, we say %v; %q\n%s", h.name, err, h.kind, h.differs, last(out))
		}
	}
	t.Logf("%d agree, %d differ as the table says", agree, differ)
}

func last(out []byte) []byte { return out[max(0, len(out)-300):] }

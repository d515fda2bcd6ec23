package ota

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// A flash is a command that writes a file to a partition.
type flash struct {
	partition string // with its slot
	file      string // base name
}

// flashed names images as the scripts of the package do, and adds the files that they
// flash and that are not called images. An image that no script names keeps its own name: a
// script may do more than is read of it.
func (p *Package) flashed(ctx context.Context, list []found, names []string) []found {
	var commands []flash
	for _, name := range names {
		if !isFlashScript(name) {
			continue
		}
		text, err := p.text(ctx, name)
		if err != nil {
			p.note(err)
			p.Notes = append(p.Notes, fmt.Sprintf("%s: %s", name, parse.EscapeText(err.Error())))
			continue
		}
		commands = append(commands, flashes(name, text)...)
	}
	to := targets(commands)
	if len(to) == 0 {
		return list
	}
	known := map[string]bool{}
	var out []found
	for _, f := range list {
		known[f.member] = true
		targets := to[path.Base(f.member)]
		if len(f.parts) > 0 || len(targets) == 0 {
			out = append(out, f)
			continue
		}
		for _, f.name = range targets {
			f.name = parse.Escape(f.name)
			out = append(out, f)
		}
	}
	for _, name := range names {
		if known[name] || splitImage.MatchString(trimEnding(path.Base(name))) {
			continue
		}
		for _, target := range to[path.Base(name)] {
			out = append(out, found{fsys: p.Members, member: name, name: parse.Escape(target)})
		}
	}
	return out
}

// isFlashScript tells the scripts and lists that say which file goes to which
// partition: Google's and Xiaomi's scripts for fastboot, Motorola's flashfile.xml and
// Qualcomm's rawprogram0.xml.
func isFlashScript(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch path.Ext(base) {
	case ".sh", ".bat":
		return strings.HasPrefix(base, "flash")
	case ".xml":
		return strings.HasPrefix(base, "flashfile") || strings.HasPrefix(base, "servicefile") || strings.HasPrefix(base, "rawprogram")
	}
	return false
}

// maxFlashes bounds the commands of one script: real ones have below two hundred.
const maxFlashes = 4096

// flashes reads the commands of a script. What it cannot follow, such as a file that a
// variable names, it passes over: images are found by their names all the same.
func flashes(name string, text []byte) []flash {
	if path.Ext(strings.ToLower(name)) == ".xml" {
		return xmlFlashes(text)
	}
	var list []flash
	for row := range bytes.SplitSeq(text, []byte("\n")) {
		m := flashCommand.FindSubmatch(row)
		if m == nil || len(list) == maxFlashes {
			continue
		}
		f := flash{strings.Trim(string(m[1]), `"'`), baseOf(string(m[2]))}
		if isName(f.partition) && isName(f.file) {
			list = append(list, f)
		}
	}
	return list
}

// flashCommand is fastboot [options] flash [options] PARTITION FILE, up to what a shell
// takes for the command's end. A comment before it makes it none.
var flashCommand = regexp.MustCompile(`^[^#:]*\bfastboot\b[^|&;#]*?\sflash(?::raw)?\s+(?:-\S+\s+)*(\S+)\s+([^|&;>#]+)`)

// baseOf is the last element of a file as scripts write it: behind `dirname $0`/images/
// in a shell, behind %~dp0images\ in a batch file.
func baseOf(file string) string {
	file = strings.Trim(strings.TrimSpace(file), `"'`)
	return file[strings.LastIndexAny(file, `/\ `)+1:]
}

// isName leaves out what a variable or pattern stands for.
func isName(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsAny(s, "$%*?`{}()<>\"'")
}

// xmlFlashes reads <step operation="flash" partition= filename=> and <program label= filename=>.
func xmlFlashes(text []byte) []flash {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = false
	var list []flash
	for len(list) < maxFlashes {
		token, err := d.RawToken()
		if err != nil {
			return list // what came before it holds
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attr := map[string]string{}
		for _, a := range start.Attr {
			attr[a.Name.Local] = a.Value
		}
		f := flash{attr["partition"], baseOf(attr["filename"])}
		switch {
		case start.Name.Local == "step" && attr["operation"] == "flash":
		case start.Name.Local == "program":
			f.partition = attr["label"]
		default:
			continue
		}
		if isName(f.partition) && isName(f.file) {
			list = append(list, f)
		}
	}
	return list
}

// targets are the partitions that scripts flash each file to, without the slot where
// a file goes to both.
func targets(list []flash) map[string][]string {
	out := map[string][]string{}
	for _, f := range list {
		if !slices.Contains(out[f.file], f.partition) {
			out[f.file] = append(out[f.file], f.partition)
		}
	}
	for file, names := range out {
		for _, name := range slices.Clone(names) {
			base, slot := splitSlot(name)
			if slot == "a" && slices.Contains(names, base+"_b") {
				names = slices.DeleteFunc(names, func(n string) bool { return n == base+"_a" || n == base+"_b" || n == base })
				names = append(names, base)
			}
		}
		slices.Sort(names)
		out[file] = names
	}
	return out
}

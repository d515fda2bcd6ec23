// Package props reads the property files of the system: build.prop and its kin.
//
// It reads as init does: LoadProperties in system/core/init/property_service.cpp
// (Android 8 to 15), and load_properties in property_service.c before, which make
// the same of a file, but for import lines, which came with Android 4.4.
package props

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Extractor makes a fact of each line that sets a property. Which of several files
// wins, and which names and values init refuses, differs between releases and is
// not said here. A line that imports another file is a gap: that file may stand
// where no update reaches.
var Extractor = &inspect.Extractor{
	Name:      "props",
	Doc:       "system properties that the property files set",
	Emits:     []fact.Kind{fact.KindProperties},
	Installed: true,
	Match:     match,
	Run:       run,
}

// names are the files that init reads properties from, in any release.
var names = map[string]bool{
	"build.prop":     true,
	"default.prop":   true, // the root's, to Android 10; the vendor's
	"prop.default":   true, // /system/etc/prop.default in Android 8 to 11, the recovery's
	"local.prop":     true, // of /data, where a build is debuggable
	"factory.prop":   true,
	"adb_debug.prop": true, // of the debug ramdisk, Android 10 and later
}

// roots are names of folders that are the root of a partition, or of a ramdisk
// in a dump.
var roots = map[string]bool{
	"system": true, "vendor": true, "product": true, "system_ext": true, "odm": true, "oem": true,
	"system_dlkm": true, "vendor_dlkm": true, "odm_dlkm": true, "factory": true, "data": true, "root": true,
	"ramdisk": true, "first_stage_ramdisk": true, "second_stage_resources": true,
}

// ramdisks are the partitions whose files stand inside an image that is itself a
// file.
var ramdisks = []string{"boot", "init_boot", "vendor_boot", "vendor_kernel_boot", "recovery"}

// match takes installed files by their names, in the root of a partition or in
// its etc: other files of the name, such as those of an APEX, init does not read.
func match(at fact.Location, _ fs.FileInfo, _ func() []byte) bool {
	if at.Partition == "" {
		return false
	}
	if n := len(at.Inner); n > 0 {
		return slices.Contains(ramdisks, at.Partition) && placed(at.Inner[n-1])
	}
	return placed(at.Path) || at.Device != "" && placed(at.Device)
}

func placed(name string) bool {
	dir, base := path.Split("/" + strings.TrimPrefix(name, "/"))
	if !names[base] {
		return false
	}
	dir = strings.TrimSuffix(dir, "/")
	dir = strings.TrimSuffix(dir, "/etc/ramdisk") // of the boot image's own build.prop
	dir = strings.TrimSuffix(dir, "/etc")
	return dir == "" || roots[path.Base(dir)]
}

// maxSize and maxLines bound a file: the largest of real devices, with all that
// vendors add, have some 1000 lines and 64 KiB.
const (
	maxSize  = 1 << 20
	maxLines = 1 << 14 // that set a property or import
)

func run(_ context.Context, f *inspect.File) (fact.Facts, error) {
	var facts fact.Facts
	data, err := blob.ReadAll(f.Blob, maxSize)
	if err != nil {
		return facts, err
	}
	for l := range lines(data) {
		if len(facts.Properties)+len(facts.Gaps) == maxLines {
			return facts, &parse.Error{Format: "property file", Off: l.off, Msg: "more lines than are allowed", Got: maxLines, Kind: parse.ErrLimit}
		}
		at := f.At.AtOffset(l.off).AtLine(l.number)
		if l.file != "" {
			facts.Gaps = append(facts.Gaps, imported(l, at))
			continue
		}
		facts.Properties = append(facts.Properties, fact.Property{Name: parse.EscapeText(l.key), Value: parse.EscapeText(l.value), At: at})
	}
	return facts, nil
}

func imported(l line, at fact.Location) fact.Gap {
	reason := "the file imports " + l.file
	if l.filter != "" {
		reason = fmt.Sprintf("the file imports %s of %s", l.filter, l.file)
	}
	if strings.Contains(l.file, "$") {
		reason += ", whose name hangs on other properties" // ExpandProps
	}
	return fact.Gap{At: at, Reason: parse.EscapeText(reason + ": imports are not followed"), Cause: fact.CauseMissing,
		Blinds:   []fact.Kind{fact.KindProperties, fact.KindSettings},
		Subjects: []fact.Subject{{Kind: "file", ID: parse.Escape(l.file)}}}
}

// A line is one that init acts on: it sets a property, or imports a file.
type line struct {
	number, off  int64 // from 1; of the line's first byte
	key, value   string
	file, filter string
}

// space are the characters of isspace in the C locale: a carriage return is one,
// so that files of another system's editors read like any.
const space = " \t\n\v\f\r"

// lines are those that init acts on. It takes the file for a C string: what
// stands behind a zero byte, and what stands before it in the same line, is not read.
func lines(data []byte) func(yield func(line) bool) {
	return func(yield func(line) bool) {
		l := line{number: 1}
		zero := bytes.IndexByte(data, 0)
		for len(data) > 0 {
			text, next := data, len(data)
			if i := bytes.IndexByte(data, '\n'); i >= 0 {
				text, next = data[:i], i+1
			}
			if zero >= 0 && l.off+int64(len(text)) > int64(zero) {
				return
			}
			if read(&l, string(text)) && !yield(l) {
				return
			}
			l = line{number: l.number + 1, off: l.off + int64(next)}
			data = data[next:]
		}
	}
}

// read reads one line: space around it goes, then that around the key and before
// the value. It tells whether there is anything to do.
func read(l *line, s string) bool {
	s = strings.Trim(s, space)
	if s == "" || s[0] == '#' {
		return false
	}
	if rest, ok := strings.CutPrefix(s, "import "); ok {
		l.file, l.filter, _ = strings.Cut(strings.TrimLeft(rest, space), " ")
		l.filter = strings.TrimLeft(l.filter, space)
		return l.file != ""
	}
	key, value, ok := strings.Cut(s, "=")
	l.key, l.value = strings.TrimRight(key, space), strings.TrimLeft(value, space)
	return ok && l.key != "" // no release takes a property without a name
}

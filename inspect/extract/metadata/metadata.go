// Package metadata reads what an update says of itself: META-INF/com/android/metadata
// and its binary form metadata.pb, and payload_properties.txt.
package metadata

import (
	"bytes"
	"context"
	"io/fs"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Extractor reads the files that describe an update: one fact for each line
// "key=value". Lines without a = are kept with an empty value; empty lines are
// not facts.
var Extractor = &inspect.Extractor{
	Name:  "metadata",
	Doc:   "what the update says of itself: build, device, time",
	Emits: []fact.Kind{fact.KindMetadata},
	Match: match,
	Run:   run,
}

// names are the files, as AOSP's release tools write them.
var names = map[string]bool{
	"META-INF/com/android/metadata": true,
	"payload_properties.txt":        true,
	messageName:                     true,
}

const messageName = "META-INF/com/android/metadata.pb"

func match(at fact.Location, _ fs.FileInfo, _ func() []byte) bool {
	return at.Partition == "" && len(at.Inner) == 0 && names[at.Path]
}

// maxSize bounds the file: real ones are below 4 KiB, and those of incrementals
// with a property file list below 64 KiB.
const maxSize = 1 << 20

func run(_ context.Context, f *inspect.File) (fact.Facts, error) {
	if f.At.Path == messageName {
		return message(f)
	}
	var facts fact.Facts
	data, err := blob.ReadAll(f.Blob, maxSize)
	if err != nil {
		return facts, err
	}
	var line, off int64
	for len(data) > 0 {
		text := data
		next := len(data)
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			text, next = data[:i], i+1
		}
		line++
		if s := strings.TrimSuffix(string(text), "\r"); strings.TrimSpace(s) != "" {
			key, value, _ := strings.Cut(s, "=")
			facts.Metadata = append(facts.Metadata, fact.Metadata{File: f.At.Path,
				Key: parse.EscapeText(strings.TrimSpace(key)),
				// ota-property-files is padded with spaces to a fixed length.
				Value: parse.EscapeText(strings.TrimSpace(value)),
				At:    f.At.AtOffset(off).AtLine(line)})
		}
		off += int64(next)
		data = data[next:]
	}
	return facts, nil
}

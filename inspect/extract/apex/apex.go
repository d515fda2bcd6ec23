// Package apex reads the manifests of APEX modules: system/apex/proto/apex_manifest.proto
// of AOSP, and the JSON of the same fields that Android 10 had.
//
// A module is a zip whose apex_payload.img holds the files; a compressed one
// (CAPEX) holds such a zip as original_apex; a flattened one is a folder of the files
// themselves. All have their manifest at the top.
package apex

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"path"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

// Extractor makes a fact of each module.
var Extractor = &inspect.Extractor{
	Name:      "apex",
	Doc:       "APEX modules, by their manifests",
	Emits:     []fact.Kind{fact.KindModules},
	Installed: true,
	Match:     match,
	Run:       run,
}

const (
	manifest     = "apex_manifest.pb"
	manifestJSON = "apex_manifest.json"
	payload      = "apex_payload.img"
	original     = "original_apex"
)

// Forms of a module.
const (
	formAPEX      = "apex"
	formCAPEX     = "capex"
	formFlattened = "flattened"
)

// match takes manifests: of a file that is called as a module is, of a folder below apex, and of
// a module that is the update itself. The manifest within a module's image says the same again.
func match(at fact.Location, _ fs.FileInfo, _ func() []byte) bool {
	file := at.Path
	switch n := len(at.Inner); {
	case n == 1:
		if ext := path.Ext(at.Path); ext != ".apex" && ext != ".capex" {
			return false
		}
		file = at.Inner[0]
	case n > 1:
		return false
	case at.Partition != "":
		if path.Base(path.Dir(path.Dir("/"+file))) != "apex" {
			return false
		}
		file = path.Base(file)
	}
	return file == manifest || file == manifestJSON
}

// maxSize bounds a manifest: real ones have below 4 KiB.
const maxSize = 1 << 20

func run(ctx context.Context, f *inspect.File) (fact.Facts, error) {
	dir := path.Dir(f.Path)
	beside := func(name string) bool { _, err := fs.Stat(f.FS, path.Join(dir, name)); return err == nil }
	if path.Base(f.Path) == manifestJSON && beside(manifest) {
		return fact.Facts{}, nil // which is the one that apexd reads
	}
	data, err := blob.ReadAll(f.Blob, maxSize)
	if err != nil {
		return fact.Facts{}, err
	}
	m := fact.Module{Form: formFlattened, At: f.At}
	if path.Base(f.Path) == manifestJSON {
		err = readJSON(data, &m)
	} else {
		err = readMessage(data, &m)
	}
	if err != nil {
		return fact.Facts{}, err
	}
	if m.Name == "" {
		return fact.Facts{}, &parse.Error{Format: manifest, Off: 0, Msg: "a module without a name", Kind: parse.ErrFormat}
	}
	if f.At.Partition == "" || len(f.At.Inner) > 0 {
		m.Form = formAPEX
		if beside(original) {
			m.Form = formCAPEX
		}
		m.Payload = filesystem(ctx, f)
	}
	return fact.Facts{Modules: []fact.Module{m}}, nil
}

// Fields of ApexManifest.
const (
	fieldName        = 1 // name
	fieldVersion     = 2 // version
	fieldVersionName = 5 // versionName
)

// readMessage reads apex_manifest.pb. Of a field that is there twice the last counts.
func readMessage(data []byte, m *fact.Module) error {
	msg := wire.Read(manifest, data, 0)
	for {
		f, ok := msg.Next()
		switch {
		case !ok:
			return msg.Err()
		case f.Number == fieldName && f.Type == wire.Bytes:
			m.Name = parse.EscapeText(string(f.Data))
		case f.Number == fieldVersion && f.Type == wire.Varint:
			m.Version = f.Int64()
		case f.Number == fieldVersionName && f.Type == wire.Bytes:
			m.VersionName = parse.EscapeText(string(f.Data))
		}
	}
}

// readJSON reads apex_manifest.json. A version may stand as a string, as JSON of protobuf has it.
func readJSON(data []byte, m *fact.Module) error {
	var v struct {
		Name        string      `json:"name"`
		Version     json.Number `json:"version"`
		VersionName string      `json:"versionName"`
	}
	bad := func(err error) error {
		return &parse.Error{Format: manifestJSON, Off: -1, Msg: parse.EscapeText(err.Error()), Kind: parse.ErrFormat}
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&v); err != nil {
		return bad(err)
	}
	m.Name, m.VersionName = parse.EscapeText(v.Name), parse.EscapeText(v.VersionName)
	if v.Version == "" {
		return nil
	}
	var err error
	if m.Version, err = v.Version.Int64(); err != nil {
		return bad(err)
	}
	return nil
}

// filesystem is that of the module's image; "" where it cannot be read, of which the walk into the
// module makes a gap.
func filesystem(ctx context.Context, f *inspect.File) string {
	fsys, budget := f.FS, f.Budget
	for _, name := range []string{original, payload} {
		if _, err := fs.Stat(fsys, name); name == original && err != nil {
			continue
		}
		b, closer, err := ota.OpenBlob(ctx, fsys, name, f.Spool)
		if err != nil {
			return ""
		}
		defer closer()
		if fsys, budget, err = ota.Inside(ctx, b, budget, f.Spool); err != nil {
			return ""
		}
		if c, ok := fsys.(io.Closer); ok {
			defer c.Close()
		}
	}
	return ota.FilesystemName(fsys)
}

package apk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Extractor makes an app of each APK: one fact.App, its components and
// permissions, and a fact.Default for whether each component is enabled and for
// each switch among the application's meta-data.
//
// Where an app's code is not in the APK as DEX, and where a file that its manifest
// names cannot be read, there is a gap whose subject is the app. An APK of which
// nothing can be said is an error.
var Extractor = &inspect.Extractor{
	Name:      "apk",
	Doc:       "apps: manifest, components, permissions, network security, where their code is",
	Emits:     []fact.Kind{fact.KindApps, fact.KindComponents, fact.KindPermissions, fact.KindDefaults},
	Installed: true,
	Match:     match,
	Run:       run,
}

const (
	manifestName = "AndroidManifest.xml"
	tableName    = "resources.arsc"
)

// match takes ZIP files called *.apk, in this case of letters: the package manager
// looks at no others (ApkLiteParseUtils.isApkPath). What stands inside another
// file is looked at where that is an APEX, whose apps are installed too, and not
// where it is an app, whose assets are not. In an update that is one lone APK, it
// takes the manifest, because there is no file that the APK would be: see inspect.File.Lone.
func match(at fact.Location, _ fs.FileInfo, head func() []byte) bool {
	if at.Partition == "" && len(at.Inner) == 0 && at.Path == manifestName {
		return !bytes.HasPrefix(bytes.TrimLeft(head(), "\xef\xbb\xbf \t\r\n"), []byte("<")) // source text
	}
	name, outer := at.Path, []string(nil)
	if n := len(at.Inner); n > 0 {
		name, outer = at.Inner[n-1], append([]string{at.Path}, at.Inner[:n-1]...)
	}
	if !strings.HasSuffix(name, ".apk") || len(outer) > 0 && !slices.ContainsFunc(outer, isAPEX) {
		return false
	}
	return bytes.HasPrefix(head(), []byte("PK\x03\x04"))
}

func isAPEX(name string) bool {
	return strings.HasSuffix(name, ".apex") || strings.HasSuffix(name, ".capex")
}

// A reader reads one APK.
type reader struct {
	ctx  context.Context
	f    *inspect.File // whose Inside is the APK's members
	lone bool          // the APK is the update
	at   fact.Location // of the APK

	manifestAt fact.Location
	table      *arsc.Table    // nil where there is none that can be read
	packages   map[uint8]bool // package ids of table
	configs    map[uint32]int // how many configurations each type of it has, by package and type id
	cache      map[uint32]resolved

	app     fact.App
	target  int64 // the target SDK that is known where the parser stands; 0 none yet
	process string
	guard   string // permission of the application
	enabled []variant
	noted   map[string]bool
	classes map[[2]string]int // where components stand in facts, by kind and name
	left    int64             // work that may still be done
	err     error             // why reading stops

	facts fact.Facts
}

// maxWork bounds what one app may cost, in bytes of text that become facts: those
// of the largest real apps, with some thousand components, stay below 4 MiB. Without it, a manifest of many
// elements that all name one long string, or one resource of many
// configurations, would make facts of their product.
const maxWork = 16 << 20

// spend pays for work.
func (r *reader) spend(n int64) {
	if r.left -= n; r.left < 0 && r.err == nil {
		r.err = &parse.Error{Format: "apk", Off: -1, Msg: "the facts of the app would be larger than is allowed", Got: int64(maxWork), Kind: parse.ErrLimit}
	}
}

// maxNotes bounds the notes on one app; no real one has ten.
const maxNotes = 100

// A raw is a text as it stands in the file.
type raw string

// note records what is odd and yet read by devices, once. Arguments are printable,
// or raw.
func (r *reader) note(format string, args ...any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case raw:
			args[i] = parse.EscapeText(string(arg))
		case error:
			args[i] = parse.EscapeText(arg.Error())
		}
	}
	s := fmt.Sprintf(format, args...)
	if r.spend(int64(len(s))); r.err != nil || r.noted[s] || len(r.app.Notes) > maxNotes {
		return
	}
	if len(r.app.Notes) == maxNotes {
		s = "and more"
	}
	r.noted[s] = true
	r.app.Notes = append(r.app.Notes, s)
}

func run(ctx context.Context, f *inspect.File) (fact.Facts, error) {
	r := &reader{ctx: ctx, f: f, at: f.At, left: maxWork, noted: map[string]bool{}, classes: map[[2]string]int{}, cache: map[uint32]resolved{},
		packages: map[uint8]bool{}, configs: map[uint32]int{}}
	if f.At.Partition == "" && len(f.At.Inner) == 0 && f.At.Path == manifestName {
		if !f.Lone {
			return fact.Facts{}, nil
		}
		whole := *f
		whole.Inside = f.FS
		r.f, r.lone, r.at = &whole, true, fact.Location{}
	}
	if r.f.Inside == nil {
		return fact.Facts{}, nil // the driver makes the gap: it knows why
	}
	err := r.read()
	if err == nil {
		err = r.err
	}
	if err != nil { // components without their app would mean nothing
		return fact.Facts{Gaps: r.facts.Gaps}, err
	}
	return r.facts, nil
}

// member opens a member of the APK.
func (r *reader) member(name string) (blob.Blob, fact.Location, func() error, error) {
	b, at, closer, err := r.f.Member(r.ctx, name)
	if r.lone {
		at = fact.Location{Path: name, SHA256: at.SHA256}
	}
	return b, at, closer, err
}

func (r *reader) read() error {
	root, err := r.openManifest()
	if err != nil {
		return err
	}
	tableErr := r.openTable()
	r.app.At = r.at
	r.app.Privileged = privileged(r.at.Device)
	if err := r.manifest(root); err != nil {
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	if tableErr != nil {
		at := r.at.InMember(tableName)
		if r.lone {
			at = fact.Location{Path: tableName}
		}
		r.gap(at, fmt.Errorf("resources of %s: %w", r.app.Package, tableErr),
			fact.KindApps, fact.KindComponents, fact.KindPermissions, fact.KindDefaults)
	}
	r.code()
	r.facts.Apps = append(r.facts.Apps, r.app)
	return nil
}

func (r *reader) openManifest() (*axml.Element, error) {
	b, at, closer, err := r.member(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &parse.Error{Format: "apk", Off: -1, Msg: "there is no " + manifestName, Kind: parse.ErrFormat}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	defer closer()
	file, err := axml.Open(b, r.f.Budget)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	r.manifestAt = at
	for _, s := range file.Notes {
		r.note("%s: %s", manifestName, raw(s))
	}
	return file.Root, nil
}

// openTable opens the app's resources. An app without any is no error.
func (r *reader) openTable() error {
	b, closer, err := ota.OpenBlob(r.ctx, r.f.Inside, tableName, r.f.Spool)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer closer() // the table keeps a copy
	if r.table, err = arsc.Open(b, r.f.Budget); err != nil {
		r.table = nil
		return err
	}
	for _, s := range r.table.Notes() {
		r.note("%s: %s", tableName, raw(s))
	}
	for _, p := range r.table.Packages() {
		r.packages[p.ID] = true
		for _, t := range p.Types() {
			r.configs[uint32(p.ID)<<8|uint32(t.ID)] += len(t.Configs())
		}
	}
	return nil
}

// gap says what is not known of the app.
func (r *reader) gap(at fact.Location, err error, blinds ...fact.Kind) {
	g := inspect.GapOf(at, err, blinds...)
	g.Subjects = []fact.Subject{r.app.Subject()}
	r.facts.Gaps = append(r.facts.Gaps, g)
}

// privileged tells whether an app stands where PackageManagerService looks for
// privileged ones: in a folder priv-app, or one below it, and the framework's own.
func privileged(device string) bool {
	dir := path.Dir(device)
	return device != "" && (dir == "/system/framework" || path.Base(dir) == "priv-app" || path.Base(path.Dir(dir)) == "priv-app")
}

// installed tells whether the app is one of the system image, for which the
// platform takes an application's word for its components.
func (r *reader) installed() bool {
	return r.at.Partition != "" && r.at.Partition != "data"
}

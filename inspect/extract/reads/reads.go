// Package reads finds the defaults that code gives where it reads a preference, a
// setting, a system property or a resource: the constant in getBoolean("sync", true).
//
// It looks at one method at a time, and at most one call further: at wrappers, methods that read
// the key, or with the default, that they were called with. It makes a fact of each call,
// whether or not what it passes is constant; that code is ever run it does not say.
package reads

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Extractor makes one fact of each read in the DEX code of an app or jar, and one of each value of
// the resources that code reads.
var Extractor = &inspect.Extractor{
	Name:      "reads",
	Doc:       "defaults that code gives where it reads preferences, settings, properties and resources",
	Emits:     []fact.Kind{fact.KindDefaults},
	Installed: true,
	Match:     match,
	Run:       run,
}

func match(_ fact.Location, _ fs.FileInfo, head func() []byte) bool {
	return isZip(head()) || isDex(head())
}

func isZip(head []byte) bool { return strings.HasPrefix(string(head), "PK") }
func isDex(head []byte) bool { return strings.HasPrefix(string(head), "dex\n") }

// The members that the platform asks for.
const (
	manifestName = "AndroidManifest.xml"
	tableName    = "resources.arsc"
	firstDex     = "classes.dex"
)

// maxDexes is how many DEX files of one app are read together. The largest apps have some tens;
// one beyond is read alone, when the walk comes to it.
const maxDexes = 256

func run(ctx context.Context, f *inspect.File) (fact.Facts, error) {
	return newContainer(f).run(ctx)
}

// run looks at a container's DEX files together when the walk comes to the container, and
// at others when it comes to them.
func (c *container) run(ctx context.Context) (fact.Facts, error) {
	f := c.file
	head, err := blob.ReadRange(f.Blob, 0, min(4, f.Blob.Size()))
	if err != nil {
		return fact.Facts{}, err
	}
	if isZip(head) {
		if f.Inside == nil {
			return c.facts, nil
		}
		// A jar among an app's assets is that app's code.
		if c.readApp(ctx, f.Inside, c.member) == noManifest && len(f.At.Inner) > 0 {
			c.readApp(ctx, f.FS, c.sibling)
		}
		c.open = c.member
		return c.scan(ctx, dexNames(f.Inside))
	}
	c.open = c.sibling
	if len(f.At.Inner) == 0 && !f.Lone {
		return c.scan(ctx, []string{f.Path})
	}
	names := []string{f.Path}
	if n, ok := dexNumber(f.Path); ok && n <= maxDexes && slices.Contains(dexNames(f.FS), f.Path) {
		if len(f.At.Inner) > 0 || n > 1 {
			return c.facts, nil // the container, or its classes.dex, has spoken
		}
		names = dexNames(f.FS) // an app is the update: nobody visits it as a file
	}
	c.readApp(ctx, f.FS, c.sibling)
	return c.scan(ctx, names)
}

// dexNames are the DEX files that the platform loads: it stops at the first number that is missing.
func dexNames(fsys fs.FS) []string {
	var names []string
	name := firstDex
	for i := 2; i <= maxDexes+1; i++ {
		if info, err := fs.Stat(fsys, name); err != nil || !info.Mode().IsRegular() {
			break
		}
		names = append(names, name)
		name = "classes" + strconv.Itoa(i) + ".dex"
	}
	return names
}

// dexNumber is the number of a DEX file among an app's, from one.
func dexNumber(name string) (int, bool) {
	if name == firstDex {
		return 1, true
	}
	digits, ok := strings.CutPrefix(name, "classes")
	digits, dex := strings.CutSuffix(digits, ".dex")
	n, err := strconv.Atoi(digits)
	return n, ok && dex && err == nil && n > 1 && strconv.Itoa(n) == digits
}

// An opener opens a file by name: a member of the file, or one that stands beside it.
type opener func(ctx context.Context, name string) (blob.Blob, fact.Location, func() error, error)

func (c *container) member(ctx context.Context, name string) (blob.Blob, fact.Location, func() error, error) {
	return c.file.Member(ctx, name)
}

func (c *container) sibling(ctx context.Context, name string) (b blob.Blob, at fact.Location, close func() error, err error) {
	at = c.file.At
	at.SHA256 = ""
	if n := len(at.Inner); n > 0 {
		at.Inner = append(slices.Clone(at.Inner[:n-1]), name)
	} else {
		at.Path = name
	}
	b, close, err = ota.OpenBlob(ctx, c.file.FS, name, c.file.Spool)
	if err != nil {
		return nil, at, nil, err
	}
	if at.SHA256, err = inspect.Hash(ctx, b, nil); err != nil {
		close()
		return nil, at, nil, err
	}
	return b, at, close, nil
}

// manifest says what became of looking for one.
type manifest int

const (
	noManifest manifest = iota
	brokenManifest
	readManifest
)

// readApp finds the package whose code the files are, by the manifest in fsys.
func (c *container) readApp(ctx context.Context, fsys fs.FS, open opener) manifest {
	if _, err := fs.Stat(fsys, manifestName); err != nil {
		return noManifest
	}
	c.open = open
	err := c.with(ctx, manifestName, func(b blob.Blob, at fact.Location) error {
		x, err := axml.Open(b, c.file.Budget)
		if err != nil {
			return err
		}
		pkg := x.Root.Named("", "package")
		if x.Root.Name != "manifest" || pkg == nil || pkg.Value.String == "" && pkg.Raw == "" {
			return &parse.Error{Format: "manifest", Off: x.Root.Offset, Msg: "it names no package", Kind: parse.ErrFormat}
		}
		if c.app = pkg.Value.String; c.app == "" {
			c.app = pkg.Raw
		}
		c.app = parse.EscapeText(c.app)
		c.subjects = []fact.Subject{fact.AppSubject(c.app)}
		c.table.open, c.table.fsys = open, fsys
		return nil
	})
	if err != nil {
		c.appUnknown = true
		c.gap(c.file.At, fmt.Errorf("%s: whose preferences its code reads is not known: %w", manifestName, err))
		return brokenManifest
	}
	return readManifest
}

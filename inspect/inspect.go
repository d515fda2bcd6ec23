package inspect

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A File is what an extractor is given: one regular file of the update, wherever
// it stands.
type File struct {
	Path string // in its file system
	Info fs.FileInfo
	At   fact.Location // with the file's SHA-256
	Blob blob.Blob
	FS   fs.FS // the file system that Path is in, for what stands beside it
	// Inside is what the file holds; nil where it is no container, or one that could
	// not be opened. Run walks it after the extractors have seen the file.
	Inside fs.FS
	// Lone: the update is one app, FS holds its members, and this file is one of them.
	Lone   bool
	Budget *parse.Budget // of what Inside holds; of the file system where Inside is nil
	Spool  string        // folder for temporary files
}

// Member opens what the file holds under a name. The caller calls close; the
// Location is that of the member, with its SHA-256.
func (f *File) Member(ctx context.Context, name string) (b blob.Blob, at fact.Location, close func() error, err error) {
	at = f.At.InMember(name)
	if f.Inside == nil {
		return nil, at, nil, fs.ErrNotExist
	}
	b, close, err = ota.OpenBlob(ctx, f.Inside, name, f.Spool)
	if err != nil {
		return nil, at, nil, err
	}
	if at.SHA256, err = Hash(ctx, b, nil); err != nil {
		close()
		return nil, at, nil, err
	}
	return b, at, close, nil
}

// An Extractor makes facts of one file.
type Extractor struct {
	Name, Doc string
	Emits     []fact.Kind
	// Installed: only files that the update installs, and those of an app that is the update,
	// are for it. What else a package carries says nothing of the device.
	Installed bool
	// Match tells whether a file is for this extractor. head reads the first bytes,
	// up to 64, when a path alone does not tell: names lie.
	Match func(at fact.Location, info fs.FileInfo, head func() []byte) bool
	Run   func(context.Context, *File) (fact.Facts, error)
}

// A Pass is what an analysis is given.
type Pass struct {
	Package *ota.Package
	Facts   *fact.Facts // what extractors and earlier analyses found; not to be changed
	Source  string      // where the update was got, as its user said
	Jobs    int         // how much may run at once

	Detached []Detached // signatures over the update in files of their own
	Keys     [][]byte   // files of public keys that these may be made with
	SDK      SDKRange

	Sums     []ota.Sum // what the package says of its own bytes, and whether it is so
	Progress func(ota.Event)
	digest   func(context.Context) (string, error)
}

// Digest is the SHA-256 of the package's file, in hexadecimal, computed once for
// all who ask; "" for a folder.
func (p *Pass) Digest(ctx context.Context) (string, error) { return p.digest(ctx) }

// An SDKRange names API levels by the least and the greatest of them; 0 is none.
type SDKRange struct{ Min, Max int }

// A Detached is a signature over the update in a file of its own.
type Detached struct {
	Name string // the file's base name
	Data []byte
}

// An Analysis makes facts of the package as a whole.
type Analysis struct {
	Name, Doc    string
	Needs, Emits []fact.Kind
	Run          func(context.Context, *Pass) (fact.Facts, error)
}

// A Suite is the extractors and analyses that there are.
type Suite struct {
	Extractors []*Extractor
	Analyses   []*Analysis
}

// Options of Run. The zero value is right for most.
type Options struct {
	Jobs     int    // files looked at at once; 0: one
	Source   string // where the update was got
	Version  string // of the program, for Facts.Tool
	Detached []Detached
	Keys     [][]byte // for Detached
	SDK      SDKRange // of the releases by which the signatures of apps are judged; each app's own where it is 0
	Progress func(ota.Event)
}

// ErrInternal is a panic that was recovered: a defect of otavet. No facts come
// with it, because they could not be trusted.
type ErrInternal struct {
	Where string
	Panic any
	Stack []byte
}

func (e *ErrInternal) Error() string {
	return fmt.Sprintf("internal error in %s: %v", e.Where, e.Panic)
}

// own are the kinds that Run makes itself, because it alone walks.
var own = []fact.Kind{fact.KindMembers, fact.KindPartitions, fact.KindFiles, fact.KindScript, fact.KindGaps}

// Kinds lists every kind that s can find, with those of Run itself.
func (s Suite) Kinds() []fact.Kind {
	kinds := slices.Clone(own)
	for _, x := range s.Extractors {
		kinds = append(kinds, x.Emits...)
	}
	for _, a := range s.Analyses {
		kinds = append(kinds, a.Emits...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Validate proves the suite sane: names and docs present and unique, kinds known,
// every need met, no analysis in need of itself.
func (s Suite) Validate() error {
	seen := map[string]bool{}
	check := func(name, doc string, emits []fact.Kind) error {
		if name == "" || doc == "" || len(emits) == 0 {
			return fmt.Errorf("suite: %q lacks a name, a doc or what it emits", name)
		}
		if seen[name] {
			return fmt.Errorf("suite: two are called %q", name)
		}
		seen[name] = true
		for _, k := range emits {
			if !slices.Contains(fact.All(), k) {
				return fmt.Errorf("suite: %s emits %q, which has no slice in Facts", name, k)
			}
		}
		return nil
	}
	for _, x := range s.Extractors {
		if err := check(x.Name, x.Doc, x.Emits); err != nil {
			return err
		}
	}
	for _, a := range s.Analyses {
		if err := check(a.Name, a.Doc, a.Emits); err != nil {
			return err
		}
		for _, k := range a.Needs {
			if !slices.Contains(s.Kinds(), k) {
				return fmt.Errorf("suite: %s needs %q, which nobody emits", a.Name, k)
			}
		}
	}
	_, err := s.order(fact.All())
	return err
}

// want closes the kinds that are asked for over what their makers need.
func (s Suite) close(want []fact.Kind) []fact.Kind {
	need := slices.Clone(want)
	for i := 0; i < len(need); i++ {
		for _, a := range s.Analyses {
			if !slices.Contains(a.Emits, need[i]) {
				continue
			}
			for _, k := range a.Needs {
				if !slices.Contains(need, k) {
					need = append(need, k)
				}
			}
		}
	}
	return need
}

// order gives the analyses that make the wanted kinds, each after those that
// make what it needs.
func (s Suite) order(want []fact.Kind) ([]*Analysis, error) {
	var out []*Analysis
	state := map[*Analysis]int{} // 1: being placed, 2: placed
	var place func(*Analysis) error
	place = func(a *Analysis) error {
		switch state[a] {
		case 1:
			return fmt.Errorf("suite: %s needs what it makes itself", a.Name)
		case 2:
			return nil
		}
		state[a] = 1
		for _, b := range s.Analyses {
			if b != a && intersects(b.Emits, a.Needs) {
				if err := place(b); err != nil {
					return err
				}
			}
		}
		state[a] = 2
		out = append(out, a)
		return nil
	}
	for _, a := range s.Analyses {
		if intersects(a.Emits, want) {
			if err := place(a); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func intersects(a, b []fact.Kind) bool {
	return slices.ContainsFunc(a, func(k fact.Kind) bool { return slices.Contains(b, k) })
}

// digestOnce computes the package's hash when it is first asked for.
func digestOnce(p *ota.Package, made *ota.Result, progress func(ota.Event)) func(context.Context) (string, error) {
	var once sync.Once
	var sum string
	var err error
	return func(ctx context.Context) (string, error) {
		once.Do(func() {
			switch {
			case made != nil:
				sum = made.SHA256
			case p.File != nil:
				sum, err = Hash(ctx, p.File, progress)
			}
		})
		return sum, err
	}
}

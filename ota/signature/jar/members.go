package jar

import (
	"context"
	"crypto"
	"errors"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// A verifier reads members.
type verifier struct {
	ctx  context.Context
	fsys fs.FS
	o    Options

	members    []file   // all that a signature may speak of
	manifests  []string // names of META-INF/MANIFEST.MF in any case
	signatures []string // names of *.SF
	blocks     []string
	duplicates map[string]bool
}

type file struct {
	name string
	size int64
}

// list walks the members once.
func (v *verifier) list() error {
	v.duplicates = make(map[string]bool, len(v.o.Duplicates))
	for _, name := range v.o.Duplicates {
		v.duplicates[name] = true
	}
	n := 0
	return fs.WalkDir(v.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n++; n > maxMembers {
			return fail(parse.ErrLimit, -1, "more members than are read", maxMembers)
		}
		if err := v.ctx.Err(); err != nil {
			return context.Cause(v.ctx)
		}
		if d.IsDir() {
			return nil
		}
		switch upper := strings.ToUpper(name); {
		case !isSignature(name):
			size := int64(0)
			if info, err := d.Info(); err == nil {
				size = info.Size()
			}
			v.members = append(v.members, file{name, size})
		case upper == "META-INF/MANIFEST.MF":
			v.manifests = append(v.manifests, name)
		case strings.HasSuffix(upper, ".SF"):
			v.signatures = append(v.signatures, name)
		case isBlock(name):
			v.blocks = append(v.blocks, name)
		}
		return nil
	})
}

// manifest reads the only manifest.
func (v *verifier) manifest() (*manifest, error) {
	switch len(v.manifests) {
	case 0:
		return nil, fail(parse.ErrFormat, -1, "there is no manifest", nil)
	case 1:
	default:
		return nil, fail(parse.ErrFormat, -1, "there are several manifests", v.manifests[1])
	}
	raw, err := v.read(v.manifests[0], maxText)
	if err != nil {
		return nil, err
	}
	return parseManifest(raw)
}

// signatureFile finds the signature file that belongs to a block.
func (v *verifier) signatureFile(block string) (string, bool) {
	want := strings.ToUpper(block[:strings.LastIndexByte(block, '.')]) + ".SF"
	found := ""
	for _, name := range v.signatures {
		if strings.ToUpper(name) == want {
			if found != "" {
				return "", false // in two cases: readers would differ
			}
			found = name
		}
	}
	return found, found != ""
}

// read reads a whole member of at most most bytes. That there are two of its name
// or that it is larger is a *parse.Error, all else comes from reading.
func (v *verifier) read(name string, most int64) ([]byte, error) {
	if v.twice(name) {
		return nil, fail(parse.ErrFormat, -1, "the archive has the member twice", name)
	}
	f, err := v.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(reader{v.ctx, f}, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fail(parse.ErrLimit, -1, "larger than is read", name)
	}
	return b, nil
}

func (v *verifier) twice(name string) bool { return v.duplicates[name] }

// A reader stops when its context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

type state int8

const (
	stateSame     state = iota // the member is what the manifest says
	stateChanged               // it is not
	stateAbsent                // there is none of that name
	stateTwice                 // there are two
	stateNoDigest              // the manifest has no digest that is known
	stateOpen                  // it cannot be read
)

// A check is what became of one section of the manifest.
type check struct {
	state state
	path  string // the member's name in fsys
	size  int64
	err   error // why it cannot be read
}

// check hashes every member that a block speaks for, once, whatever the number of
// blocks.
func (v *verifier) check(m *manifest, blocks []*block) ([]check, error) {
	out := make([]check, len(m.sections))
	buf := make([]byte, 128<<10)
	for i, s := range m.sections {
		if !slices.ContainsFunc(blocks, func(b *block) bool { return b.reason == nil && b.open == nil && b.covered[i] }) {
			continue
		}
		var err error
		if out[i], err = v.member(s, buf); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (v *verifier) member(s section, buf []byte) (check, error) {
	c := check{path: parse.Escape(s.name), state: stateAbsent}
	if v.twice(c.path) {
		c.state = stateTwice
		return c, nil
	}
	if !fs.ValidPath(c.path) {
		return c, nil // no archive hands out such a member
	}
	f, err := v.fsys.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c.unread(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return c, nil
	}
	states := make(map[crypto.Hash]hash.Hash, 1)
	var w []io.Writer
	for _, d := range s.digests {
		if states[d.hash] == nil {
			states[d.hash] = d.hash.New()
			w = append(w, states[d.hash])
		}
	}
	if len(w) == 0 {
		c.state = stateNoDigest
		return c, nil
	}
	c.size, err = io.CopyBuffer(writerOnly{io.MultiWriter(w...)}, reader{v.ctx, f}, buf)
	if err != nil {
		return c.unread(err)
	}
	c.state = stateSame
	for _, d := range s.digests {
		if string(states[d.hash].Sum(nil)) != d.sum {
			c.state = stateChanged
		}
	}
	return c, nil
}

// unread is what becomes of an error of the archive: one that the member's own
// bytes cause is an answer, any other ends the verification.
func (c check) unread(err error) (check, error) {
	if !isParse(err) {
		return c, err
	}
	c.state, c.err = stateOpen, err
	return c, nil
}

// A writerOnly hides ReadFrom, so that io.CopyBuffer uses the buffer.
type writerOnly struct{ io.Writer }

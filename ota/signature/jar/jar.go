// Package jar verifies JAR signatures, which updates carried before and beside
// whole-file signatures: META-INF/MANIFEST.MF has the digests of the members, a
// signature file *.SF those of the manifest, and a block *.RSA, *.DSA or *.EC
// signs the signature file. The rules are those of the JAR specification and, where
// the two differ, of apksig's scheme v1 without its range of SDKs. VerifyAPK judges
// the same of an app, by all of apksig's rules.
//
// A JAR signature covers what members hold, not the archive: members may be added,
// repacked and reordered. Nothing in recovery has looked at one since whole-file
// signatures came, and signapk -w of today writes none.
package jar

import (
	"context"
	"crypto"
	_ "crypto/md5" // hashByName's hashes
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

const (
	maxBlocks  = 10      // apksig's bound on signers
	maxBlock   = 1 << 20 // a block holds a signature and a chain of certificates
	maxMembers = 1 << 20 // as parse.DefaultLimits has entries
	maxListed  = 100     // members that are listed one by one; the rest is counted
)

// Options are what the members alone do not tell.
type Options struct {
	// Partial: the members are some of the archive's, such as its META-INF folder.
	// A member that is missing leaves the answer open instead of refuting it.
	Partial bool
	// Duplicates are names that occur several times in the archive: which of them
	// a reader takes is the reader's choice, so no digest speaks for the name.
	Duplicates []string
}

// Verify judges every signature block of the members in fsys, whose names are
// spelled as parse.Escape leaves them. Each has a Result, in the order of their
// names. Without a block the answer is ErrNone.
func Verify(ctx context.Context, fsys fs.FS, o Options) ([]*signature.Result, error) {
	v := &verifier{ctx: ctx, fsys: fsys, o: o}
	if err := v.list(); err != nil {
		return nil, err
	}
	if len(v.blocks) == 0 {
		return nil, signature.ErrNone
	}
	if len(v.blocks) > maxBlocks {
		return nil, fail(parse.ErrLimit, -1, "more signature blocks than are read", len(v.blocks))
	}
	slices.Sort(v.blocks)
	var broken error // of the manifest: every block's
	var blocks []*block
	m, err := v.manifest()
	if err != nil {
		if !isParse(err) {
			return nil, err
		}
		broken, m = err, &manifest{}
	}
	for _, name := range v.blocks {
		b, err := v.block(name, m, broken)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	checks, err := v.check(m, blocks)
	if err != nil {
		return nil, err
	}
	var out []*signature.Result
	for _, b := range blocks {
		out = append(out, v.result(b, m, checks))
	}
	return out, nil
}

func isParse(err error) bool {
	var e *parse.Error
	return errors.As(err, &e)
}

// A block is one signature block and what it signs.
type block struct {
	name    string
	signers []signature.Signer
	reason  error // why the signature or the signature file does not hold
	open    error // why it was not judged
	all     bool  // the manifest as a whole is signed
	covered []bool
	notes   []string
	weak    []string
}

func (b *block) refuse(err error) {
	switch {
	case errors.Is(err, parse.ErrFormat):
		if b.reason == nil {
			b.reason = err
		}
	case b.open == nil:
		b.open = err
	}
}

// block reads a block and its signature file and finds out which sections of the
// manifest it signs; broken says that there is none to sign. Only errors of reading
// are returned.
func (v *verifier) block(name string, m *manifest, broken error) (*block, error) {
	b := &block{name: name}
	der, err := v.read(name, maxBlock)
	if err != nil {
		if !isParse(err) {
			return nil, err
		}
		b.refuse(err)
		return b, nil
	}
	sfName, ok := v.signatureFile(name)
	if !ok {
		b.refuse(fail(parse.ErrFormat, -1, "the block has no signature file", name))
		return b, nil
	}
	text, err := v.read(sfName, maxText)
	if err != nil {
		if !isParse(err) {
			return nil, err
		}
		b.refuse(err)
		return b, nil
	}
	b.verify(der, text)
	if b.reason != nil {
		return b, nil // a signature file that nobody signed says nothing
	}
	sf, err := parseManifest(text)
	if err != nil {
		b.refuse(err)
		return b, nil
	}
	if broken != nil {
		b.refuse(broken)
		return b, nil
	}
	b.match(sf, m)
	return b, nil
}

// verify checks the block's signatures over the signature file: all must hold,
// since readers differ on which they look at.
func (b *block) verify(der, text []byte) {
	cms, err := signature.ParseCMS(der)
	if err != nil {
		b.refuse(err)
		return
	}
	if len(cms.Signers) == 0 {
		b.refuse(fail(parse.ErrFormat, -1, "the block has no signer", b.name))
	}
	if cms.Content != nil && string(cms.Content) != string(text) {
		b.refuse(fail(parse.ErrFormat, -1, "the block signs another content than the signature file", b.name))
		return
	}
	for _, s := range cms.Signers {
		c := cms.Certificate(s)
		if c == nil {
			b.refuse(fail(parse.ErrFormat, -1, "the signer's certificate is not in the block", b.name))
			continue
		}
		var sum []byte
		if s.Hash.Available() {
			h := s.Hash.New()
			h.Write(text)
			sum = h.Sum(nil)
		}
		if err := cms.Verify(s, c, sum, text); err != nil {
			b.refuse(err)
			continue
		}
		b.signers = append(b.signers, signature.NewSigner(c, s.Hash))
	}
}

// match finds the sections of the manifest that the signature file speaks for.
func (b *block) match(sf, m *manifest) {
	if sf.version != "1.0" {
		b.refuse(fail(parse.ErrFormat, -1, "the signature file is not of Signature-Version 1.0", sf.version))
		return
	}
	if sf.signed != "" {
		b.notes = append(b.notes, "X-Android-APK-Signed: "+parse.EscapeText(sf.signed[:min(len(sf.signed), 80)]))
	}
	if m.twice != "" {
		b.refuse(fail(parse.ErrFormat, -1, "the manifest has two sections of one name", m.twice))
	}
	b.covered = make([]bool, len(m.sections))
	if match(sf.whole, m.raw) {
		b.all = true
		b.weigh(sf.whole)
		for i := range b.covered {
			b.covered[i] = true
		}
	} else {
		if len(sf.mainOnly) > 0 && !match(sf.mainOnly, m.main.raw) {
			b.refuse(fail(parse.ErrFormat, -1, "the manifest's main section is not what was signed", nil))
		}
		if sf.twice != "" {
			b.refuse(fail(parse.ErrFormat, -1, "the signature file has two sections of one name", sf.twice))
		}
		some := false
		for i, s := range m.sections {
			j, ok := sf.index[s.name]
			if !ok {
				continue
			}
			if !match(sf.sections[j].digests, s.raw) {
				b.refuse(fail(parse.ErrFormat, -1, "the manifest's section is not what was signed", s.name))
				continue
			}
			b.weigh(sf.sections[j].digests)
			b.covered[i], some = true, true
		}
		if !some {
			b.refuse(fail(parse.ErrFormat, -1, "the manifest is not what was signed", nil))
		}
	}
	if len(m.sections) == 0 {
		b.refuse(fail(parse.ErrFormat, -1, "the manifest names no member", nil))
	}
}

// weigh notes where only weak hashes stand between a change and its discovery.
func (b *block) weigh(digests []digest) {
	best := crypto.Hash(0)
	for _, d := range digests {
		if !signature.WeakHash(d.hash) {
			return
		}
		best = max(best, d.hash)
	}
	if name := signature.HashName(best) + " digests"; !slices.Contains(b.weak, name) {
		b.weak = append(b.weak, name)
	}
}

// result puts together what was found out about a block.
func (v *verifier) result(b *block, m *manifest, checks []check) *signature.Result {
	r := &signature.Result{Scheme: signature.SchemeJAR, Name: b.name, Signers: b.signers, Notes: b.notes}
	if b.reason != nil || b.open != nil {
		r.Signers = nil
	}
	var size, count, absent int64
	var missing string
	unsigned := &lister{}
	named := make(map[string]bool, len(m.sections))
	for i, s := range m.sections {
		if b.reason != nil || b.open != nil || !b.covered[i] {
			continue
		}
		c := checks[i]
		named[c.path] = true
		switch c.state {
		case stateSame:
			size += c.size
			count++
			b.weigh(s.digests)
		case stateAbsent:
			absent++
			if missing == "" {
				missing = s.name
			}
		case stateNoDigest:
			unsigned.add(c.size, "member "+parse.Escape(s.name)+": no digest by a hash that is known")
		case stateOpen:
			// That the archive's bytes are malformed refutes them, too.
			b.refuse(c.err)
		case stateTwice:
			b.refuse(fail(parse.ErrFormat, -1, "the archive has the member twice", s.name))
		default:
			b.refuse(fail(parse.ErrFormat, -1, "the member is not what was signed", s.name))
		}
	}
	switch {
	case b.reason != nil:
		r.Intact, r.Reason = signature.No, b.reason
	case b.open != nil:
		r.Intact, r.Reason = signature.Unknown, b.open
	case absent > 0 && !v.o.Partial:
		r.Intact, r.Reason = signature.No, fail(parse.ErrFormat, -1, fmt.Sprintf("%d signed members are missing", absent), missing)
	case absent > 0:
		r.Intact, r.Reason = signature.Unknown, fail(parse.ErrUnsupported, -1, fmt.Sprintf("%d signed members are not here to be looked at", absent), missing)
	case count == 0:
		r.Intact, r.Reason = signature.No, fail(parse.ErrFormat, -1, "it signs no member", nil)
	default:
		r.Intact = signature.Yes
	}
	if r.Intact != signature.No && b.open == nil {
		r.Covers = append(r.Covers, signature.Range{First: 0, End: size, What: fmt.Sprintf("%d members", count)})
		for i := range r.Signers {
			r.Signers[i].Weak = append(r.Signers[i].Weak, b.weak...)
		}
	}
	for _, f := range v.members {
		if !named[f.name] {
			unsigned.add(f.size, "member "+f.name+": "+why(f.name))
		}
	}
	r.Unsigned = unsigned.list()
	r.Known = signature.KnownMatches(r.Signers)
	r.Accepts = []signature.Platform{
		{Reader: "recovery", Until: "3.2", Takes: signature.Unknown, Rule: "only its first releases read JAR signatures; which was the last is not known"},
		{Reader: "recovery", Since: "4.0", Takes: signature.No, Rule: "reads whole-file signatures only"},
	}
	return r
}

// why says what is known of a member that is not signed.
func why(name string) string {
	if name == "META-INF/com/android/otacert" {
		// signapk of 2011 wrote the manifest first and this copy of the certificate
		// after it; that of 2012 signs it.
		return "not signed, as signapk -w of 2011 left it"
	}
	return "not signed"
}

// A lister keeps the first maxListed ranges and counts the others.
type lister struct {
	out   []signature.Range
	count int
	size  int64
}

func (l *lister) add(size int64, what string) {
	if len(l.out) < maxListed {
		l.out = append(l.out, signature.Range{First: 0, End: size, What: what})
		return
	}
	l.count++
	l.size += size
}

func (l *lister) list() []signature.Range {
	if l.count > 0 {
		return append(l.out, signature.Range{First: 0, End: l.size, What: fmt.Sprintf("%d members more: not signed", l.count)})
	}
	return l.out
}

// isSignature tells whether the JAR specification excludes a member from signing:
// the manifest, signature files and blocks, which stand in META-INF itself. Case
// does not matter.
func isSignature(name string) bool {
	dir, base, ok := strings.Cut(strings.ToUpper(name), "/")
	if !ok || dir != "META-INF" || strings.Contains(base, "/") {
		return false
	}
	return base == "MANIFEST.MF" || strings.HasSuffix(base, ".SF") || isBlock(name) || strings.HasPrefix(base, "SIG-")
}

// isBlock tells whether a member is a signature block.
func isBlock(name string) bool {
	dir, base, ok := strings.Cut(strings.ToUpper(name), "/")
	return ok && dir == "META-INF" && !strings.Contains(base, "/") &&
		(strings.HasSuffix(base, ".RSA") || strings.HasSuffix(base, ".DSA") || strings.HasSuffix(base, ".EC"))
}

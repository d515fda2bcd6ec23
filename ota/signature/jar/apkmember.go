package jar

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// A weakness is what stands between a change of a member and its discovery.
type weakness struct {
	best        crypto.Hash // of the weak ones
	weak, other bool        // there are members with a weak digest, and others
}

func (w *weakness) add(h crypto.Hash) {
	if signature.WeakHash(h) {
		w.best, w.weak = max(w.best, h), true
	} else {
		w.other = true
	}
}

// readMembers compares all members outside of META-INF with the manifest:
// verifyJarEntriesAgainstManifestAndSigners.
func (a *apk) readMembers() error {
	var needed [eras]bool
	for i := range a.levels {
		l := &a.levels[i]
		l.compared, l.before = l.open(), l.unjudged
		needed[l.era] = needed[l.era] || l.open()
	}
	h := hasher{ctx: a.ctx, buf: make([]byte, 32<<10), states: map[crypto.Hash]hash.Hash{}}
	for _, f := range a.members {
		if inMeta(f.name) {
			continue
		}
		if a.ctx.Err() != nil {
			return context.Cause(a.ctx)
		}
		i := a.names[f.name]
		if i < 0 {
			a.added(f.name)
			a.refuse(broken("the manifest does not name the member", f.name))
			continue
		}
		s := a.m.sections[i]
		var want [eras]apkDigest
		h.use = h.use[:0]
		signed := true
		for era := range eras {
			if !needed[era] {
				continue
			}
			signed = a.signedBy(era, i, f.name) && signed
			want[era] = pick(s.digests, s.algorithms, era)
			if !want[era].ok {
				a.refuseEra(era, noDigest(s))
				continue
			}
			h.need(want[era].hash)
		}
		if !signed {
			a.added(f.name)
			continue
		}
		if len(h.use) == 0 {
			continue
		}
		if err := a.compare(&h, f, want); err != nil {
			return err
		}
	}
	for era := range eras {
		if needed[era] && a.eras[era].first == "" {
			a.refuseEra(era, broken("it signs no member", nil))
		}
	}
	return nil
}

// compare hashes a member, once, for all eras.
func (a *apk) compare(h *hasher, f file, want [eras]apkDigest) error {
	size, err := h.read(a.fsys.Open(f.name))
	switch {
	case err == nil:
	case isChecksum(err):
		// No reader of Android compares it, and the digest says more. An app like
		// that: corrupted_b146895998.apex of apexd's tests.
		a.note("member %s does not have the CRC-32 that the archive declares", f.name)
	case !isParse(err):
		return err
	default:
		a.changed(f.name)
		a.refuse(verdict{err: err})
		return nil
	}
	same := true
	for era, w := range want {
		switch {
		case !w.ok:
		case string(h.sum(w.hash)) != w.sum:
			same = false
			a.refuseEra(era, broken("the member is not what was signed", f.name))
		case f.name == androidManifest:
			a.r.signed[era] = true
		}
	}
	if !same {
		a.changed(f.name)
		return nil
	}
	a.covered += size
	a.count++
	for _, era := range [...]int{era18, era9, era1} {
		if want[era].ok {
			a.weak.add(want[era].hash)
			break
		}
	}
	return nil
}

// isChecksum tells the archive's complaint about a checksum, at the end of all the
// bytes, from others.
func isChecksum(err error) bool {
	var e *parse.Error
	return errors.As(err, &e) && strings.Contains(e.Msg, "CRC-32")
}

func (a *apk) changed(name string) {
	a.r.NumChanged++
	a.r.Changed = listed(a.r.Changed, name)
}

func (a *apk) added(name string) {
	a.r.NumAdded++
	a.r.Added = listed(a.r.Added, name)
}

// signedBy finds who signed the section of a member, and tells whether somebody
// did. All members must have the same signers. Where a signature is not shown
// nothing is known of who did not.
func (a *apk) signedBy(era, section int, name string) bool {
	var mask uint16
	for i, s := range a.signers {
		if f := s.eras[era]; f.done && f.ignored == nil && s.sections[section] {
			mask |= 1 << i
		}
	}
	e := &a.eras[era]
	switch {
	case a.unshown != "":
		if e.first == "" || mask != 0 && e.mask == 0 {
			e.first, e.mask = name, mask
		}
	case mask == 0:
		a.refuseEra(era, broken("no signature file names the member", name))
		return false
	case e.first == "":
		e.first, e.mask = name, mask
	case e.mask != mask:
		a.refuseEra(era, broken("the members have different signers: "+e.first, name))
	}
	return true
}

func (a *apk) refuseEra(era int, v verdict) {
	for i := range a.levels {
		if a.levels[i].era == era {
			a.levels[i].refuse(v)
		}
	}
}

// A hasher computes several digests of one member in one pass, with one buffer and
// one state of each hash for all members.
type hasher struct {
	ctx    context.Context
	buf    []byte
	states map[crypto.Hash]hash.Hash
	use    []hash.Hash
	out    []byte
}

func (h *hasher) need(alg crypto.Hash) {
	s := h.states[alg]
	if s == nil {
		s = alg.New()
		h.states[alg] = s
	}
	if !slices.Contains(h.use, s) {
		s.Reset()
		h.use = append(h.use, s)
	}
}

func (h *hasher) sum(alg crypto.Hash) []byte {
	h.out = h.states[alg].Sum(h.out[:0])
	return h.out
}

// read reads what was opened to its end.
func (h *hasher) read(f io.ReadCloser, err error) (size int64, _ error) {
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		if h.ctx.Err() != nil {
			return size, context.Cause(h.ctx)
		}
		n, err := f.Read(h.buf)
		for _, s := range h.use {
			s.Write(h.buf[:n])
		}
		size += int64(n)
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// agree refuses where releases would name different signers of one app.
func (a *apk) agree() {
	first := ""
	for i := range a.levels {
		l := &a.levels[i]
		if !l.open() || l.unjudged != nil {
			continue
		}
		who := ""
		for k, s := range a.signers {
			if a.eras[l.era].mask&(1<<k) != 0 {
				cert, _ := s.verify(l.first)
				who += cert.SHA256()
			}
		}
		if first == "" {
			first = who
		}
		if who != first {
			a.refuse(broken("releases differ in who signed it", nil))
			return
		}
	}
}

// finish puts together what was found out.
func (a *apk) finish() {
	r := a.r
	if r.NumMissing > 0 {
		a.refuse(broken(fmt.Sprintf("%d signed members are missing", r.NumMissing), r.Missing[0]))
	}
	r.Intact, r.Reason = conclusion(a.levels)
	r.Accepts = platforms(a.levels)
	r.levels = a.levels
	a.whoSigned()
	if r.Intact != signature.No && a.count > 0 {
		r.Covers = []signature.Range{{First: 0, End: a.covered, What: fmt.Sprintf("%d members", a.count)}}
	}
	own := map[string]bool{manifestName: true}
	for _, s := range a.signers {
		own[s.name], own[s.file] = true, true
	}
	added := make(map[string]bool, len(r.Added))
	for _, name := range r.Added {
		added[name] = true
	}
	unsigned := &lister{}
	for _, f := range a.members {
		switch {
		case own[f.name]:
		case inMeta(f.name):
			unsigned.add(f.size, "member "+f.name+": no digest of META-INF is asked for")
		case added[f.name]:
			unsigned.add(f.size, "member "+f.name+": not signed")
		}
	}
	r.Unsigned = unsigned.list()
	r.Known = signature.KnownMatches(r.Signers)
}

// conclusion is the answer over all levels: what one of them finds changed is
// changed; it holds where at least one can look and finds nothing.
func conclusion(levels []level) (signature.Tri, error) {
	var rule, unjudged error
	holds := false
	for _, l := range levels {
		switch {
		case l.broken != nil:
			return signature.No, l.broken
		case l.rule != nil:
			rule = l.rule
		case l.unjudged != nil:
			unjudged = l.unjudged
		default:
			holds = true
		}
	}
	switch {
	case unjudged != nil:
		return signature.Unknown, unjudged
	case holds:
		return signature.Yes, nil
	}
	return signature.Unknown, rule
}

// whoSigned lists the signers that a release of the range found, newest first, and
// notes what else the signatures say.
func (a *apk) whoSigned() {
	r := a.r
	seen := map[string]bool{}
	for k, s := range a.signers {
		for _, id := range s.schemes {
			if !slices.Contains(r.Schemes, id) && len(r.Schemes) < maxListed {
				r.Schemes = append(r.Schemes, id)
			}
		}
		if s.old && len(a.o.Blocks) > 0 {
			a.note("%s does not name the newer schemes: without their block the app would pass for one of old", s.name)
		}
		for _, l := range slices.Backward(a.levels) {
			cert, v := s.verify(l.first)
			if cert == nil || v.err != nil || seen[cert.SHA256()] {
				continue
			}
			if f := s.eras[l.era]; f.done && (f.ignored != nil || f.v.err != nil) {
				continue
			}
			if e := a.eras[l.era]; e.first != "" && e.mask&(1<<k) == 0 {
				continue // it signed other members than are there
			}
			seen[cert.SHA256()] = true
			signer := s.proven[cert.SHA256()]
			if a.weak.weak && !a.weak.other {
				signer.Weak = append(signer.Weak, signature.HashName(a.weak.best)+" digests")
			}
			r.Signers = append(r.Signers, signer)
		}
		if s.unread != nil {
			a.note("%s is passed over: %s", s.name, message(s.unread))
		}
		if s.inPart {
			a.note("%s does not sign the manifest as a whole; its main section may be anybody's", s.name)
		}
		if s.others > 1 {
			// Android bug 13678484: names do not prove an issuer.
			a.note("%s carries %d certificates; that they issued the signer's is not looked at", s.name, s.others)
		}
	}
	slices.Sort(r.Schemes)
}

// Package wholefile verifies the signature that signapk -w leaves in the comment
// of an update's zip. It covers every byte before the comment's length, whatever
// they hold.
//
// The rules are those of bootable/recovery (verifier.c until 2012, verifier.cpp,
// otautil/verifier.cpp) and of android.os.RecoverySystem.verifyPackage. The two
// differ from each other and from release to release; a Result's Accepts says
// where that matters.
package wholefile

import (
	"context"
	"crypto"
	"errors"
	"hash"
	"io"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// Verify judges the whole-file signature of b with the certificates that stand in
// the signature, and with keys, which are tried first. It answers ErrNone where
// the file's last bytes are no footer: that is how an unsigned file ends. All
// other defects of the signature are a Result's Reason.
//
// The certificates in the signature are not signed by it. One is named as the
// signer only if its key verifies.
func Verify(ctx context.Context, b blob.Blob, keys []*signature.Certificate) (*signature.Result, error) {
	b = blob.WithContext(ctx, b)
	l, err := readLayout(b)
	if err != nil {
		var bad *parse.Error
		if !errors.As(err, &bad) {
			return nil, err
		}
		return broken(b.Size(), err), nil
	}
	p := read(l, keys)
	digests, err := digest(b, l.signed(), p.hashes())
	if err != nil {
		return nil, err
	}
	p.judge(digests)
	r := &signature.Result{Scheme: signature.SchemeWholeFile, Intact: p.intact, Reason: p.reason}
	r.Covers, r.Unsigned = p.ranges()
	if p.signer != nil {
		r.Signers = []signature.Signer{signature.NewSigner(p.signer, p.hash)}
		r.Known = signature.KnownMatches(r.Signers)
	}
	r.Accepts = p.accepts(digests)
	return r, nil
}

// broken is the Result where a footer breaks the rules.
func broken(size int64, reason error) *signature.Result {
	var e *parse.Error
	errors.As(reason, &e)
	takes := signature.No
	if e.Msg == msgBefore {
		// The rule is younger than the others, its release is not known, and readers
		// without it look for the message outside the comment.
		takes = signature.Unknown
	}
	return &signature.Result{
		Scheme: signature.SchemeWholeFile, Intact: signature.No, Reason: reason,
		Unsigned: []signature.Range{{First: 0, End: size, What: "everything: the footer is broken"}},
		Accepts: []signature.Platform{
			{Reader: recovery, Takes: takes, Rule: e.Msg},
			{Reader: recoverySystem, Takes: takes, Rule: e.Msg},
		},
	}
}

// A part is a signature while it is being judged.
type part struct {
	*layout
	value  []byte // the signature as recovery reads it; nil where it finds none
	offset int    // of value in the message
	cms    *signature.CMS
	cmsErr error
	given  []*signature.Certificate
	found  []*signature.Certificate

	intact signature.Tri
	reason error
	signer *signature.Certificate // whose key verified
	hash   crypto.Hash            // with which
	byCMS  bool                   // only as CMS says, not as recovery reads it
}

func read(l *layout, keys []*signature.Certificate) *part {
	p := &part{layout: l, given: keys}
	var parts [][]byte
	var ok bool
	if p.value, p.offset, parts, ok = walk(l.message()); !ok {
		p.value = nil
	}
	p.cms, p.cmsErr = signature.ParseCMS(l.message())
	for _, raw := range parts {
		if c, err := signature.ParseCertificate(raw); err == nil {
			p.found = append(p.found, c)
		}
	}
	return p
}

// candidates are the certificates whose keys are tried.
func (p *part) candidates() []*signature.Certificate { return slices.Concat(p.given, p.found) }

// cmsHash is the hash that the message names; zero where it does not.
func (p *part) cmsHash() crypto.Hash {
	if p.cms == nil || len(p.cms.Signers) == 0 {
		return 0
	}
	return p.cms.Signers[0].Hash
}

// hashes are those that the file must be read with: what the message names, and
// what recovery takes from each certificate. They are one in all that signapk
// writes.
func (p *part) hashes() []crypto.Hash {
	var out []crypto.Hash
	add := func(h crypto.Hash) {
		switch h {
		case crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512:
			if !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	if p.value == nil && (p.cms == nil || len(p.cms.Signers) == 0) {
		return nil // nothing to verify: do not read the file
	}
	add(p.cmsHash())
	for _, c := range p.candidates() {
		add(recoveryHash(c))
	}
	return out
}

// bufferSize is one read of the file; from 32 KiB up its size moves the speed by
// less than a tenth.
const bufferSize = 1 << 20

// digest reads the first n bytes once and hashes them.
func digest(b blob.Blob, n int64, hashes []crypto.Hash) (map[crypto.Hash][]byte, error) {
	out := make(map[crypto.Hash][]byte, len(hashes))
	if len(hashes) == 0 {
		return out, nil
	}
	states := make([]hash.Hash, len(hashes))
	for i, h := range hashes {
		states[i] = h.New()
	}
	buf := make([]byte, min(n, bufferSize))
	for off := int64(0); off < n; {
		p := buf[:min(n-off, int64(len(buf)))]
		m, err := b.ReadAt(p, off)
		if m < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		for _, s := range states {
			s.Write(p)
		}
		off += int64(len(p))
	}
	for i, h := range hashes {
		out[h] = states[i].Sum(nil)
	}
	return out, nil
}

// judge looks for a key that made the signature: first as recovery reads the
// message, with the hash that it names and with the one that recovery would take;
// then as CMS says, which honours signed attributes.
func (p *part) judge(digests map[crypto.Hash][]byte) {
	if p.value == nil && p.cms == nil {
		p.intact, p.reason = signature.No, p.cmsErr
		if !errors.Is(p.cmsErr, parse.ErrFormat) {
			p.intact = signature.Unknown
		}
		return
	}
	var open error // why a key was not judged
	for _, c := range p.candidates() {
		if c.Key == nil {
			open = c.KeyError
			continue
		}
		for _, h := range []crypto.Hash{p.cmsHash(), recoveryHash(c)} {
			if digests[h] == nil || p.value == nil {
				continue
			}
			err := signature.Verify(c.Key, h, digests[h], nil, p.value)
			if err == nil {
				p.intact, p.reason, p.signer, p.hash = signature.Yes, nil, c, h
				return
			}
			if !errors.Is(err, parse.ErrFormat) {
				open = err
			}
		}
		if p.cms == nil || len(p.cms.Signers) == 0 || p.cms.Signers[0].Attributes == nil {
			continue
		}
		s := p.cms.Signers[0]
		switch err := p.cms.Verify(s, c, digests[s.Hash], nil); {
		case err == nil:
			p.intact, p.reason, p.signer, p.hash, p.byCMS = signature.Yes, nil, c, s.Hash, true
			return
		case !errors.Is(err, parse.ErrFormat):
			open = err
		}
	}
	switch {
	case open != nil:
		p.intact, p.reason = signature.Unknown, open
	case len(p.candidates()) == 0:
		p.intact = signature.Unknown
		p.reason = fail(parse.ErrUnsupported, p.messageAt(), "not judged: there is no certificate to take a key from", nil)
	case p.value == nil && (len(p.cms.Signers) == 0):
		p.intact, p.reason = signature.No, fail(parse.ErrFormat, p.messageAt(), "the message has no signer", nil)
	case len(digests) == 0:
		p.intact, p.reason = signature.Unknown, fail(parse.ErrUnsupported, p.messageAt(), "not judged: no verifier for this hash", nil)
	default:
		p.intact = signature.No
		p.reason = fail(parse.ErrFormat, p.messageAt(), "no key in the file or given made the signature of these bytes", nil)
	}
}

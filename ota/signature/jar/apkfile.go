package jar

import (
	"crypto"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// An apkFile is what a signature file says of the manifest, for the releases of
// one era.
type apkFile struct {
	done    bool
	ignored error   // it says nothing: these releases pass it over
	v       verdict // it contradicts the manifest
}

// An apkDigest is a digest that releases look for, under the name that they use.
type apkDigest struct {
	hash crypto.Hash
	sum  string
	ok   bool
}

// newNames is JB_MR2_AND_NEWER_DIGEST_ALGS: from SDK 18 the first that is there
// counts.
var newNames = [...]string{"sha-512", "sha-384", "sha-256", "sha1"}

// oldNames are the hashes that SDKs below 18 know by name, and since when:
// MIN_SDK_VESION_FROM_WHICH_DIGEST_SUPPORTED_IN_MANIFEST.
var oldNames = map[string]int{"md5": era1, "sha": era1, "sha1": era1, "sha-1": era1, "sha-256": era1, "sha-384": era9, "sha-512": era9}

// pick finds the digest that the releases of an era look at: getDigestsToVerify.
// digests are those of one suffix, -Digest or -Digest-Manifest; algorithms is the
// section's Digest-Algorithms.
func pick(digests []digest, algorithms string, era int) apkDigest {
	if era == era18 {
		for _, name := range newNames {
			if d, ok := named(digests, name); ok {
				return d
			}
		}
		return apkDigest{}
	}
	if algorithms == "" {
		algorithms = "SHA SHA1"
	}
	for name := range strings.FieldsSeq(algorithms) {
		name = strings.ToLower(name)
		since, known := oldNames[name]
		if d, ok := named(digests, name); ok && known && since <= era {
			return d
		}
	}
	return apkDigest{}
}

func named(digests []digest, name string) (apkDigest, bool) {
	for _, d := range digests {
		if d.name == name {
			return apkDigest{d.hash, d.sum, true}, true
		}
	}
	return apkDigest{}, false
}

// file compares a signature file with the manifest: verifySigFileAgainstManifest.
func (a *apk) file(s *apkSigner, era int) *apkFile {
	f := &s.eras[era]
	if f.done {
		return f
	}
	f.done = true
	if s.unread != nil {
		f.ignored = s.unread
		return f
	}
	if s.sections == nil {
		s.sections = make([]bool, len(a.m.sections))
		for _, sec := range s.sf.sections {
			if i, ok := a.m.index[sec.name]; ok {
				s.sections[i] = true
			}
		}
	}
	// signtool spells the manifest's digest like a member's.
	signtool := strings.Contains(s.sf.creator, "signtool")
	whole := pick(s.sf.whole, s.sf.main.algorithms, era)
	if signtool {
		whole = pick(s.sf.main.digests, s.sf.main.algorithms, era)
	} else if main := pick(s.sf.mainOnly, s.sf.main.algorithms, era); main.ok && sum(main.hash, a.m.main.raw) != main.sum {
		f.v = broken("the manifest's main section is not what was signed", nil)
		return f
	}
	if whole.ok && a.wholeSum(s, whole.hash) == whole.sum {
		return f
	}
	s.inPart = true
	for _, sec := range s.sf.sections {
		i, ok := a.m.index[sec.name]
		if !ok {
			f.ignored = fail(parse.ErrFormat, -1, "the signature file names what the manifest does not", sec.name)
			continue
		}
		d := pick(sec.digests, sec.algorithms, era)
		if !d.ok {
			f.refuse(noDigest(sec))
			continue
		}
		raw := a.m.sections[i].raw
		if n := len(raw); signtool && n >= 2 && raw[n-1] == '\n' && raw[n-2] == '\n' {
			raw = raw[:n-1]
		}
		if sum(d.hash, raw) != d.sum {
			f.refuse(broken("the manifest's section is not what was signed", sec.name))
		}
	}
	return f
}

// refuse keeps the first reason, but a contradiction before a rule.
func (f *apkFile) refuse(v verdict) {
	if f.v.err == nil || f.v.rule && !v.rule {
		f.v = v
	}
}

// noDigest tells a section without any digest from one whose digests are of other
// releases.
func noDigest(s section) verdict {
	for era := range eras {
		if pick(s.digests, s.algorithms, era).ok {
			return byRule("these releases find no digest that they know", nil)
		}
	}
	return broken("a section has no digest by a hash that is known", s.name)
}

// wholeSum is the manifest's digest, computed once.
func (a *apk) wholeSum(s *apkSigner, h crypto.Hash) string {
	if s.whole == nil {
		s.whole = map[crypto.Hash]string{}
	}
	if _, ok := s.whole[h]; !ok {
		s.whole[h] = sum(h, a.m.raw)
	}
	return s.whole[h]
}

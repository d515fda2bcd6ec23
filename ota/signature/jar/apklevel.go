package jar

import (
	"errors"
	"fmt"
	"math"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// bands are the first SDKs of runs within which all rules of apksig's
// V1SchemeVerifier and ApkVerifier are the same.
var bands = [...]int{1, 9, 18, 19, 21, 22, 24, 28}

// The eras of digests: SHA-384 and SHA-512 are known from 9, and from 18 the
// strongest digest counts, not the first.
const (
	era1 = iota
	era9
	era18
	eras
)

// A level is a run of SDKs that judge alike, and what they find.
type level struct {
	first, last int // SDKs, inclusive
	era         int
	broken      error // what is not as it was signed
	rule        error // why these releases refuse, whether or not it is
	unjudged    error // what stays open
	blind       bool  // no signature file says anything to these releases

	compared bool  // the members were compared with what was signed
	before   error // what stayed open before they were
}

func levels(least, most int) []level {
	var out []level
	for i, first := range bands {
		last := math.MaxInt
		if i+1 < len(bands) {
			last = bands[i+1] - 1
		}
		l := level{first: max(first, least), last: min(last, most)}
		if l.first > l.last {
			continue
		}
		switch {
		case first >= 18:
			l.era = era18
		case first >= 9:
			l.era = era9
		}
		out = append(out, l)
	}
	return out
}

// open tells whether nothing was found yet that ends the verification. A signature
// that cannot be judged does not: what it signs may still be changed.
func (l level) open() bool { return l.broken == nil && l.rule == nil && !l.blind }

// A verdict is why a level refuses; none where err is nil.
type verdict struct {
	err  error
	rule bool // by a rule of these releases, whatever was signed
}

func broken(msg string, got any) verdict { return verdict{err: fail(parse.ErrFormat, -1, msg, got)} }

func byRule(msg string, got any) verdict {
	return verdict{fail(parse.ErrUnsupported, -1, msg, got), true}
}

// refuse keeps the first reason of each kind.
func (l *level) refuse(v verdict) {
	var at *error
	switch {
	case v.err == nil:
		return
	case v.rule:
		at = &l.rule
	case errors.Is(v.err, parse.ErrFormat):
		at = &l.broken
	default:
		at = &l.unjudged
	}
	if *at == nil {
		*at = v.err
	}
}

func (a *apk) refuse(v verdict) {
	for i := range a.levels {
		a.levels[i].refuse(v)
	}
}

// platforms are the rows of Accepts: neighbours that agree are one.
func platforms(levels []level) []signature.Platform {
	var out []signature.Platform
	for i := 0; i < len(levels); {
		takes, why := levels[i].takes()
		j := i + 1
		for ; j < len(levels); j++ {
			if t, w := levels[j].takes(); t != takes || w != why {
				break
			}
		}
		first, last := levels[i].first, levels[j-1].last
		p := signature.Platform{Reader: "PackageManager", Since: release(first), Takes: takes, Rule: sdks(first, last) + why}
		if last != math.MaxInt {
			p.Until = release(last)
		}
		if first == 1 {
			p.Since = ""
		}
		out = append(out, p)
		i = j
	}
	return out
}

func (l level) takes() (t signature.Tri, why string) {
	switch {
	case l.broken != nil:
		return signature.No, message(l.broken)
	case l.rule != nil:
		return signature.No, message(l.rule)
	case l.unjudged != nil:
		return signature.Unknown, message(l.unjudged)
	}
	return signature.Yes, "JAR signature, where no newer scheme's block is found"
}

// ManifestAt tells whether a release takes the app where it lies on a partition of
// the system's own: the signature must hold, and of the members AndroidManifest.xml
// alone is compared (PackageParser.collectCertificates). From Android 7 on all that
// is signed must be there, too: StrictJarFile looks for each section's member,
// compared or not. why is the rule.
//
// Where the signature itself is refused members are not looked at, and the answer
// is that of the row of Accepts.
func (r *APKResult) ManifestAt(sdk int) (takes signature.Tri, why string) {
	for _, l := range r.levels {
		if sdk < l.first || sdk > l.last {
			continue
		}
		switch {
		case !l.compared:
			return l.takes()
		case l.before != nil:
			return signature.Unknown, message(l.before)
		case sdk >= 24 && r.NumMissing > 0:
			return signature.No, fmt.Sprintf("%d signed members are missing: %s", r.NumMissing, parse.EscapeText(r.Missing[0]))
		case !r.signed[l.era]:
			if takes, why = l.takes(); takes != signature.Yes {
				return takes, why
			}
			return signature.No, "there is no " + androidManifest
		}
		return signature.Yes, "JAR signature of " + androidManifest
	}
	return signature.Unknown, "not judged: another release"
}

// message is an error without the name of the format.
func message(err error) string {
	var e *parse.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Got == nil {
		return e.Msg
	}
	if s, ok := e.Got.(string); ok {
		return e.Msg + ": " + parse.EscapeText(s)
	}
	return fmt.Sprintf("%s: %v", e.Msg, e.Got)
}

// sdks writes a run of SDKs in front of a rule.
func sdks(first, last int) string {
	switch last {
	case first:
		return fmt.Sprintf("SDK %d: ", first)
	case math.MaxInt:
		return fmt.Sprintf("SDK %d and later: ", first)
	}
	return fmt.Sprintf("SDK %d to %d: ", first, last)
}

// releases are the Android releases by SDK, from 1: android.os.Build.VERSION_CODES.
var releases = [...]string{
	"1.0", "1.1", "1.5", "1.6", "2.0", "2.0.1", "2.1", "2.2", "2.3", "2.3.3", "3.0", "3.1", "3.2", "4.0", "4.0.3", "4.1", "4.2", "4.3",
	"4.4", "4.4W", "5.0", "5.1", "6.0", "7.0", "7.1", "8.0", "8.1", "9", "10", "11", "12", "12L", "13", "14", "15", "16",
}

// release names the release of an SDK; one that is not known by the SDK itself.
func release(sdk int) string {
	if sdk >= 1 && sdk <= len(releases) {
		return releases[sdk-1]
	}
	return fmt.Sprintf("SDK %d", sdk)
}

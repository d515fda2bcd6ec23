package apk

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// The readers of Report.Accepts.
const (
	installer = "PackageManager"
	scanner   = "PackageManager, system partition"
)

// releases are the names of SDKs, by SDK.
var releases = [sdkNewest + 1]string{"", "1.0", "1.1", "1.5", "1.6", "2.0", "2.0.1", "2.1", "2.2", "2.3", "2.3.3", "3.0", "3.1", "3.2",
	"4.0", "4.0.3", "4.1", "4.2", "4.3", "4.4", "4.4W", "5.0", "5.1", "6.0", "7.0", "7.1", "8.0", "8.1", "9", "10", "11", "12", "12L",
	"13", "14", "15", "16"}

// An outcome is what one release makes of the file.
type outcome struct {
	scheme  int
	signers []*signer // of v2, v3, v3.1
	err     error
}

// at is ApkSignatureVerifier of a release, without v4. With full the file is to be
// installed; else it lies on a system partition, where the package manager from
// 9 on collects certificates without a look at contents
// (ApkSignatureVerifier.unsafeGetCertsWithoutVerification), and of v1 compares
// AndroidManifest.xml alone in every release that this project knows of
// (PackageParser.collectCertificates).
func (v *verifier) at(sdk int, full bool) outcome {
	o := v.byBlock(sdk, full)
	if o.scheme == 0 {
		o = v.byV1(sdk, full)
	}
	if err := v.z.checkHead(sdk); err != nil && o.scheme != 0 {
		o.err = err
	}
	if o.err != nil {
		return o
	}
	// ApkSignatureVerifier.getMinimumSignatureSchemeVersionForTargetSdk, and
	// PackageParser's of targetSandboxVersion.
	switch {
	case o.scheme == schemeV1 && sdk >= sdkR && v.o.TargetSDK >= sdkR:
		o.err = fail(-1, parse.ErrFormat, "an app with targetSdkVersion 30 or more must be signed by v2 or a later scheme", v.o.TargetSDK)
	case o.scheme == schemeV1 && sdk >= sdkO && v.o.TargetSandbox > 1:
		o.err = fail(-1, parse.ErrFormat, "an app with targetSandboxVersion 2 must be signed by v2 or a later scheme", v.o.TargetSandbox)
	}
	return o
}

func (v *verifier) byBlock(sdk int, full bool) outcome {
	var before begin
	if v.v31 != nil && sdk >= sdkT {
		s, rotation, err := v.v3At(v.v31, sdk, begin{}, full)
		if err != nil || s != nil {
			return outcome{schemeV31, []*signer{s}, err}
		}
		before = rotation
	}
	if v.v3 != nil && sdk >= sdkP {
		s, _, err := v.v3At(v.v3, sdk, before, full)
		return outcome{schemeV3, []*signer{s}, err}
	}
	if v.v2 != nil && sdk >= sdkN {
		return outcome{schemeV2, v.v2.signers, v.v2At(sdk, full)}
	}
	return outcome{}
}

func (v *verifier) byV1(sdk int, full bool) outcome {
	if v.v1 == nil {
		err := v.z.none
		if err == nil {
			err = fail(-1, parse.ErrFormat, "no signature that this release reads", sdk)
		}
		return outcome{0, nil, err}
	}
	if !full {
		return outcome{schemeV1, nil, v.manifestAt(sdk)}
	}
	return outcome{schemeV1, nil, v.v1At(sdk)}
}

// compose gives the answer for the whole range.
func (v *verifier) compose(r *Report) {
	read := make(map[int]bool)
	var rows []row
	for sdk := v.o.MinSDK; sdk <= v.o.MaxSDK; sdk++ {
		o := v.at(sdk, true)
		read[o.scheme] = true
		r.refuse(o.err)
		rows = add(rows, installer, sdk, o)
		if sdk == v.o.MaxSDK {
			v.newest(r, sdk, o)
		}
	}
	trusted := false // the newest release takes the file on a system partition
	for sdk := v.o.MinSDK; sdk <= v.o.MaxSDK; sdk++ {
		o := v.at(sdk, false)
		if full := v.at(sdk, true); o.scheme > schemeV1 && sdk < sdkP && o.err == nil && full.err != nil {
			o.err = fail(-1, parse.ErrUnsupported, "whether contents were checked on system partitions before 9 is not known", nil)
		}
		rows = add(rows, scanner, sdk, o)
		trusted = o.err == nil
	}
	r.Accepts = platforms(rows, 0)
	for _, res := range r.Results {
		if n := numbers[res.Scheme]; read[n] && n != 0 || res.Scheme == signature.SchemeAPKv4 {
			if res.Intact != signature.Yes {
				r.refuse(res.Reason)
			}
		}
		if n := numbers[res.Scheme]; n > schemeV1 {
			res.Accepts = platforms(rows, n) // v1 says so itself
		}
	}
	r.refuse(v.agree(read))
	if r.Reason == nil {
		r.Intact = signature.Yes
	}
	r.StrippedDex = r.Intact == signature.No && len(read) == 1 && read[schemeV1] && trusted && v.strippedDex()
	if r.StrippedDex {
		r.Notes = append(r.Notes, "stripped for ahead-of-time compilation: classes.dex was signed and is not there, the rest holds")
	}
	if !read[schemeV1] {
		r.Notes = append(r.Notes, "no release of the range reads the JAR signature, which was not looked at")
	}
}

// numbers are the schemes that releases read.
var numbers = map[signature.Scheme]int{signature.SchemeAPKv1: schemeV1, signature.SchemeAPKv2: schemeV2,
	signature.SchemeAPKv3: schemeV3, signature.SchemeAPKv31: schemeV31}

// refuse keeps the first reason, a proven one before an open one.
func (r *Report) refuse(err error) {
	if err == nil || r.Intact == signature.No {
		return
	}
	if r.Reason == nil || tri(err) == signature.No {
		r.Intact, r.Reason = tri(err), err
	}
}

// newest fills what is said of the newest release.
func (v *verifier) newest(r *Report, sdk int, o outcome) {
	r.Scheme = o.scheme
	if o.err != nil {
		return
	}
	if o.scheme == schemeV1 {
		r.Signers = v.v1.Signers
		return
	}
	for _, s := range o.signers {
		if one := v.signerOf(s, sdk); one != nil {
			r.Signers = append(r.Signers, *one)
		}
		r.Lineage = s.lineage
	}
}

// A row is a run of releases that do the same.
type row struct {
	reader      string
	first, last int // SDKs
	scheme      int
	takes       signature.Tri
	rule        string
}

// add adds what a release does, or lengthens the row before.
func add(rows []row, reader string, sdk int, o outcome) []row {
	r := row{reader, sdk, sdk, o.scheme, takes(o.err), schemeName(o.scheme)}
	if o.err != nil {
		r.rule += ": " + message(o.err)
	}
	if n := len(rows); n > 0 {
		if l := &rows[n-1]; l.reader == reader && l.scheme == r.scheme && l.takes == r.takes && l.rule == r.rule {
			l.last = sdk
			return rows
		}
	}
	return append(rows, r)
}

// platforms writes rows out, of one scheme or, where it is 0, of all.
func platforms(rows []row, scheme int) []signature.Platform {
	var out []signature.Platform
	for _, r := range rows {
		if scheme != 0 && (r.scheme != scheme || r.reader != installer) {
			continue
		}
		sdks := fmt.Sprintf("SDK %d to %d: ", r.first, r.last)
		if r.first == r.last {
			sdks = fmt.Sprintf("SDK %d: ", r.first)
		}
		out = append(out, signature.Platform{Reader: r.reader, Since: releases[r.first], Until: releases[r.last], Takes: r.takes, Rule: sdks + r.rule})
	}
	return out
}

// message is an error without the name of the format and the place.
func message(err error) string {
	var e *parse.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	return e.Msg
}

func schemeName(n int) string {
	switch n {
	case 0:
		return "no signature"
	case schemeV31:
		return "v3.1"
	}
	return fmt.Sprintf("v%d", n)
}

// agree checks what the schemes that are read say of each other: ApkVerifier of
// apksig. A device reads one of them only, but an app whose signers depend on the
// release cannot be updated across them.
func (v *verifier) agree(read map[int]bool) error {
	if read[schemeV3] && v.v31 != nil && v.v3 == nil || read[schemeV31] && v.v3 == nil {
		return fail(v.v31.pair.off, parse.ErrFormat, "a v3.1 block without a v3 block", nil)
	}
	var old [][]byte // certificates of v1, else of v2
	byV2 := v.certsOf(v.v2)
	if read[schemeV1] && v.v1 != nil && v.v1.Intact == signature.Yes {
		for _, s := range v.v1.Signers {
			old = append(old, s.Certificate)
		}
		if read[schemeV2] && !sameSet(old, byV2) {
			return fail(v.v2.pair.off, parse.ErrFormat, "v1 and v2 are not of the same signers", nil)
		}
	} else if read[schemeV2] {
		old = byV2
	}
	if old == nil || !read[schemeV3] && !read[schemeV31] {
		return nil
	}
	off := int64(-1)
	var lineage []LineageEntry
	var now [][]byte
	for _, sc := range []*scheme{v.v3, v.v31} {
		if sc == nil || !read[sc.number] && sc == v.v31 {
			continue
		}
		off = sc.pair.off
		now = append(now, v.certsOf(sc)...)
		for _, s := range sc.signers {
			if len(s.lineage) > len(lineage) {
				lineage = s.lineage
			}
		}
	}
	switch {
	case len(old) != 1:
		return fail(off, parse.ErrFormat, "v1 or v2 have several signers, where v3 can have one only", len(old))
	case lineage != nil && !bytes.Equal(lineage[0].Certificate, old[0]):
		return fail(off, parse.ErrFormat, "the lineage of v3 does not begin with the signer of v1 or v2", nil)
	case lineage == nil && len(now) != 1:
		return fail(off, parse.ErrFormat, "several signers of v3 without a lineage", len(now))
	case lineage == nil && !bytes.Equal(now[0], old[0]):
		return fail(off, parse.ErrFormat, "v3 is not of the signer of v1 or v2, and has no lineage", nil)
	}
	return nil
}

// certsOf are the certificates of a scheme's signers.
func (v *verifier) certsOf(sc *scheme) [][]byte {
	var out [][]byte
	if sc == nil {
		return nil
	}
	for _, s := range sc.signers {
		if len(s.certs) > 0 {
			out = append(out, s.certs[0].Raw)
		}
	}
	return out
}

// sameSet tells whether each of a is in b and the other way round.
func sameSet(a, b [][]byte) bool {
	in := func(list [][]byte, x []byte) bool {
		return slices.ContainsFunc(list, func(y []byte) bool { return bytes.Equal(x, y) })
	}
	return !slices.ContainsFunc(a, func(x []byte) bool { return !in(b, x) }) && !slices.ContainsFunc(b, func(x []byte) bool { return !in(a, x) })
}

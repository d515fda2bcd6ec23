package apk

import (
	"context"
	"crypto"
	"slices"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/jar"
)

// Options say which releases are asked about, and what of the app's manifest the
// answer depends on.
type Options struct {
	MinSDK int // 0: 1, as an app without minSdkVersion has it
	MaxSDK int // 0: the newest that is known

	TargetSDK     int // targetSdkVersion, 0: not known
	TargetSandbox int // targetSandboxVersion, 0: not known

	IDSig blob.Blob // the .idsig file beside the app; nil: none
}

// A Report is what was found out about an APK.
type Report struct {
	// Results has an entry for each scheme that signs the file: v3.1, v3, v2, v1, v4,
	// stamps. v1 is there where a release of the range reads it.
	Results []*signature.Result

	// Intact tells whether every release of the range takes the file, and its
	// signatures agree with each other. The source stamp does not count.
	Intact signature.Tri
	Reason error

	// Of the newest release of the range: the scheme that it reads (1, 2, 3, 31 for
	// v3.1, 0 where there is none), who signed, proven, and since which keys.
	Scheme  int
	Signers []signature.Signer
	Lineage []LineageEntry

	// Accepts has rows of two readers: the installer, and the package manager where
	// the file lies on a system partition, whose contents it trusts.
	Accepts []signature.Platform

	// StrippedDex says that Intact is No for one reason: the code was taken out of an
	// app signed by v1 alone, as ahead-of-time compilation does on system partitions.
	// The rest holds, and such an app is right there and nowhere else: the newest
	// release of the range takes it there. From 7.0 on none does, since all that is
	// signed must be there.
	StrippedDex bool

	Notes []string // what else is odd about the file
}

// A verifier is one run of Verify.
type verifier struct {
	z   *zip
	o   Options
	bud *parse.Budget

	certs map[string]*signature.Certificate
	keys  map[string]crypto.PublicKey
	sums  map[content][]byte

	verified int // signatures

	v2, v3, v31 *scheme // nil: not there
	v1          *jar.APKResult
	v4          *idsig

	zip    *archive.Zip
	zipErr error
}

// Verify judges all signatures of the APK b. It reads b once for v2, v3, v3.1 and
// v4 together, and the members of the ZIP where v1 is read by a release of the
// range.
//
// The error is signature.ErrNone where nothing signs the file, a *parse.Error where
// it is no ZIP or its signing block or members exceed bud, or one of reading b. A
// signature that does not hold, or is larger than is read, is no error.
func Verify(ctx context.Context, b blob.Blob, o Options, bud *parse.Budget) (*Report, error) {
	if o.MinSDK <= 0 {
		o.MinSDK = 1
	}
	if o.MaxSDK <= 0 || o.MaxSDK > sdkNewest {
		o.MaxSDK = sdkNewest
	}
	o.MinSDK = min(o.MinSDK, o.MaxSDK)
	b = blob.WithContext(ctx, b)
	if o.IDSig != nil {
		o.IDSig = blob.WithContext(ctx, o.IDSig)
	}
	z, err := open(b, bud)
	if err != nil {
		return nil, err
	}
	v := &verifier{z: z, o: o, bud: bud, certs: make(map[string]*signature.Certificate), keys: make(map[string]crypto.PublicKey)}
	return v.run(ctx)
}

func (v *verifier) run(ctx context.Context) (*Report, error) {
	var err error
	for _, s := range []struct {
		to     **scheme
		id     uint32
		number int
		name   signature.Scheme
	}{{&v.v31, idV31, schemeV31, signature.SchemeAPKv31}, {&v.v3, idV3, schemeV3, signature.SchemeAPKv3}, {&v.v2, idV2, schemeV2, signature.SchemeAPKv2}} {
		if *s.to, err = v.readScheme(s.id, s.number, s.name); err != nil {
			return nil, err
		}
	}
	if v.o.IDSig != nil {
		if v.v4, err = v.readIDSig(v.o.IDSig); err != nil {
			return nil, err
		}
	}
	if err := v.digest(ctx); err != nil {
		return nil, err
	}
	if from, to, ok := v.readByV1(); ok {
		if err := v.readV1(ctx, from, to); err != nil {
			return nil, err
		}
	}
	r := &Report{Notes: v.z.notes()}
	if err := v.results(r); err != nil {
		return nil, err
	}
	if len(r.Results) == 0 && v.z.count == 0 && !v.z.damaged {
		return nil, signature.ErrNone
	}
	if v.zip != nil {
		r.Notes = append(r.Notes, short(v.zip.Notes())...)
	}
	v.compose(r)
	return r, nil
}

// digest makes the digests that any release of any range compares.
func (v *verifier) digest(ctx context.Context) (err error) {
	var want []content
	for _, sc := range []*scheme{v.v2, v.v3, v.v31} {
		if sc == nil {
			continue
		}
		sdks := []int{sdkP}
		if sc == v.v2 {
			sdks = []int{sdkN, sdkP}
		}
		for _, c := range sc.contents(sdks...) {
			if !slices.Contains(want, c) {
				want = append(want, c)
			}
		}
	}
	var tree *merkle
	if v.v4 != nil {
		tree = v.v4.tree
	}
	v.sums, err = v.z.digest(ctx, want, tree)
	return err
}

// readByV1 gives the SDKs of the range whose releases read the JAR signature.
func (v *verifier) readByV1() (from, to int, ok bool) {
	for sdk := v.o.MinSDK; sdk <= v.o.MaxSDK; sdk++ {
		if v.blockAt(sdk) {
			continue
		}
		if !ok {
			from, ok = sdk, true
		}
		to = sdk
	}
	return from, to, ok
}

// blockAt tells whether a release reads the signing block.
func (v *verifier) blockAt(sdk int) bool {
	return sdk >= sdkN && v.v2 != nil || sdk >= sdkP && v.v3 != nil || sdk >= sdkT && v.v31At(sdk)
}

// v31At tells whether the v3.1 block decides for a release.
func (v *verifier) v31At(sdk int) bool {
	if v.v31 == nil {
		return false
	}
	found, _, err := v.v3At(v.v31, sdk, begin{}, false)
	return err != nil || found != nil
}

package jar

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// maxAPKSigners bounds the signers of an app: apksig's MAX_APK_SIGNERS, which its
// releases before 2022 do not have. Fewer than the bits of a mask.
const maxAPKSigners = 10

// APKOptions are what the members of an app alone do not tell.
type APKOptions struct {
	// MinSDK and MaxSDK are the API levels to judge for, both inclusive; zero is
	// the first one there was, and all that are still to come.
	MinSDK, MaxSDK int
	// Duplicates are names that occur several times in the archive.
	Duplicates []string
	// Refused says of the archive's other entries that the file system does not
	// show why it does not, by name. What cannot be read cannot be judged; that a
	// local header contradicts the directory refutes the app.
	Refused map[string]string
	// Blocks are the schemes whose blocks are in the file: 2, 3, 31.
	Blocks []int
}

// An APKResult is a Result and what only apps have. Its Accepts has one row for
// each run of releases within MinSDK and MaxSDK that agree; an app verifies where
// all rows do. Intact is No where any of these releases finds something else than
// what was signed, and Unknown where none of them can look.
type APKResult struct {
	*signature.Result
	Schemes []int // what X-Android-APK-Signed names

	// Names of members as fs.FS has them, the first hundred of each, and always
	// AndroidManifest.xml, the only member whose digest Android compares for apps of
	// its own partitions. They are looked for only where the signature and the
	// manifest hold.
	Missing []string // signed, and not there; ahead-of-time compilation strips classes*.dex
	Changed []string // signed as something else
	Added   []string // signed by nobody

	NumMissing, NumChanged, NumAdded int // all of them

	levels []level
	signed [eras]bool // AndroidManifest.xml is what was signed
}

// VerifyAPK judges the JAR signature of an app, APK Signature Scheme v1, as
// apksig's V1SchemeVerifier does, release by release: fsys has the members, their
// names spelled as parse.Escape leaves them. Without a signature block the answer
// is signature.ErrNone.
//
// It differs from Verify in what Android asks of apps: the signatures in META-INF
// are one signature, all members outside must be signed by the same signers, names
// in META-INF are told apart by case, and each release has its own digests and
// algorithms. Certificates are never chained: a signer is the key that signed.
func VerifyAPK(ctx context.Context, fsys fs.FS, o APKOptions) (*APKResult, error) {
	if o.MinSDK <= 0 {
		o.MinSDK = 1
	}
	if o.MaxSDK <= 0 {
		o.MaxSDK = math.MaxInt
	}
	if o.MinSDK > o.MaxSDK {
		return nil, fail(parse.ErrUnsupported, -1, "the least SDK is above the greatest", o.MinSDK)
	}
	a := &apk{
		verifier: verifier{ctx: ctx, fsys: fsys, o: Options{Duplicates: o.Duplicates}},
		o:        o,
		levels:   levels(o.MinSDK, o.MaxSDK),
		r:        &APKResult{Result: &signature.Result{Scheme: signature.SchemeAPKv1}},
	}
	if err := a.list(); err != nil {
		return nil, err
	}
	if len(a.blocks) == 0 && a.unshown == "" {
		return nil, signature.ErrNone
	}
	if err := a.verify(); err != nil {
		return nil, err
	}
	a.finish()
	return a.r, nil
}

// An apk is the verification of one app.
type apk struct {
	verifier
	o       APKOptions
	levels  []level
	r       *APKResult
	names   map[string]int // of all members, by name: the section of the manifest, or -1
	m       *manifest
	signers []*apkSigner
	eras    [eras]eraState
	covered int64 // bytes
	count   int   // members
	weak    weakness
	unshown string // a signature block or file that the file system does not show; "" if there is none
}

// An eraState is what the members have in common for releases that look for the
// same digests.
type eraState struct {
	mask  uint16 // the signers of every member
	first string // the member that the mask is taken from; "" before there is one
}

// list finds the members, the manifest, signature files and blocks. Names have
// case here: Android's readers look for META-INF/ as it is written.
func (a *apk) list() error {
	a.names = map[string]int{}
	a.duplicates = map[string]bool{}
	for _, name := range a.o.Duplicates {
		a.duplicates[name] = true
	}
	for name := range a.o.Refused {
		if part := isBlockName(name) || strings.HasSuffix(name, ".SF"); inMeta(name) && part && !a.duplicates[name] {
			a.unshown = max(a.unshown, name)
		}
	}
	return fs.WalkDir(a.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if a.ctx.Err() != nil {
			return context.Cause(a.ctx)
		}
		if d.IsDir() {
			return nil
		}
		if len(a.names) == maxMembers {
			return fail(parse.ErrLimit, -1, "more members than are read", maxMembers)
		}
		a.names[name] = -1
		f := file{name: name}
		if info, err := d.Info(); err == nil {
			f.size = info.Size()
		}
		a.members = append(a.members, f)
		switch {
		case !inMeta(name):
		case name == manifestName:
			a.manifests = append(a.manifests, name)
		case isBlockName(name):
			a.blocks = append(a.blocks, name)
		}
		return nil
	})
}

const (
	manifestName    = "META-INF/MANIFEST.MF"
	androidManifest = "AndroidManifest.xml"
)

// inMeta tells whether a member is where no digest is asked for:
// isJarEntryDigestNeededInManifest.
func inMeta(name string) bool { return strings.HasPrefix(name, "META-INF/") }

func isBlockName(name string) bool {
	return strings.HasSuffix(name, ".RSA") || strings.HasSuffix(name, ".DSA") || strings.HasSuffix(name, ".EC")
}

// verify fills in what the levels find, in the order of apksig. Only errors of
// reading are returned.
func (a *apk) verify() error {
	for _, name := range a.o.Duplicates {
		if !strings.HasSuffix(name, "/") {
			// CVE-2013-4787: one reader verified the first, another ran the last.
			a.refuse(broken("the archive has the member twice", name))
		}
	}
	a.hidden()
	if err := a.readManifest(); err != nil {
		if !isParse(err) {
			return err
		}
		a.refuse(verdict{err: err})
		return nil
	}
	if err := a.readSigners(); err != nil {
		return err
	}
	if !slices.ContainsFunc(a.levels, level.open) {
		return nil // nobody signed anything that the members could be compared with
	}
	if err := a.missing(); err != nil {
		return err
	}
	if err := a.readMembers(); err != nil {
		return err
	}
	a.agree()
	return nil
}

// hidden judges the entries that the file system does not show: no digest of
// theirs can be compared, and other readers may see them.
func (a *apk) hidden() {
	var names []string
	for name := range a.o.Refused {
		if !a.duplicates[name] && !strings.HasSuffix(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		a.refuse(verdict{err: a.refused(name)})
	}
}

// refused is what an entry that the file system does not show means; nil where
// there is none of that name.
func (a *apk) refused(name string) error {
	why, ok := a.o.Refused[name]
	switch {
	case !ok:
		return nil
	case strings.Contains(why, "local header"):
		// Android bug 9695860: the directory's member was verified, another run.
		return fail(parse.ErrFormat, -1, "the archive contradicts itself: "+name+": "+why, nil)
	case strings.HasPrefix(why, "over the limit"):
		return fail(parse.ErrLimit, -1, "not judged: "+name+": "+why, nil)
	}
	return fail(parse.ErrUnsupported, -1, "not judged: "+name+": "+why, nil)
}

// readManifest reads the manifest, whose sections must have distinct names.
func (a *apk) readManifest() error {
	if len(a.manifests) == 0 {
		if err := a.refused(manifestName); err != nil {
			return err
		}
		return fail(parse.ErrFormat, -1, "there is no manifest", nil)
	}
	raw, err := a.read(manifestName, maxText)
	if err != nil {
		return err
	}
	if a.m, err = parseManifest(raw); err != nil {
		return err
	}
	if a.m.twice != "" {
		return fail(parse.ErrFormat, -1, "the manifest has two sections of one name", a.m.twice)
	}
	return nil
}

// missing finds the sections of the manifest without a member. One that is there
// and not shown was judged by hidden.
func (a *apk) missing() error {
	for i, s := range a.m.sections {
		if a.ctx.Err() != nil {
			return context.Cause(a.ctx)
		}
		name := parse.Escape(s.name)
		if _, ok := a.names[name]; ok {
			a.names[name] = i
			continue
		}
		if _, ok := a.o.Refused[name]; ok {
			continue
		}
		folder, isFolder := strings.CutSuffix(name, "/")
		info, err := fs.Stat(a.fsys, folder)
		switch {
		case err == nil && isFolder && info.IsDir() && info.Sys() != nil:
			continue // an entry of the archive; one that names alone make has nothing behind it
		case err != nil && !isFolder:
			// A file system may know of a member that it does not show.
			var at *fs.PathError
			if errors.As(err, &at) && errors.Is(at.Err, fs.ErrNotExist) && at.Err != fs.ErrNotExist {
				a.refuse(verdict{err: fail(parse.ErrUnsupported, -1, "not judged: "+name+": "+at.Err.Error(), nil)})
				continue
			}
		}
		a.r.NumMissing++
		a.r.Missing = listed(a.r.Missing, name)
	}
	return nil
}

// listed adds a name to a list that a hostile app shall not make long, nor hide the
// manifest behind.
func listed(list []string, name string) []string {
	if len(list) < maxListed || name == androidManifest {
		return append(list, name)
	}
	return list
}

// schemes reads X-Android-APK-Signed: numbers with commas between. What is none is
// passed over, as Android does.
func schemes(value string) []int {
	var out []int
	for s := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err == nil && (len(out) < maxListed || n == 2 || n == 3) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

package apk

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/jar"
)

// archive opens the file as a ZIP, once.
func (v *verifier) archive() (*archive.Zip, error) {
	if v.zip == nil && v.zipErr == nil {
		v.zip, v.zipErr = archive.OpenZip(v.z.b, v.bud)
	}
	return v.zip, v.zipErr
}

// readV1 verifies the JAR signature for the releases from one SDK to another.
func (v *verifier) readV1(ctx context.Context, from, to int) error {
	z, err := v.archive()
	if err != nil {
		return err
	}
	o := jar.APKOptions{MinSDK: from, MaxSDK: to}
	o.Refused = make(map[string]string)
	seen := make(map[string]bool)
	for _, e := range z.Entries() {
		if e.Refused != "" {
			o.Refused[e.Name] = e.Refused
		}
		if seen[e.Name] && !slices.Contains(o.Duplicates, e.Name) {
			o.Duplicates = append(o.Duplicates, e.Name)
		}
		seen[e.Name] = true
	}
	for _, sc := range []*scheme{v.v2, v.v3, v.v31} {
		if sc != nil {
			o.Blocks = append(o.Blocks, sc.number)
		}
	}
	v.v1, err = jar.VerifyAPK(ctx, z, o)
	if errors.Is(err, signature.ErrNone) {
		return nil
	}
	return err
}

// dexFile is what ahead-of-time compilation takes out of an app.
var dexFile = regexp.MustCompile(`^classes[0-9]*\.dex$`)

// strippedDex tells whether the code is all that is missing of what v1 signed.
func (v *verifier) strippedDex() bool {
	r := v.v1
	return r != nil && len(r.Signers) > 0 && r.NumMissing > 0 && r.NumMissing == len(r.Missing) && r.NumChanged == 0 && r.NumAdded == 0 &&
		!slices.ContainsFunc(r.Missing, func(name string) bool { return !dexFile.MatchString(name) })
}

// manifestHolds tells whether AndroidManifest.xml is what v1 signed, which is all
// that is checked of an app of the system partition.
func (v *verifier) manifestHolds() bool {
	r := v.v1
	for _, list := range [][]string{r.Missing, r.Changed, r.Added} {
		if slices.Contains(list, androidXMLName) {
			return false
		}
	}
	return len(r.Signers) > 0
}

// v1At is what the row of a release says.
func (v *verifier) v1At(sdk int) error {
	for _, p := range v.v1.Accepts {
		since, until := slices.Index(releases[:], p.Since), slices.Index(releases[:], p.Until)
		if sdk < since || p.Until != "" && sdk > until {
			continue
		}
		_, rule, _ := strings.Cut(p.Rule, ": ") // without its SDKs
		switch p.Takes {
		case signature.Yes:
			return nil
		case signature.No:
			return fail(-1, parse.ErrFormat, rule, nil)
		}
		return fail(-1, parse.ErrUnsupported, rule, nil)
	}
	return fail(-1, parse.ErrUnsupported, "not judged by package jar", sdk)
}

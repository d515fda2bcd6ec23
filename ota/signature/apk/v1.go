package apk

import (
	"context"
	"errors"
	"fmt"
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
	seen := make(map[string]int)
	for _, e := range z.Entries() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.Refused != "" {
			o.Refused[e.Name] = e.Refused
		}
		if seen[e.Name]++; seen[e.Name] == 2 {
			o.Duplicates = append(o.Duplicates, e.Name)
		}
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

// manifestAt is what a release finds that compares AndroidManifest.xml alone.
func (v *verifier) manifestAt(sdk int) error {
	takes, rule := v.v1.ManifestAt(sdk)
	return refusal(takes, rule)
}

// refusal is the error of an answer by package jar.
func refusal(takes signature.Tri, rule string) error {
	switch takes {
	case signature.Yes:
		return nil
	case signature.No:
		return fail(-1, parse.ErrFormat, rule, nil)
	}
	return fail(-1, parse.ErrUnsupported, rule, nil)
}

// v1At is what the row of a release says.
func (v *verifier) v1At(sdk int) error {
	for _, p := range v.v1.Accepts {
		since, until := slices.Index(releases[:], p.Since), slices.Index(releases[:], p.Until)
		if sdk < since || p.Until != "" && sdk > until {
			continue
		}
		_, rule, _ := strings.Cut(p.Rule, ": ") // without its SDKs
		return refusal(p.Takes, rule)
	}
	return fail(-1, parse.ErrUnsupported, "not judged by package jar", sdk)
}

// short are the notes of the archive, unless there are many: those are its own to
// tell. Of a signing block the results say more.
func short(notes []string) []string {
	notes = slices.DeleteFunc(notes, func(s string) bool { return strings.HasPrefix(s, "an APK signing block") })
	if len(notes) > maxNotes {
		return []string{fmt.Sprintf("the archive: %d notes, the first: %s", len(notes), notes[0])}
	}
	return notes
}

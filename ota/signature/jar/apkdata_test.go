package jar

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/signature"
)

// ranges are the SDKs that apps are judged for.
var ranges = [][2]int{{1, 0}, {18, 0}, {1, 17}, {1, 23}, {9, 17}, {18, 23}, {21, 27}, {24, 27}, {28, 0}}

// testData asks apksig about every app of the public test data, for all releases,
// and about some for each run of them.
func testData(t *testing.T, j *apksig) {
	counts := map[string]int{}
	files := 0
	for _, path := range otatest.APKs(t) {
		files++
		z, o := openAPK(t, path)
		some := ranges
		if files%12 != 0 {
			some = ranges[:1]
		}
		for _, r := range some {
			o.MinSDK, o.MaxSDK = r[0], r[1]
			theirs, issues, certs := j.verify(path, o)
			res, err := VerifyAPK(context.Background(), z, o)
			if errors.Is(err, signature.ErrNone) {
				counts["no signature"]++
				if issues != "JAR_SIG_NO_MANIFEST" && issues != "JAR_SIG_NO_SIGNATURES" && issues != "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST" {
					t.Errorf("%s: we find no signature, apksig says %v: %s", path, theirs, issues)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			ours := takes(res)
			if ours != theirs || ours && signers(res) != certs {
				t.Errorf("%s, SDK %d to %d: we say %v (%v: %v) by %s,\napksig %v: %s by %s", filepath.Base(path), r[0], r[1], ours, res.Intact, res.Reason, signers(res), theirs, issues, certs)
			}
			why := "holds"
			if !ours {
				why = issues
			}
			counts[why]++
		}
	}
	t.Logf("%d apps: %v", files, counts)
}

package jar

import (
	"context"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/signature"
)

// TestUnshown has names that the file system does not show: what is there and
// cannot be looked at is neither missing nor nobody's signature.
func TestUnshown(t *testing.T) {
	key := newKey(t, "RSA", "k")
	rename := func(from, to string) func([][2]string) [][2]string {
		return func(files [][2]string) [][2]string {
			for i := range files {
				if files[i][0] == from {
					files[i][0] = to
				}
			}
			return files
		}
	}
	for _, tc := range []struct {
		name   string
		a      testAPK
		refuse string // a name that is refused for some other reason
		want   signature.Tri
		reason string
	}{
		{"empty element", testAPK{members: append(twoMembers[:2:2], [2]string{"assets//x", "y"})}, "", signature.Unknown, "empty element"},
		{"absolute", testAPK{members: append(twoMembers[:2:2], [2]string{"/x", "y"})}, "", signature.Unknown, "absolute path"},
		{"dot", testAPK{members: append(twoMembers[:2:2], [2]string{"./x", "y"})}, "", signature.Unknown, "the element ."},
		{"folder", testAPK{members: append(twoMembers[:2:2], [2]string{"res/", ""})}, "", signature.Yes, ""},
		{"folder that no entry names", testAPK{members: append(twoMembers[:2:2], [2]string{"res/", ""}, [2]string{"res/x", "y"}), after: rename("res/", "META-INF/x")}, "", signature.No, "1 signed members are missing"},
		{"signature block", testAPK{members: twoMembers, after: rename("META-INF/A.RSA", "META-INF//A.RSA")}, "", signature.Unknown, "empty element"},
		{"signature file", testAPK{members: twoMembers, after: rename("META-INF/A.SF", "META-INF//A.SF")}, "", signature.Unknown, "empty element"},
		{"one of two blocks", testAPK{members: twoMembers, infos: [][]testInfo{{{key: key}}, {{key: key}}}, after: rename("META-INF/B.RSA", "META-INF//B.RSA")}, "", signature.Unknown, "empty element"},
		{"one of two blocks, which signs more", testAPK{members: twoMembers, whole: true, infos: [][]testInfo{{{key: key}}, {{key: key}}}, after: rename("META-INF/B.RSA", "META-INF//B.RSA"),
			sf: func(s string) string { return s[:strings.Index(s, "Name: classes")] }}, "", signature.Unknown, "empty element"},
		{"manifest", testAPK{members: twoMembers, after: rename("META-INF/MANIFEST.MF", "META-INF/x")}, "META-INF/MANIFEST.MF", signature.Unknown, "not judged: META-INF/MANIFEST.MF"},
		{"a member that is missing beside", testAPK{members: append(twoMembers[:2:2], [2]string{"a//x", "y"}), after: rename("classes.dex", "META-INF/x")}, "", signature.No, "1 signed members are missing"},
	} {
		tc.a.names = []string{"SHA1"}
		if tc.a.infos == nil {
			tc.a.infos = [][]testInfo{{{key: key}}}
		}
		z, o := openBytes(t, tc.a.build(t))
		if tc.refuse != "" {
			o.Refused[tc.refuse] = "compression method 99 (0x63) is not supported"
		}
		r, err := VerifyAPK(context.Background(), z, o)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if r.Intact != tc.want || tc.reason != "" && !strings.Contains(r.Reason.Error(), tc.reason) {
			t.Errorf("%s: %v: %v", tc.name, r.Intact, r.Reason)
		}
	}
}

// TestManifestAt has the row of system partitions: what is compared there, and what
// is not because nobody came so far.
func TestManifestAt(t *testing.T) {
	key := newKey(t, "RSA", "k")
	change := func(name string) func([][2]string) [][2]string {
		return func(files [][2]string) (out [][2]string) {
			for _, f := range files {
				switch {
				case f[0] != name:
				case name == "classes.dex":
					continue // stripped
				default:
					f[1] = "changed"
				}
				out = append(out, f)
			}
			return out
		}
	}
	twice := func(files [][2]string) [][2]string { return append(files, [2]string{"a", ""}, [2]string{"a", ""}) }
	evil := func(files [][2]string) [][2]string { return twice(change(androidManifest)(files)) }
	other := func(files [][2]string) [][2]string {
		return append(files, [2]string{androidManifest, "another"})
	}
	const yes, no, open = signature.Yes, signature.No, signature.Unknown
	for _, tc := range []struct {
		name       string
		a          testAPK
		refuse     string
		at17, at23 signature.Tri
		at36       signature.Tri
		why36      string
	}{
		{"sound", testAPK{names: []string{"SHA1"}}, "", yes, yes, yes, "JAR signature of"},
		{"changed", testAPK{names: []string{"SHA1"}, after: change(androidManifest)}, "", no, no, no, "is not what was signed: AndroidManifest.xml"},
		{"changed beside two of a name", testAPK{names: []string{"SHA1"}, after: evil}, "", no, no, no, "twice"},
		{"twice", testAPK{names: []string{"SHA1"}, after: other}, "", no, no, no, "twice: AndroidManifest.xml"},
		{"changed, and v2 stripped", testAPK{names: []string{"SHA1"}, signed: "2", after: change(androidManifest)}, "", no, no, no, "v2, whose block"},
		{"v2 stripped", testAPK{names: []string{"SHA1"}, signed: "2"}, "", yes, yes, no, "v2, whose block"},
		{"code stripped", testAPK{names: []string{"SHA1"}, after: change("classes.dex")}, "", yes, yes, no, "1 signed members are missing: classes.dex"},
		{"digests that old releases do not know", testAPK{names: []string{"SHA-256"}}, "", no, yes, yes, ""},
		{"a member that cannot be read", testAPK{names: []string{"SHA1"}}, "x", open, open, open, "not judged: x"},
		{"no digest", testAPK{names: []string{"SHA1"}, whole: true, manifest: func(s string) string {
			return strings.Replace(s, "Name: AndroidManifest.xml\r\nSHA1-Digest", "Name: AndroidManifest.xml\r\nSHA3-Digest", 1)
		}}, "", no, no, no, "no digest"},
	} {
		tc.a.members, tc.a.infos = [][2]string{{androidManifest, "xml"}, {"classes.dex", "code"}}, [][]testInfo{{{key: key}}}
		z, o := openBytes(t, tc.a.build(t))
		if tc.refuse != "" {
			o.Refused[tc.refuse] = "compression method 99 (0x63) is not supported"
		}
		r := verifyAPK(t, z, o)
		for _, at := range []struct {
			sdk  int
			want signature.Tri
		}{{17, tc.at17}, {23, tc.at23}, {36, tc.at36}} {
			if got, why := r.ManifestAt(at.sdk); got != at.want || at.sdk == 36 && !strings.Contains(why, tc.why36) {
				t.Errorf("%s, SDK %d: %v, %s", tc.name, at.sdk, got, why)
			}
		}
	}
}

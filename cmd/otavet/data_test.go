package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/policies/packs"
)

// What data/README.md of the public test data says of recovery's own test
// packages, and what openssl and jarsigner say. fake-update is said there to be signed with
// AOSP's test key; it is signed with a key of 2011 under the same name, whose
// public half openssl finds to differ from that of every listed key.
var recoveryTruth = []struct {
	file, scheme string // of each signature, in the order of the facts
	holds        []bool
	signer, hash string
	known        bool // by the list of publicly known keys
}{
	{"otasigned_v1.zip", "wholefile jar", []bool{true, true}, "a40da80a59d1", "SHA-1", true},
	{"otasigned_v2.zip", "wholefile jar", []bool{true, true}, "23539ce772f2", "SHA-1", true},
	{"otasigned_v3.zip", "wholefile jar", []bool{true, true}, "2e527f8b9a49", "SHA-256", true},
	{"otasigned_v4.zip", "wholefile jar", []bool{true, true}, "c06adf92c555", "SHA-256", true},
	{"ziptest_fake-update.zip", "wholefile jar", []bool{true, true}, "6cecc50e34ae", "SHA-1", false},
	{"jarsigned.zip", "jar", []bool{true}, "a40da80a59d1", "SHA-1", true},
	{"unsigned.zip", "", nil, "", "", false},
	{"ziptest_valid.zip", "", nil, "", "", false},
}

func TestRecoveryPackages(t *testing.T) {
	dir := otatest.Data(t, "recovery")
	for _, tc := range recoveryTruth {
		path := filepath.Join(dir, tc.file)
		text, errs, _ := command("facts", "--quiet", path)
		if len(errs) > 0 {
			t.Errorf("%s: %s", tc.file, errs)
			continue
		}
		f, err := fact.Decode(bytes.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", tc.file, err)
			continue
		}
		var schemes []string
		for i, s := range f.Signatures {
			schemes = append(schemes, s.Scheme)
			if i < len(tc.holds) && (s.Holds == nil || *s.Holds != tc.holds[i]) {
				t.Errorf("%s %s: holds %v, want %v: %s", tc.file, s.Scheme, s.Holds, tc.holds[i], s.Reason)
			}
			if len(s.Signers) != 1 || !strings.HasPrefix(s.Signers[0].SHA256, tc.signer) || s.Signers[0].Digest != tc.hash {
				t.Errorf("%s %s: signers %+v, want %s over %s", tc.file, s.Scheme, s.Signers, tc.signer, tc.hash)
			}
			if len(s.Known) > 0 != tc.known {
				t.Errorf("%s %s: known %+v", tc.file, s.Scheme, s.Known)
			}
		}
		if got := strings.Join(schemes, " "); got != tc.scheme {
			t.Errorf("%s: signatures %q, want %q", tc.file, got, tc.scheme)
		}
		sameMembers(t, path, f)
	}
	_, errs, exit := command("check", filepath.Join(dir, "random.zip"))
	if exit != 3 || !bytes.Contains(errs, []byte("no update (it begins with")) {
		t.Errorf("random.zip: exit %d, %s", exit, errs)
	}
}

// sameMembers compares ls and cat with the standard library's reader.
func sameMembers(t *testing.T, path string, f *fact.Facts) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != len(f.Members) {
		t.Errorf("%s: %d members, the standard library reads %d", path, len(f.Members), len(z.File))
	}
	listing, _, _ := command("ls", path)
	for _, m := range z.File {
		if strings.HasSuffix(m.Name, "/") {
			continue
		}
		if !bytes.Contains(append([]byte("\n"), listing...), []byte("\n"+parse.Escape(m.Name)+"\n")) {
			t.Errorf("%s: ls does not list %s", path, m.Name)
		}
		r, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, errs, _ := command("cat", path, parse.Escape(m.Name)); !bytes.Equal(got, want) {
			t.Errorf("%s: cat %s gives %d bytes, the standard library %d: %s", path, m.Name, len(got), len(want), errs)
		}
	}
}

// The command answers for every tree, every unpacked META-INF, every APK and every
// module of the public data: with a verdict, never with a pass, since nothing looks at
// verified boot yet.
func TestPublicData(t *testing.T) {
	n, verdicts := 0, map[string]int{}
	for _, pattern := range []string{"rom/*", "transfer/*", "apex/*", "droidbench/apk/*/*.apk"} {
		paths, err := filepath.Glob(filepath.Join(otatest.Data(t), pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			if ext := filepath.Ext(path); strings.HasPrefix(pattern, "apex") && ext != ".apex" && ext != ".capex" {
				continue
			}
			out, errs, exit := command("check", "--quiet", "--format", "json", path)
			if len(errs) > 0 || exit != 1 && exit != 4 {
				t.Errorf("%s: exit %d: %s", path, exit, errs)
				continue
			}
			var r struct {
				Outcome string
				Update  struct{ Layout string }
			}
			if err := json.Unmarshal(out, &r); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			undecided(t, path, out)
			n++
			verdicts[fmt.Sprintf("%s %s", r.Update.Layout, r.Outcome)]++
		}
	}
	t.Logf("%d updates: %v", n, verdicts)
}

// undecided proves that no rule which needs flows or writes gives an answer on an update: nothing finds
// them yet, so that a pass would be made of air. It gives how many rules it looked at.
func undecided(t *testing.T, path string, reportJSON []byte) int {
	t.Helper()
	var r struct {
		Results []struct {
			Rule, Status string
			Missing      []string
		}
	}
	if err := json.Unmarshal(reportJSON, &r); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	blind := map[string]bool{}
	for _, p := range packs.BuiltIn() {
		for _, rule := range p.Policies {
			if slices.Contains(rule.Needs, fact.KindFlows) || slices.Contains(rule.Needs, fact.KindWrites) {
				blind[rule.ID] = true
			}
		}
	}
	n := 0
	for _, res := range r.Results {
		if !blind[res.Rule] {
			continue
		}
		n++
		if res.Status != "unknown" || len(res.Missing) == 0 {
			t.Errorf("%s: %s is %s, missing %q: nobody has looked", path, res.Rule, res.Status, res.Missing)
		}
	}
	if n < 2 || n != len(blind) {
		t.Errorf("%s: %d of %d rules that need flows or writes are in the report", path, n, len(blind))
	}
	return n
}

// The examples too.
func TestNothingIsMadeOfAir(t *testing.T) {
	n := 0
	for _, path := range examples(t) {
		out, _, exit := command("check", "--quiet", "--format", "json", path)
		if exit == 3 {
			continue // refused
		}
		n += undecided(t, path, out)
	}
	t.Logf("%d answers looked at", n)
}

// The known truth of the unpacked updates: whose JAR signature verifies, and what
// their scripts do.
func TestTransferFolders(t *testing.T) {
	for _, tc := range []struct {
		dir, holds, effects string
	}{
		// jarsigner verifies what is here of it; the images are not.
		{"lineage14-x00id", "unknown", "run-program block-update"},
		// The text was normalised to LF after it was signed.
		{"oppo-k3-ota", "false", "block-update raw-image"},
		{"rm6785-blockota", "", "run-program block-update"},
		{"secret-os", "unknown", ""},
	} {
		text, errs, _ := command("facts", "--quiet", otatest.Data(t, "transfer", tc.dir))
		f, err := fact.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v: %s", tc.dir, err, errs)
		}
		got := ""
		for _, s := range f.Signatures {
			got = "unknown"
			if s.Holds != nil {
				got = fmt.Sprint(*s.Holds)
			}
		}
		if got != tc.holds {
			t.Errorf("%s: the JAR signature holds: %q, want %q", tc.dir, got, tc.holds)
		}
		for _, e := range strings.Fields(tc.effects) {
			found := false
			for _, s := range f.Script {
				found = found || s.Effect == e
			}
			if !found {
				t.Errorf("%s: no call of the script has the effect %s", tc.dir, e)
			}
		}
		if f.Update[0].Fingerprint == "" && tc.dir != "oppo-k3-ota" {
			t.Errorf("%s: no fingerprint", tc.dir)
		}
	}
}

// Hostile names and texts reach no terminal as they are.
func TestNothingReachesTheTerminalRaw(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, text := range map[string]string{
		"a\x1b[2J\u202eb":                            "x",
		"META-INF/com/android/metadata":              "post-build=\x1b]0;owned\a\npre-device=\u009b31m\u200b\n\x1b[1m=2\n",
		"META-INF/com/google/android/updater-script": "ui_print(\"\x1b[31m\u202e\");\nfoo\x1b();\npackage_extract_file(\"a\x1b[2J\u202eb\", \"/system/\x1b[5m\");run_program(\"\u009b1m\");",
		"META-INF/com/google/android/update-binary":  "\x7fELF",
		"META-INF/com/android/otacert":               "-----BEGIN CERTIFICATE-----\n\x1b[2J",
	} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "evil\x1b[2J.zip")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check"}, {"check", "--format=json"}, {"facts"}, {"facts", "--kinds=files"}, {"signatures", "--detail"}, {"ls", "-l"}, {"ls", "--format=json"}} {
		out, errs, _ := command(append(args, path)...)
		for _, text := range []string{string(out), string(errs)} {
			if i := strings.IndexFunc(text, func(r rune) bool { return r == 0x1b || r == 7 || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x200b }); i >= 0 {
				t.Errorf("%s: prints %q", args, text[max(0, i-20):min(len(text), i+20)])
			}
		}
	}
}

package packs_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/packs"
)

var yes, no = true, false

// sound is an update that gives no rule cause to complain, as far as this
// version can look.
func sound() *fact.Facts {
	return &fact.Facts{
		Schema: fact.Schema,
		Kinds:  fact.All(),
		Update: []fact.Update{{Path: "update.zip", Size: 100, Layout: "zip-files", Device: "d", Android: "4.4.4",
			BuildTime: "2014-08-10T00:00:00Z"}},
		Metadata: []fact.Metadata{
			{File: "META-INF/com/android/metadata", Key: "post-build", Value: "b/p/d:4.4.4/i/1:user/release-keys"},
			{File: "META-INF/com/android/metadata", Key: "post-timestamp", Value: "1407628800"},
			{File: "META-INF/com/android/metadata", Key: "pre-device", Value: "d"},
		},
		Members:    []fact.Member{{Name: "META-INF/com/google/android/updater-script"}, {Name: "system/build.prop"}},
		Partitions: []fact.Partition{{Name: "system", Mount: "/system", Form: "tree"}},
		Script: []fact.Script{
			{Call: "assert", Args: []string{`getprop("ro.product.device") == "d"`}, Effect: "check"},
			{Call: "mount", Args: []string{"ext4", "EMMC", "/dev/block/system", "/system"}, Effect: "mount"},
			{Call: "package_extract_dir", Args: []string{"system", "/system"}, Effect: "extract"},
			{Call: "package_extract_file", Args: []string{"boot.img", "/dev/block/boot"}, Effect: "raw-image"},
		},
		Properties: []fact.Property{
			{Name: "ro.build.fingerprint", Value: "b/p/d:4.4.4/i/1:user/release-keys", At: fact.Location{Partition: "system", Path: "build.prop", Device: "/system/build.prop"}},
			{Name: "ro.product.device", Value: "d", At: fact.Location{Partition: "system", Path: "build.prop", Device: "/system/build.prop"}},
		},
		Certificates: []fact.Certificate{
			{Role: "ota", SHA256: "c1", KeySHA256: "k1", At: fact.Location{Path: "META-INF/com/android/otacert"}},
			{Role: "otacerts", SHA256: "c1", KeySHA256: "k1", At: fact.Location{Partition: "system",
				Path: "etc/security/otacerts.zip", Device: "/system/etc/security/otacerts.zip", Inner: []string{"r.x509.pem"}}},
		},
		Signatures: []fact.Signature{{Scheme: "wholefile", Subject: "update.zip", Holds: &yes,
			Signers: []fact.Signer{{Subject: "CN=somebody", SHA256: "c1", KeySHA256: "k1", Algorithm: "RSA", Bits: 2048, Digest: "SHA-256"}},
			Accepts: []fact.Accepts{
				{Reader: "recovery", Until: "4.2", Takes: &no, Rule: "hashes with SHA-1 only"},
				{Reader: "recovery", Since: "4.3", Until: "4.4", Takes: &yes, Rule: "RSA-2048"},
				{Reader: "recovery", Since: "5.0", Takes: &yes, Rule: "RSA-2048"},
			},
			Covers:   []fact.Range{{First: 0, End: 60}, {First: 70, End: 80}},
			Unsigned: []fact.Range{{First: 60, End: 70, What: "comment text"}, {First: 80, End: 100, What: "footer"}},
		}},
	}
}

func base() *fact.Facts {
	f := sound()
	f.Update[0].BuildTime = "2014-06-01T00:00:00Z"
	app, module := fact.Location{Partition: "system", Path: "app/A.apk"}, fact.Location{Partition: "system", Path: "apex/m.apex", Inner: []string{"apex_manifest.pb"}}
	f.Apps = append(f.Apps, fact.App{Package: "a.b", At: app})
	f.Modules = append(f.Modules, fact.Module{Name: "com.m", At: module})
	f.Signatures = append(f.Signatures, fact.Signature{Scheme: "apk", Subject: "system:app/A.apk", At: app, Signers: []fact.Signer{{SHA256: "c1"}}},
		fact.Signature{Scheme: "apex-payload", Subject: "system:apex/m.apex", At: fact.Location{Partition: "system", Path: "apex/m.apex", Inner: []string{"apex_payload.img"}},
			Signers: []fact.Signer{{SHA256: "c4"}}})
	return f
}

func without(f *fact.Facts, k fact.Kind) {
	f.Kinds = slices.DeleteFunc(slices.Clone(f.Kinds), func(have fact.Kind) bool { return have == k })
}

func blind(f *fact.Facts, k fact.Kind, at fact.Location, s ...fact.Subject) {
	f.Gaps = append(f.Gaps, fact.Gap{At: at, Reason: "cut short", Cause: fact.CauseFormat, Blinds: []fact.Kind{k}, Subjects: s})
}

func call(effect, name string, args ...string) fact.Script {
	return fact.Script{Call: name, Args: args, Effect: effect}
}

// trust is the key that signed what is sound.
func trust() map[policies.Role][]string {
	return map[policies.Role][]string{policies.RoleOTA: {"k0", "k1"}, policies.RoleAPK: {"k1"}}
}

const pass, fails, unknown, na = policies.StatusPass, policies.StatusFail, policies.StatusUnknown, policies.StatusNA

type change struct {
	name string
	do   func(*fact.Facts)
	want policies.Status
	says string // somewhere in the judgements
}

func noSignature(f *fact.Facts) { f.Signatures = nil }

func layout(l string) func(*fact.Facts) {
	return func(f *fact.Facts) {
		f.Update[0].Layout, f.Signatures, f.Members, f.Metadata, f.Script = l, nil, nil, nil, nil
	}
}

func script(s ...fact.Script) func(*fact.Facts) {
	return func(f *fact.Facts) { f.Script = append(f.Script, s...) }
}

func known(private, severity string) []fact.Known {
	return []fact.Known{{What: "a test key", Private: private, Severity: severity, Match: "key", Source: "a book"}}
}

// builtIn are the built-in packs, read once.
var builtIn = sync.OnceValue(packs.BuiltIn)

func judge(t *testing.T, in policies.Input, id string) *policies.Result {
	t.Helper()
	v, err := policies.Evaluate(context.Background(), in, packs.Policies(builtIn()[:1]), policies.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Results {
		r := &v.Results[i]
		if len(r.Defects) > 0 {
			t.Errorf("%s has defects: %q", r.Policy.ID, r.Defects)
		}
		if r.Policy.ID == id {
			return r
		}
	}
	t.Fatalf("no rule %s", id)
	return nil
}

func words(r *policies.Result) string {
	var b strings.Builder
	for _, j := range r.Judgements {
		b.WriteString(j.Message + "\n")
		for _, v := range j.Violations {
			b.WriteString(v.Message + "\n")
			for _, e := range v.Evidence {
				b.WriteString(e.Detail + "\n")
			}
		}
		for _, m := range j.Missing {
			b.WriteString(m.What + "\n")
		}
		for _, a := range j.Assumptions {
			b.WriteString(a.What + "\n")
		}
	}
	return b.String()
}

func TestRules(t *testing.T) {
	for id, changes := range allCases() {
		for _, c := range changes {
			f := sound()
			if c.do != nil {
				c.do(f)
			}
			r := judge(t, policies.Input{Facts: f, Base: base(), Trust: trust()}, id)
			if r.Status != c.want || !strings.Contains(words(r), c.says) {
				t.Errorf("%s, %s: %s, want %s with %q:\n%s", id, c.name, r.Status, c.want, c.says, words(r))
			}
		}
	}
}

// Each rule can pass, fail and be unknown, and its three cases say so.
func TestEveryRuleHasItsCases(t *testing.T) {
	all := allCases()
	for _, p := range builtIn()[:1] {
		for _, r := range p.Policies {
			wants := []policies.Status{pass, fails, unknown}
			for _, want := range wants {
				if !slices.ContainsFunc(all[r.ID], func(c change) bool { return c.want == want }) {
					t.Errorf("%s has no case of %s", r.ID, want)
				}
			}
			delete(all, r.ID)
		}
	}
	for id := range all {
		t.Errorf("cases of %s, which is no rule", id)
	}
}

// Whatever was not looked for, or could not be, makes no rule pass that needs it.
func TestBlindRulesDoNotPass(t *testing.T) {
	for _, k := range fact.All() {
		lost, gap := sound(), sound()
		without(lost, k)
		gap.Gaps = []fact.Gap{{Reason: "cut short", Cause: fact.CauseFormat, Blinds: []fact.Kind{k}}}
		for _, f := range []*fact.Facts{lost, gap} {
			v, err := policies.Evaluate(context.Background(), policies.Input{Facts: f, Base: base()}, packs.Policies(builtIn()[:1]), policies.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range v.Results {
				if slices.Contains(r.Policy.Needs, k) && r.Status != unknown {
					t.Errorf("%s without %s is %s", r.Policy.ID, k, r.Status)
				}
			}
		}
	}
}

func TestGate(t *testing.T) {
	exit := func(f, base *fact.Facts, s policies.Settings) int {
		v, err := policies.Evaluate(context.Background(), policies.Input{Facts: f, Base: base}, packs.Policies(builtIn()[:1]), s)
		if err != nil {
			t.Fatal(err)
		}
		return v.Exit(s)
	}
	testKey := sound()
	testKey.Signatures[0].Known = known("yes", "critical")
	unsigned := sound()
	unsigned.Signatures = nil
	for name, tc := range map[string]struct {
		facts, base *fact.Facts
		s           policies.Settings
		want        int
	}{
		// What this version does not look at is no pass, until somebody says --unknown warn.
		"sound":                      {sound(), base(), policies.Settings{}, 4},
		"sound, unknown may pass":    {sound(), base(), policies.Settings{Unknown: policies.UnknownWarns}, 0},
		"without a base":             {sound(), nil, policies.Settings{Unknown: policies.UnknownWarns}, 0},
		"without a base, in earnest": {sound(), nil, policies.Settings{Unknown: policies.UnknownFails}, 4},
		"no facts at all":            {&fact.Facts{}, nil, policies.Settings{}, 4},
		"unsigned":                   {unsigned, base(), policies.Settings{}, 1},
		"test key":                   {testKey, base(), policies.Settings{}, 1},
		"test key, before signing":   {testKey, base(), policies.Settings{Stage: policies.StageBuild, Unknown: policies.UnknownWarns}, 0},
		"test key, unknown may pass": {testKey, base(), policies.Settings{Unknown: policies.UnknownWarns}, 1},
	} {
		if got := exit(tc.facts, tc.base, tc.s); got != tc.want {
			t.Errorf("%s: exit %d, want %d", name, got, tc.want)
		}
	}
}

// Without --trust nobody is trusted, and a key for something else is none for updates.
func TestTrust(t *testing.T) {
	for _, keys := range []map[policies.Role][]string{nil, {policies.RoleOTA: nil}, {"apk": {"k1"}}} {
		r := judge(t, policies.Input{Facts: sound(), Base: base(), Trust: keys}, "signer-is-trusted")
		if r.Status != unknown || !strings.Contains(words(r), "--trust ota=FILE") {
			t.Errorf("trust %v: %s: %s", keys, r.Status, words(r))
		}
	}
}

package packs_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/packs"
)

// scramble fills facts with words that rules look for, and with nonsense.
func scramble(r *rand.Rand, v reflect.Value) {
	words := []string{"", "x", "/", "..", "/tmp/../x", "-", `"`, "==", "!(", "…", "zip-files", "folder", "zip-payload", "wholefile", "jar", "wholefile update",
		"ota", "otacerts", "recovery", "4.4", "999999999999", "4..4", "10", "RSA", "SHA-1", "SHA-256", "yes", "leaked", "no", "critical", "medium",
		"META-INF/com/android/metadata", "pre-device", "post-build", "ota-downgrade", "assert", "abort", `getprop("ro.product.device") == "d"`,
		`"d" == getprop("ro.build.product")`, `getprop("ro.product.device") ==`, `== getprop("ro.build.product")`, `getprop("ro.product.device") == "`,
		"extract", "link", "delete", "metadata", "patch", "raw-image", "block-update", "format", "mount", "run-program", "unknown",
		"/system", "/dev/block/x", "not what signapk writes", "2014-08-10T00:00:00Z", "2016-01-01", "signature", "partition", "boot", "update",
		"signatures", "certificates", "members", "\x00\xff\x1b"}
	switch v.Kind() {
	case reflect.String:
		v.SetString(words[r.IntN(len(words))])
	case reflect.Int64:
		v.SetInt([]int64{0, 1, -1, 2048, 1<<63 - 1, -1 << 63}[r.IntN(6)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			scramble(r, v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			scramble(r, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scramble(r, v.Field(i))
		}
	}
}

// Whatever the facts hold, no rule panics or contradicts itself, and judging
// twice gives the same.
func TestHostileFacts(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		var f, base fact.Facts
		scramble(r, reflect.ValueOf(&f).Elem())
		scramble(r, reflect.ValueOf(&base).Elem())
		if seed%2 == 0 {
			f.Kinds, base.Kinds = fact.All(), fact.All()
		}
		in := policies.Input{Facts: &f, Base: &base}
		one, err := policies.Evaluate(context.Background(), in, packs.Policies(builtIn()), policies.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		two, _ := policies.Evaluate(context.Background(), in, packs.Policies(builtIn()), policies.Settings{})
		for i := range one.Results {
			a, b := &one.Results[i], &two.Results[i]
			if len(a.Defects) > 0 {
				t.Fatalf("seed %d: %s: %q", seed, a.Policy.ID, a.Defects)
			}
			if a.Status != b.Status || !reflect.DeepEqual(a.Judgements, b.Judgements) {
				t.Fatalf("seed %d: %s judges in two ways", seed, a.Policy.ID)
			}
		}
	}
}

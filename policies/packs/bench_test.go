package packs_test

import (
	"testing"

	"github.com/otavet/otavet/policies/packs"
)

// What every run pays before it looks at anything.
func BenchmarkBuiltIn(b *testing.B) {
	for b.Loop() {
		if _, err := packs.ParseBuiltIn(packs.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

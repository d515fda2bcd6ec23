package archive_test

import (
	"io/fs"
	"runtime"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// What a hostile archive claims is not what it gets: opening and listing it takes
// memory in proportion to the bytes that are there. 80 KiB cover the search for the end
// record; a byte of a directory of short names becomes up to ten in memory.
func TestHostileMemory(t *testing.T) {
	most := 0.0
	for _, h := range hostiles() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		z, err := archive.OpenZip(blob.Bytes(h.data), parse.NewBudget(parse.Limits{}))
		if err == nil {
			fs.WalkDir(z, ".", func(string, fs.DirEntry, error) error { return nil })
		}
		runtime.ReadMemStats(&after)
		used, allowed := after.TotalAlloc-before.TotalAlloc, uint64(80<<10+12*len(h.data))
		most = max(most, float64(used)/float64(allowed))
		if used > allowed {
			t.Errorf("%s: %d bytes of archive took %d bytes of memory, more than %d", h.name, len(h.data), used, allowed)
		}
	}
	t.Logf("%d archives, at most %.0f%% of what is allowed", len(hostiles()), 100*most)
}

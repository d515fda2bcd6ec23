package archive_test

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// What a hostile tar claims is not what it gets: opening and listing it takes
// memory in proportion to the bytes that are there. 140 KiB cover what is read
// ahead and the search for the MD5 line.
func TestHostileTarMemory(t *testing.T) {
	list := hostileTars()
	// Many of the least: a header of one member, its name the next one's twin.
	var many, chain []tarMember
	for i := range 5000 {
		many = append(many, tarFile(strings.Repeat("x", 1+i%40)+"\x01", ""))
		chain = append(chain, hard(fmt.Sprint(i), fmt.Sprint(i-1)))
	}
	list = append(list, hostile{name: "many", data: tarOf(many...)}, hostile{name: "chain", data: tarOf(append([]tarMember{tarFile("-1", "x")}, chain...)...)})
	most := 0.0
	for _, h := range list {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		z, err := archive.OpenTar(blob.Bytes(h.data), parse.NewBudget(parse.Limits{}))
		if err == nil {
			fs.WalkDir(z, ".", func(string, fs.DirEntry, error) error { return nil })
		}
		runtime.ReadMemStats(&after)
		used, allowed := after.TotalAlloc-before.TotalAlloc, uint64(140<<10+7*len(h.data))
		most = max(most, float64(used)/float64(allowed))
		if used > allowed {
			t.Errorf("%s: %d bytes of archive took %d bytes of memory, more than %d", h.name, len(h.data), used, allowed)
		}
	}
	t.Logf("%d archives, at most %.0f%% of what is allowed", len(list), 100*most)
}

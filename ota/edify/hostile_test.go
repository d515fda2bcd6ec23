package edify

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Scripts of the largest size that repeat what costs most. What they leave must
// stay in bounds; that they end at all is most of the test.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("uses some hundred MiB")
	}
	many := make([]string, 20_000)
	for i := range many {
		many[i] = fmt.Sprintf("d/%06d", i)
	}
	deep := "/" + strings.Repeat("a/", 2000)
	fill := func(head, line string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; i < 12_000 && b.Len()+2*len(line) < maxSize; i++ {
			b.WriteString(strings.ReplaceAll(line, "%", fmt.Sprint(i)))
		}
		return b.String()
	}
	for name, src := range map[string]string{
		"rename to and fro": fill(`package_extract_dir(d, "/a0");`, `rename("/a%", "/b%");rename("/b%","/a%");rename("/a0","/c");rename("/c","/a0");`),
		"long links":        fill(`symlink("`+deep+`", "/l");`, `delete("/l/%");package_extract_file(d/000001,"/l/%/x");`),
		"deep folders":      fill(`package_extract_file("d/000001", "`+deep+`x");`, `set_perm_recursive(0,0,0,0,"/");`),
		"conditions":        fill(`package_extract_dir(d, "/a");`, `getprop(%)&&delete_recursive("/a");`),
		"conditional modes": fill(`package_extract_dir(d, "/a");`, `getprop(%)&&set_perm_recursive(0,0,0,0,"/a");`),
		"nested conditions": strings.Repeat(`if getprop(a) then package_extract_dir(d,"/a");`, 90) + "a" + strings.Repeat(" endif", 90),
		"formats":           fill("", `format(a,b,"/dev/x%",0,"/tmp/%");package_extract_dir(d,"/tmp/%");`),
		"missing":           fill("", `package_extract_file(no%);`),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(src))
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			p := s.Plan(many)
			runtime.GC()
			runtime.ReadMemStats(&after)
			bytes := 0
			for _, n := range p.Nodes {
				bytes += len(n.Path)
			}
			for _, d := range p.Deleted {
				bytes += len(d.Path)
			}
			if len(p.Nodes) > maxFiles+10_000 || bytes > 2*maxPathBytes || len(p.Unfollowed) > maxUnfollowed+1 {
				t.Errorf("%d nodes, %d bytes of paths, %d unfollowed", len(p.Nodes), bytes, len(p.Unfollowed))
			}
			if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 512<<20 {
				t.Errorf("the plan takes %d MiB", kept>>20)
			}
		})
	}
}

package edify

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/parse"
)

func FuzzParse(f *testing.F) {
	scripts, err := filepath.Glob("testdata/*.edify")
	if err != nil || len(scripts) == 0 {
		f.Fatal("no scripts to begin with", err)
	}
	for _, name := range scripts {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, src := range []string{
		`package_extract_dir("", "/tmp/d"); symlink("d", "/tmp/e"); rename("/tmp/e/dir", "/tmp/d/dir/z") || delete_recursive("/tmp")`,
		`if get_stage(a) == "x" then rename("/a", "/b") else set_stage(a, "x"); package_extract_dir("dir", "/a"); reboot_now(a) endif`,
		`getprop(a) && (getprop(b) || set_perm_recursive(0, 0, 0755, 0644, "/")); ifelse(!a, abort(), "");`,
		"assert(\"\\x41\\n\" != concat(a, b););\r\n#",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := Parse(src)
		var e *parse.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		p := s.Plan(members)
		if n := len(p.Nodes) + len(p.Temporary); n > maxFiles*maxAlternatives || len(p.Unfollowed) > maxUnfollowed+2 {
			t.Fatalf("%d nodes, %d unfollowed", n, len(p.Unfollowed))
		}
		if err != nil && len(p.Unfollowed) == 0 {
			t.Fatal("an error, and all is followed")
		}
		for _, c := range p.Calls {
			if c.Offset < 0 || c.Offset >= int64(len(src)) || c.Line < 1 {
				t.Fatalf("a call stands at %v", c.Pos)
			}
		}
	})
}

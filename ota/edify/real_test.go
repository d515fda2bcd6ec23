package edify

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
)

const scriptName = "META-INF/com/google/android/updater-script"

var constant = regexp.MustCompile(`package_extract_file\("([^"]+)"|"([a-z]+\.(?:new|patch)\.dat[.br]*)"`)

// The folders of test data hold the scripts of real updates without most of the
// members, so the members are those that the script names, and two in a folder.
func TestRealScripts(t *testing.T) {
	for dir, name := range map[string]string{
		"lineage14-x00id": "real-block",
		"oppo-k3-ota":     "real-firmware",
		"rm6785-blockota": "real-dynamic",
	} {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(otatest.Data(t, "transfer", dir, filepath.FromSlash(scriptName)))
			if err != nil {
				t.Fatal(err)
			}
			members := []string{"install/bin/backuptool.sh", "install/bin/otasigcheck.sh"}
			for _, m := range constant.FindAllSubmatch(src, -1) {
				members = append(members, string(m[1])+string(m[2]))
			}
			plan := mustParse(t, string(src)).Plan(members)
			count := make(map[Effect]int)
			for _, c := range plan.Calls {
				count[c.Effect]++
			}
			plan.Calls = nil
			golden(t, name, fmt.Sprintln(count)+dump(plan))
		})
	}
}

func TestZipScript(t *testing.T) {
	z, err := zip.OpenReader(otatest.Data(t, "recovery", "ziptest_fake-update.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open(scriptName)
	if err != nil {
		t.Fatal(err)
	}
	src, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	const want = "calls\n  1: message show_progress(1.0, 10)\n  2: none sleep(10)\n"
	if got := dump(mustParse(t, string(src)).Plan(nil)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

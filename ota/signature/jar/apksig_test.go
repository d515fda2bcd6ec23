package jar

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/signature"
)

// apksig is Google's own verifier and signer, in one virtual machine for all the
// questions of a test.
type apksig struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader
}

// apksigJar is where Debian's libapksig-java puts it.
const apksigJar = "/usr/share/java/apksig.jar"

// TestApksig holds all tests that ask it.
func TestApksig(t *testing.T) {
	j := startApksig(t)
	for _, tc := range []struct {
		name string
		test func(*testing.T, *apksig)
	}{{"Data", testData}, {"Algorithms", testAlgorithms}, {"Matrix", testMatrix}, {"Jarsigner", testJarsigner}, {"Rules", testRules}, {"Apps", testApps}} {
		t.Run(tc.name, func(t *testing.T) {
			j.t = t
			tc.test(t, j)
		})
	}
}

func startApksig(t testing.TB) *apksig {
	t.Helper()
	if testing.Short() {
		t.Skip("asks apksig")
	}
	java := otatest.Tool(t, "java")
	if _, err := os.Stat(apksigJar); err != nil {
		if os.Getenv("OTAVET_TOOLS") == "all" {
			t.Fatal("OTAVET_TOOLS=all, and Debian's libapksig-java is missing")
		}
		t.Skip("needs Debian's libapksig-java")
	}
	dir := t.TempDir()
	exports := []string{"--add-exports", "java.base/sun.security.tools.keytool=ALL-UNNAMED", "--add-exports", "java.base/sun.security.x509=ALL-UNNAMED"}
	out, err := otatest.Run(t, "javac", append(slices.Clone(exports), "-nowarn", "-cp", apksigJar, "-d", dir, "testdata/Apksig.java")...)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	props := filepath.Join(dir, "security")
	if err := os.WriteFile(props, []byte("jdk.jar.disabledAlgorithms=\njdk.security.legacyAlgorithms=\njdk.certpath.disabledAlgorithms=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(java, append(exports, "-Djava.security.properties="+props, "-cp", apksigJar+string(filepath.ListSeparator)+dir, "Apksig")...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &apksig{t, in, bufio.NewReader(pipe)}
}

func (a *apksig) ask(fields ...string) string {
	a.t.Helper()
	fmt.Fprintln(a.in, strings.Join(fields, "\t"))
	line, err := a.out.ReadString('\n')
	if err != nil {
		a.t.Fatalf("%v: %v", fields, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// do asks for what must succeed.
func (a *apksig) do(fields ...string) {
	a.t.Helper()
	if s := a.ask(fields...); s != "ok" {
		a.t.Fatalf("%v: %s", fields, s)
	}
}

// verify is apksig's opinion of scheme v1: whether it verifies, and its issues.
func (a *apksig) verify(path string, o APKOptions) (ok bool, issues, signers string) {
	a.t.Helper()
	f := strings.Split(a.ask("verify", path, fmt.Sprint(max(o.MinSDK, 1)), fmt.Sprint(most(o)), strings.Trim(strings.ReplaceAll(fmt.Sprint(o.Blocks), " ", ","), "[]")), "\t")
	if len(f) != 3 {
		a.t.Fatalf("%q", f)
	}
	return f[0] == "true", f[1], f[2]
}

func most(o APKOptions) int {
	if o.MaxSDK == 0 {
		return math.MaxInt32
	}
	return o.MaxSDK
}

// openAPK opens an app as packages above this one do, and fills in what the
// archive tells.
func openAPK(t testing.TB, path string) (*archive.Zip, APKOptions) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return openBytes(t, b)
}

func openBytes(t testing.TB, b []byte) (*archive.Zip, APKOptions) {
	t.Helper()
	z, err := archive.OpenZip(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return z, optionsOf(z, b)
}

func optionsOf(z *archive.Zip, b []byte) APKOptions {
	o := APKOptions{Refused: map[string]string{}}
	seen := map[string]bool{}
	for _, e := range z.Entries() {
		switch {
		case seen[e.Name]:
			o.Duplicates = append(o.Duplicates, e.Name)
		case e.Refused != "":
			o.Refused[e.Name] = e.Refused
		}
		seen[e.Name] = true
	}
	dir, _ := z.Directory()
	ids := map[uint32]int{0x7109871a: 2, 0xf05368c0: 3, 0x1b93ad61: 31}
	if dir < 32 || string(b[dir-16:dir]) != "APK Sig Block 42" {
		return o
	}
	p := b[dir-int64(binary.LittleEndian.Uint64(b[dir-24:])) : dir-24]
	for len(p) >= 12 {
		if id := ids[binary.LittleEndian.Uint32(p[8:])]; id != 0 {
			o.Blocks = append(o.Blocks, id)
		}
		p = p[8+binary.LittleEndian.Uint64(p):]
	}
	return o
}

// takes is our opinion in apksig's terms: whether all releases of the range take
// the signature.
func takes(r *APKResult) bool {
	return !slices.ContainsFunc(r.Accepts, func(p signature.Platform) bool { return p.Takes != signature.Yes })
}

func verifyAPK(t testing.TB, z *archive.Zip, o APKOptions) *APKResult {
	t.Helper()
	r, err := VerifyAPK(context.Background(), z, o)
	if err != nil {
		t.Fatal(err)
	}
	if (r.Intact == signature.Yes) != (r.Reason == nil) {
		t.Fatalf("intact %v, because %v", r.Intact, r.Reason)
	}
	return r
}

// signers are the certificates of a result as apksig lists them.
func signers(r *APKResult) string {
	var out []string
	for _, s := range r.Signers {
		out = append(out, s.SHA256)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ",")
}

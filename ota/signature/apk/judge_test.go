package apk_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// apksig is Debian's libapksig-java, of Android 12: it knows no v3.1.
// It needs bcprov for RSASSA-PSS alone.
const (
	apksig = "/usr/share/java/apksig.jar"
	bcprov = "/usr/share/java/bcprov.jar"
)

var compiled = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "judge")
	if err != nil {
		return "", err
	}
	compiledDir = dir
	out, err := exec.Command("javac", "-cp", apksig, "-d", dir, filepath.Join("testdata", "Judge.java")).CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("javac: %v: %s", err, out)
	}
	return dir, nil
})

var compiledDir string // that of compiled, once it was asked

func TestMain(m *testing.M) {
	code := m.Run()
	if compiledDir != "" {
		os.RemoveAll(compiledDir)
	}
	os.Exit(code)
}

// judge runs commands in one JVM.
func judge(t testing.TB, commands []string) []string {
	t.Helper()
	otatest.Tool(t, "javac")
	java := otatest.Tool(t, "java")
	for _, jar := range []string{apksig, bcprov} {
		if _, err := os.Stat(jar); err != nil {
			if os.Getenv("OTAVET_TOOLS") == "all" {
				t.Fatal(err)
			}
			t.Skipf("needs %s", jar)
		}
	}
	dir, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(java, "-XX:+UseSerialGC", "-Xshare:auto", "-cp", strings.Join([]string{apksig, bcprov, dir}, string(filepath.ListSeparator)), "Judge", filepath.Join("testdata", "keys"))
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(commands) {
		t.Fatalf("%d answers to %d commands: %s", len(lines), len(commands), stderr.Bytes())
	}
	return lines
}

// An answer is what apksig says of a file.
type answer struct {
	intact                bool
	target, sandbox, from int
	schemes               string
	signers, lineage      []string
	issues                string
}

func parseAnswer(t testing.TB, line string) answer {
	t.Helper()
	f := strings.Split(line, "\t")
	if len(f) != 8 {
		t.Fatalf("answer %q", line)
	}
	n := func(s string) int { i, _ := strconv.Atoi(s); return i }
	return answer{f[0] == "yes", n(f[1]), n(f[2]), n(f[3]), strings.TrimSpace(f[4]), strings.Fields(f[5]), strings.Fields(f[6]), f[7]}
}

// A question is a file, a range of SDKs and what apksig says.
type question struct {
	path   string
	least  int // -1: the manifest's
	most   int
	idsig  string
	answer answer
}

func ask(t testing.TB, list []question) {
	t.Helper()
	var commands []string
	for _, q := range list {
		least := ""
		if q.least >= 0 {
			least = strconv.Itoa(q.least)
		}
		commands = append(commands, strings.Join([]string{"verify", q.path, least, strconv.Itoa(q.most), q.idsig}, "\t"))
	}
	for i, line := range judge(t, commands) {
		list[i].answer = parseAnswer(t, line)
	}
}

// verify asks the package the same.
func verify(t testing.TB, q question) (*apk.Report, error) {
	t.Helper()
	raw, err := os.ReadFile(q.path)
	if err != nil {
		t.Fatal(err)
	}
	o := apk.Options{MinSDK: q.least, MaxSDK: q.most, TargetSDK: q.answer.target, TargetSandbox: q.answer.sandbox}
	if q.least < 0 {
		o.MinSDK = q.answer.from
	}
	if q.idsig != "" {
		p, err := os.ReadFile(q.idsig)
		if err != nil {
			t.Fatal(err)
		}
		o.IDSig = blob.Bytes(p)
	}
	return apk.Verify(context.Background(), blob.Bytes(raw), o, nil)
}

// compare holds the package's answer against apksig's; "" where they agree.
func compare(t testing.TB, q question) (string, *apk.Report) {
	t.Helper()
	r, err := verify(t, q)
	if err != nil {
		if q.answer.intact {
			return fmt.Sprintf("error %v", err), nil
		}
		return "", r
	}
	if (r.Intact == signature.Yes) != q.answer.intact {
		return fmt.Sprintf("ours %v (%v), apksig %v (%s)", r.Intact, r.Reason, q.answer.intact, q.answer.issues), r
	}
	if !q.answer.intact {
		return "", r
	}
	var signers, lineage []string
	for _, s := range r.Signers {
		signers = append(signers, s.SHA256)
	}
	for _, l := range r.Lineage {
		lineage = append(lineage, fmt.Sprintf("%s:%d", l.SHA256, l.Capabilities))
	}
	slices.Sort(signers)
	slices.Sort(q.answer.signers)
	if !slices.Equal(signers, q.answer.signers) {
		return fmt.Sprintf("signers %v, apksig %v", signers, q.answer.signers), r
	}
	if !slices.Equal(lineage, q.answer.lineage) {
		return fmt.Sprintf("lineage %v, apksig %v", lineage, q.answer.lineage), r
	}
	for i, n := range map[string]signature.Scheme{"2": signature.SchemeAPKv2, "3": signature.SchemeAPKv3, "4": signature.SchemeAPKv4, "stamp": signature.SchemeAPKStamp} {
		if !slices.Contains(strings.Fields(q.answer.schemes), i) {
			continue
		}
		if !slices.ContainsFunc(r.Results, func(x *signature.Result) bool { return x.Scheme == n && x.Intact == signature.Yes }) {
			return fmt.Sprintf("%s holds for apksig alone: %v", n, reasons(r)), r
		}
	}
	return "", r
}

func reasons(r *apk.Report) string {
	out := fmt.Sprint(r.Intact, " ", r.Reason)
	for _, x := range r.Results {
		out += fmt.Sprintf("; %s %s %v %v", x.Scheme, x.Name, x.Intact, x.Reason)
	}
	return out
}

// TestData holds every app and APEX of the public data against apksig.
func TestData(t *testing.T) {
	var list []question
	err := filepath.WalkDir(otatest.Data(t), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && slices.Contains([]string{".apk", ".apex", ".capex"}, filepath.Ext(path)) {
			list = append(list, question{path: path, least: -1, most: 36})
			// The large ones once: it is the rules that differ, not the digests.
			if info, err := d.Info(); err == nil && info.Size() < 100<<10 {
				list = append(list, question{path: path, least: 1, most: 36}, question{path: path, least: 28, most: 36})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, list)
	agree, intact, files := 0, 0, 0
	for _, q := range list {
		if q.least < 0 {
			files++
		}
		if q.answer.intact {
			intact++
		}
		if diff, _ := compare(t, q); diff != "" {
			t.Errorf("%s, SDK %d to %d: %s", q.path, q.least, q.most, diff)
			continue
		}
		agree++
	}
	t.Logf("%d questions about %d files, %d answers agree; %d are yes", len(list), files, agree, intact)
}

package apk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// ranges of SDKs end and begin where rules change.
var ranges = [][2]int{{9, 33}, {18, 23}, {18, 33}, {23, 24}, {24, 27}, {24, 28}, {28, 28}, {28, 33}}

// differences are all there are to apksig, and why.
var differences = []struct {
	name, reason string
	apksig       bool // takes the file
	holds        func(q question, r *apk.Report) bool
}{
	{"v3 alone before 9", "apksig asks for no other scheme once it has found v3, though 7.0 to 8.1 do not read that, and find no signature", true,
		func(q question, r *apk.Report) bool {
			return q.least < 28 && q.most >= 28 && !strings.Contains(q.answer.schemes, "1") && !strings.Contains(q.answer.schemes, "2") &&
				r.Intact == signature.No && strings.Contains(r.Reason.Error(), "no signature that this release reads")
		}},
	{"v4 of a rotated key before 9", "apksig compares v4 with v2 where the range ends before v3; but v4 is read from 11 on, where v3 is what it adds to", false,
		func(q question, r *apk.Report) bool {
			return q.most < 28 && strings.HasPrefix(q.answer.issues, "V4_SIG_V2_V3_SIGNERS_MISMATCH") && r.Intact == signature.Yes
		}},
}

// explained names the difference that explains an answer; "" where none does.
func explained(q question, r *apk.Report) string {
	if r == nil {
		return ""
	}
	for _, d := range differences {
		if d.apksig == q.answer.intact && d.holds(q, r) {
			return d.name
		}
	}
	return ""
}

// TestMatrix signs with apksig and holds the answers for all ranges of SDKs against
// its own.
func TestMatrix(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, p []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, p, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := put("old.apk", base(t, 28, 0))
	target30 := put("target30.apk", base(t, 30, 0))
	sandbox := put("sandbox.apk", base(t, 28, 2))
	var commands []string
	var outs []string
	add := func(in string, least int, schemes, signers, lineage, stamp string) {
		out := filepath.Join(dir, fmt.Sprintf("%d.apk", len(outs)))
		outs = append(outs, out)
		commands = append(commands, strings.Join([]string{"sign", in, out, fmt.Sprint(least), schemes, signers, lineage, stamp}, "\t"))
	}
	for _, key := range []string{"rsa1024", "rsa2048", "rsa3072", "rsa4096", "rsa8192", "ec256", "ec384", "ec521", "dsa1024", "dsa2048", "dsa3072"} {
		if key == "rsa8192" {
			add(old, 21, "1,2,3", key, "", "") // once: signing takes half a second
			continue
		}
		for _, schemes := range []string{"1", "2", "1,2,3"} {
			add(old, 21, schemes, key, "", "")
		}
		add(old, 28, "2,3,verity", key, "", "")
		add(old, 28, "2,3,4", key, "", "b") // apksig 31 stamps with RSA alone
	}
	for _, least := range []int{9, 18} {
		add(old, least, "1,2", "rsa2048", "", "rsa2048")
	}
	for _, schemes := range []string{"3", "1,2", "1,3", "2,4", "3,4", "1,2,3,4", "1,2,3,4,verity", "2,verity", "3,verity"} {
		add(old, 24, schemes, "a", "", "b")
	}
	for _, in := range []string{target30, sandbox} {
		for _, schemes := range []string{"1", "2", "1,2,3"} {
			add(in, 18, schemes, "a", "", "")
		}
	}
	for _, schemes := range []string{"1", "2", "1,2"} {
		add(old, 21, schemes, "a,ec256,dsa1024", "", "")
	}
	for _, schemes := range []string{"3", "1,2,3", "2,3", "3,4", "1,2,3,4"} {
		add(old, 24, schemes, "a,b", "a:31,b:31", "")
		add(old, 24, schemes, "a,ec256", "a:6,ec256:23", "")
		add(old, 24, schemes, "a,c", "a:0,b:8,c:31", "")
		add(old, 24, schemes, "dsa2048,rsa4096", "dsa2048:1,ec521:2,rsa4096:4", "")
	}
	for i, line := range judge(t, commands) {
		if line != "signed" {
			t.Errorf("%q: %s", commands[i], line)
			outs[i] = ""
		}
	}
	var list []question
	for _, out := range outs {
		if out == "" {
			continue
		}
		idsig := out + ".idsig"
		if _, err := os.Stat(idsig); err != nil {
			idsig = ""
		}
		for _, r := range ranges {
			list = append(list, question{path: out, least: r[0], most: r[1], idsig: idsig})
		}
	}
	ask(t, list)
	agree, intact := 0, 0
	differ, why := make(map[string]int), make(map[string]int)
	for _, q := range list {
		if q.answer.intact {
			intact++
		}
		diff, r := compare(t, q)
		if diff == "" {
			agree++
			continue
		}
		if d := explained(q, r); d != "" {
			why[d]++
			continue
		}
		i := 0
		fmt.Sscanf(filepath.Base(q.path), "%d.apk", &i)
		what := strings.Join(strings.Split(commands[i], "\t")[3:], " ")
		if differ[what]++; differ[what] == 1 {
			t.Errorf("%s, SDK %d to %d: %s", what, q.least, q.most, diff)
		}
	}
	t.Logf("%d questions about %d files, %d answers agree; %d are yes; explained: %v", len(list), len(outs), agree, intact, why)
	for _, d := range differences {
		if why[d.name] == 0 {
			t.Errorf("no file shows %q any more", d.name)
		}
	}
}

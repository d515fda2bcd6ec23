package apk

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// seeds are the fixtures whose manifest, resources and network config are bent.
var seeds = []string{"components", "codename", "netfull", "netdebugfile", "nested", "permissions", "overlay"}

// FuzzRun bends one field of chunks after another: no panic, an error is a
// *parse.Error, and all facts are printable.
func FuzzRun(f *testing.F) {
	parts := []string{manifestName, tableName, "res/xml/net.xml"}
	var all [][]*otatest.Chunks
	for i, name := range seeds {
		var chunks []*otatest.Chunks
		for _, p := range parts {
			if data := otatest.Member(f, "testdata/"+name+".apk", p); data != nil {
				chunks = append(chunks, otatest.Split(data))
			} else {
				chunks = append(chunks, nil)
			}
		}
		all = append(all, chunks)
		f.Add(uint8(i), []byte(nil), []byte(nil), []byte(nil))
		f.Add(uint8(i), []byte("\x00\x05\x03\x01\x00\x00\x00"), []byte("\x14\x02\x09\x07\x00\x00\x00"), []byte("\x0b\x03\x00\x00\x00\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, seed uint8, manifest, table, config []byte) {
		chunks := all[int(seed)%len(all)]
		var z otatest.ZipBuilder
		for i, edits := range [][]byte{manifest, table, config} {
			if chunks[i] != nil {
				z.Members = append(z.Members, otatest.ZipMember{Name: parts[i], Data: chunks[i].Bent(edits)})
			}
		}
		check(t, z.Bytes())
	})
}

// FuzzBytes hands over members of any bytes.
func FuzzBytes(f *testing.F) {
	for _, name := range seeds {
		apk := "testdata/" + name + ".apk"
		f.Add(otatest.Member(f, apk, manifestName), otatest.Member(f, apk, tableName), otatest.Member(f, apk, "res/xml/net.xml"))
	}
	f.Fuzz(func(t *testing.T, manifest, table, config []byte) {
		z := otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: manifestName, Data: manifest}, {Name: tableName, Data: table},
			{Name: "res/xml/net.xml", Data: config}, {Name: "classes.dex", Data: []byte("dex\n035\x00")}}}
		check(t, z.Bytes())
	})
}

func check(t *testing.T, apk []byte) {
	facts, err := run(t.Context(), file(t, apk, "system", "priv-app/X/X.apk", fstest.MapFS{}))
	var pe *parse.Error
	if err != nil && (!errors.As(err, &pe) || len(facts.Apps)+len(facts.Components)+len(facts.Permissions)+len(facts.Defaults) > 0) {
		t.Fatalf("%v, %d apps", err, len(facts.Apps))
	}
	if err == nil && len(facts.Apps) != 1 {
		t.Fatalf("%d apps", len(facts.Apps))
	}
	decode(t, facts)
}

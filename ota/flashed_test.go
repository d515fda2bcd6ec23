package ota_test

import (
	"fmt"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/otatest"
)

// Files go where the script flashes them, whatever they are called, and a deflated
// one that goes to two partitions is decoded once.
func TestFlashedByScript(t *testing.T) {
	data := make([]byte, 300_000)
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{
		{Name: "flash_all.sh", Data: []byte("fastboot $* flash abl_a `dirname $0`/images/abl.elf\nfastboot $* flash abl_b `dirname $0`/images/abl.elf\n" +
			"fastboot $* flash modem_a images/modem.img\nfastboot $* flash dsp images/modem.img\n")},
		{Name: "images/abl.elf", Data: data[:9000]},
		{Name: "images/modem.img", Data: data, Deflate: true},
		{Name: "images/other.img", Data: data[:4096]},
		{Name: "images/readme.txt", Data: data[:10]}}}
	p := openBytes(t, z.Bytes())
	var got []string
	for _, q := range p.Partitions {
		size, _ := q.Size()
		got = append(got, fmt.Sprint(full(q), " ", size))
	}
	if want := "[abl 9000 dsp 300000 modem_a 300000 other 4096]"; fmt.Sprint(got) != want || p.Layout != ota.LayoutFastboot {
		t.Errorf("%s: %v, want %s", p.Layout, got, want)
	}
	r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range r.Made {
		if made.Err != nil {
			t.Errorf("%s: %v", made.Partition.Name, made.Err)
		}
	}
	if n := p.Decoded(); n > 310_000 {
		t.Errorf("%d bytes were decoded", n)
	}
}

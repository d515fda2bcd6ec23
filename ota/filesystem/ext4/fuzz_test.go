package ext4_test

import (
	"runtime/metrics"
	"testing"
)

// fuzzed reads all of an image; beside what visit looks at, it may not take more
// than 64 MiB of memory, in all that it asks for.
func fuzzed(t *testing.T, image []byte) {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	before := allocated[0].Value.Uint64()
	visit(t, image, 16<<10)
	metrics.Read(allocated)
	if n := allocated[0].Value.Uint64() - before; n > 64<<20 {
		t.Errorf("%d MiB of memory", n>>20)
	}
}

// FuzzOpen opens any bytes, walks over what is there and reads it. Nothing
// panics, errors are *parse.Error, a listed file is the one that its name finds.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"tiny", "tinysum", "tinyfree"} {
		f.Add(fixture(f, name+".img"))
	}
	for _, h := range hostiles() {
		f.Add(h.image.bytes())
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		if len(image) <= 1<<17 {
			fuzzed(t, image)
		}
	})
}

// FuzzBent does the same with images of mke2fs of which some bytes are changed:
// where and to what are three bytes each of the input, of which the first is which image.
func FuzzBent(f *testing.F) {
	var images [][]byte
	var places [][]int // which bytes are not zero, and those around them: where it is worth it
	for _, name := range []string{"tinyfree", "tinysum"} {
		image := fixture(f, name+".img")
		var at []int
		for i := range image {
			for j := max(i-8, 0); j < min(i+8, len(image)); j++ {
				if image[j] != 0 && image[j] != ' ' && image[j] != 0xa5 {
					at = append(at, i)
					break
				}
			}
		}
		images, places = append(images, image), append(places, at)
	}
	f.Add([]byte{0, 0x38, 1, 0})
	f.Add([]byte{1, 0x38, 1, 0, 0xff, 0x10, 0x80})
	f.Fuzz(func(t *testing.T, edits []byte) {
		if len(edits) == 0 || len(edits) > 100 {
			return
		}
		which := int(edits[0]) % len(images)
		image, at := append([]byte(nil), images[which]...), places[which]
		for e := edits[1:]; len(e) >= 3; e = e[3:] {
			image[at[(int(e[0])|int(e[1])<<8)%len(at)]] = e[2]
		}
		fuzzed(t, image)
	})
}

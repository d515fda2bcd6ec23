package otatest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A partition of the machine's files has what its files have, a tenth zeros, and
// begins with a file where a round of chunks begins.
func TestMachineImage(t *testing.T) {
	dir := t.TempDir()
	for i := range 9 {
		b := append([]byte("\x7fELF"), bytes.Repeat([]byte{byte(i + 1)}, 300_000*(i+1))...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range map[string][]byte{"3 again": append([]byte("\x7fELF"), bytes.Repeat([]byte{4}, 300_000*4)...), "small": []byte("\x7fELF"), "text": make([]byte, 1<<20)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := machineFiles(dir)
	if err != nil || len(files) != 9 {
		t.Fatalf("%d files, %v: %v", len(files), err, files)
	}
	const size = 45 * imageChunk
	source := &machineSource{files: files}
	im := source.image(size)
	whole := make([]byte, size)
	if n, err := im.ReadAt(whole, 0); n != size || err != nil {
		t.Fatal(n, err)
	}
	small := (&machineSource{files: files}).image(3*imageChunk + 4096)
	TestBlob(t, small, append(bytes.Clone(whole[:3*imageChunk]), make([]byte, 4096)...)) // the end of the last chunk is free
	zero := bytes.Count(whole, []byte{0})
	if share := float64(zero) / size; share < 0.08 || share > 0.12 {
		t.Errorf("%.3f of it are zeros", share)
	}
	for chunk := range 45 {
		b := whole[chunk*imageChunk:][:imageChunk]
		if empty := zeros(b); empty != (chunk%round == round-1) {
			t.Errorf("chunk %d is empty: %v", chunk, empty)
		}
	}
	rounds := map[int64]bool{}
	for _, part := range im.parts {
		if part.at%(round*imageChunk) == 0 && part.off%1021 != 0 {
			t.Errorf("the chunk at %d begins at %d of %s", part.at, part.off, part.path)
		}
		if part.path == files[0].path && part.off < 9*1021 {
			rounds[part.off] = true
		}
	}
	if !rounds[0] || !rounds[1021] || !rounds[2042] {
		t.Errorf("the first file is used from %v", rounds)
	}
	// The same files make the same image, and the next one is another.
	same, other := (&machineSource{files: files}).image(size), source.image(size)
	p, q := make([]byte, size), make([]byte, size)
	same.ReadAt(p, 0)
	other.ReadAt(q, 0)
	if !bytes.Equal(p, whole) || bytes.Equal(q, whole) {
		t.Error("not the same image, or the next one is the same")
	}
	if err := os.Truncate(filepath.Join(dir, "0"), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := im.ReadAt(whole, 0); err != io.ErrUnexpectedEOF {
		t.Errorf("a file that shrank: %v", err)
	}
}

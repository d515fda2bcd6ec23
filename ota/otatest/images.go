package otatest

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// A machineFile is a file of the machine that partitions are made of.
type machineFile struct {
	path string
	size int64 // bytes of it that are used
}

// mostOfFile keeps one library from being most of the corpus.
const mostOfFile = 16 << 20

// machineFiles are programs, libraries and archives under the folders, by path.
// Of two with the same beginning and size, such as hard links, there is one.
func machineFiles(dirs ...string) ([]machineFile, error) {
	type id struct {
		head [sha256.Size]byte
		size int64
	}
	var files []machineFile
	seen := map[id]bool{}
	visit := func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // folders that are not ours to read are left out
		}
		info, err := d.Info()
		if err != nil || info.Size() < 16<<10 {
			return nil
		}
		head, err := headOf(path)
		if err != nil || !strings.HasPrefix(string(head), "\x7fELF") && !strings.HasPrefix(string(head), "PK\x03\x04") {
			return nil
		}
		if k := (id{sha256.Sum256(head), info.Size()}); !seen[k] {
			seen[k] = true
			files = append(files, machineFile{path, min(info.Size(), mostOfFile)})
		}
		return nil
	}
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, filepath.WalkDir(dir, visit))
	}
	slices.SortFunc(files, func(a, b machineFile) int { return strings.Compare(a.path, b.path) })
	return files, errors.Join(errs...)
}

func headOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 4096)
	n, err := io.ReadFull(f, b)
	return b[:n], err
}

// A machineImage is a partition of files of the machine, which lie one behind
// the other at borders of blocks, as in a filesystem. Chunks that end a round
// of round are zeros, and so is the end of every other chunk, where free blocks
// and sparse files would be.
type machineImage struct {
	parts []imagePart
	size  int64
}

// An imagePart is a run of a file, or of zeros where there is no path.
type imagePart struct {
	at, size int64
	path     string
	off      int64
}

const (
	imageChunk = 2 << 20
	imageFree  = 26 * 4096 // zeros at a chunk's end: 5 %
	round      = 20        // chunks
)

// A machineSource deals out files, again and again: each time it begins
// elsewhere in them, so that no two chunks are the same.
type machineSource struct {
	files []machineFile
	next  int
	again int64
}

func (s *machineSource) take() imagePart {
	for {
		if s.next == len(s.files) {
			s.next, s.again = 0, s.again+1
		}
		f := s.files[s.next]
		s.next++
		if off := s.again * 1021; off < f.size {
			return imagePart{path: f.path, off: off, size: f.size - off}
		} else if s.next == len(s.files) {
			s.again = 0 // not before a terabyte
		}
	}
}

// image is the next image of that many bytes, a multiple of 4096.
func (s *machineSource) image(size int64) *machineImage {
	im := &machineImage{size: size}
	var f imagePart // what is left of a file
	for at := int64(0); at < size; {
		chunk := at / imageChunk
		end := min(size, (chunk+1)*imageChunk)
		free := max(at, end-imageFree)
		if chunk%round == round-1 {
			free, f = at, imagePart{} // the next chunk begins with a file
		}
		for at < free {
			if f.size == 0 {
				f = s.take()
			}
			n := min(f.size, free-at)
			im.parts = append(im.parts, imagePart{at, n, f.path, f.off})
			f.off, f.size = f.off+n, f.size-n
			if at += n; at%4096 != 0 {
				pad := 4096 - at%4096
				im.parts = append(im.parts, imagePart{at: at, size: pad})
				at += pad
			}
		}
		if at < end {
			im.parts = append(im.parts, imagePart{at: at, size: end - at})
			at = end
		}
	}
	return im
}

// Size is the size in bytes.
func (im *machineImage) Size() int64 { return im.size }

// ReadAt: see blob.Blob.
func (im *machineImage) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("otatest: negative offset")
	}
	done := 0
	i := sort.Search(len(im.parts), func(i int) bool { return im.parts[i].at+im.parts[i].size > off })
	for ; done < len(p) && i < len(im.parts); i++ {
		part := im.parts[i]
		skip := off + int64(done) - part.at
		q := p[done:]
		if most := part.size - skip; int64(len(q)) > most {
			q = q[:most]
		}
		if part.path == "" {
			clear(q)
		} else if err := readFile(part.path, q, part.off+skip); err != nil {
			return done, err
		}
		done += len(q)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func readFile(path string, p []byte, off int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if n, err := f.ReadAt(p, off); n < len(p) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

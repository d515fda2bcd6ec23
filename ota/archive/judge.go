package archive

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io/fs"
	"slices"

	"github.com/otavet/otavet/ota/parse"
)

// names settles what follows from the names alone: those that no file system
// can show, those that occur twice, and those that some cannot tell apart.
func (z *Zip) names(raw []string) {
	exact := make(map[string]int, len(raw)) // the first entry of that name
	folded := make(map[string]int, len(raw))
	// Of each set the first entry is told of the second only, so that a
	// million twins do not make a million notes on one entry.
	exactNoted, foldedNoted := make(map[int]bool), make(map[int]bool)
	for i := range z.entries {
		e := &z.entries[i]
		noteName(e, raw[i])
		if f, ok := exact[raw[i]]; ok {
			// Zip.c: mzFindZipEntry finds the one that addEntryToHashTable saw
			// first; mzExtractRecursive writes each in turn. zip_archive.cc:
			// kDuplicateEntry. zip_util.c: "invalid CEN header (duplicate entry)".
			e.refuse("entry %d has the same name and comes first", f)
			e.note("minzip writes each entry of that name in turn when it unpacks the folder, Python reads the last; libziparchive and Java refuse the archive")
			if !exactNoted[f] {
				exactNoted[f] = true
				z.entries[f].note("entry %d has the same name: minzip finds this one by name, and writes each in turn when it unpacks the folder; libziparchive and Java refuse the archive", i)
			}
			continue
		}
		exact[raw[i]] = i
		if _, why := memberPath(raw[i]); why != "" {
			e.refuse("%s", why)
		}
		key := foldKey(raw[i])
		f, ok := folded[key]
		if !ok {
			folded[key] = i
			continue
		}
		what := twin(raw[f], raw[i])
		e.note("differs from entry %d in %s only", f, what)
		if !foldedNoted[f] {
			foldedNoted[f] = true
			z.entries[f].note("differs from entry %d in %s only", i, what)
		}
	}
}

// attributes settles what follows from flags, method and mode.
func (z *Zip) attributes(raw []string) {
	for i := range z.entries {
		e := &z.entries[i]
		if e.Flags&(flagEncrypted|flagStrong|flagMasked) != 0 {
			// Neither FindEntry nor minzip looks at these bits; zip_util.c:
			// "invalid CEN header (encrypted entry)".
			e.note("flagged as encrypted: minzip and libziparchive do not look and read it as it is, Java, Python and unzip refuse it")
		}
		switch e.Method {
		case methodStore, methodDeflate:
		default:
			// extractToWriter: any other method is an error. The framework's
			// ZipFileRO takes every method but 0 for deflate.
			e.refuse("compression method %d (%#x) is not supported", e.Method, e.Method)
			e.note("Android's asset loader takes every method but 0 for deflate")
		}
		switch t := e.Mode.Type(); {
		case isDir(raw[i]):
			if e.Size > 0 {
				e.note("a folder with %d bytes of data", e.Size)
			}
		case t == 0:
		case t == fs.ModeSymlink:
			e.note("a symbolic link: minzip makes one when it unpacks the folder, recovery writes a file with the target's text from Android 8 on")
		default:
			e.note("its attributes do not say regular file (%v): Android writes a regular file", e.Mode)
		}
	}
}

// sizes settles what follows from the declared sizes, once the local headers
// are known.
func (z *Zip) sizes() {
	for i := range z.entries {
		e := &z.entries[i]
		switch {
		case e.Refused != "":
		case e.Method == methodStore && e.Size != e.Stored:
			e.refuse("stored, but %d bytes are declared and %d are there", e.Size, e.Stored)
		case e.Size/parse.MaxRatio > e.Stored:
			e.refuse("declares %d bytes, more than deflate can make of %d", e.Size, e.Stored)
		}
	}
}

// locals reads all local headers in the order of the file, so that what one
// member covers is known before the next is looked at, and nothing is read
// twice.
func (z *Zip) locals(raw []string) error {
	order := make([]int, len(z.entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(z.entries[i].Header, z.entries[j].Header), cmp.Compare(i, j))
	})
	w := &walk{b: z.b, end: z.end.dir}
	var (
		owned int64 // end of what members cover
		owner int   // the entry that reaches there
		seen  int64 // end of what any entry's header explains
		gaps  []gap
	)
	for _, i := range order {
		e := &z.entries[i]
		l, ok, err := w.header(e, raw[i])
		if err != nil {
			return err
		}
		if e.Data < 0 {
			continue
		}
		if e.Header > seen {
			gaps = append(gaps, gap{seen, e.Header - seen})
		}
		seen = max(seen, e.Data)
		if ok && e.Header < owned {
			e.refuse("overlaps entry %d", owner)
			ok = false
		}
		// What belongs to a refused entry is explained by its reason.
		if e.Stored >= 0 && e.Stored <= w.end-e.Data && e.Header >= owned {
			seen = max(seen, e.Data+e.Stored)
		}
		if !ok {
			continue
		}
		end, err := w.check(e, l)
		if err != nil {
			return err
		}
		owned, owner = end, i
		seen = max(seen, end)
	}
	return z.noteGaps(w, gaps, seen)
}

// A gap is a run of bytes that belong to no member.
type gap struct{ off, len int64 }

// maxGapNotes bounds the notes about gaps: an honest archive has none, and one
// with more than these is described well enough by their number.
const maxGapNotes = 16

// noteGaps notes the bytes before the directory that no entry explains.
func (z *Zip) noteGaps(w *walk, gaps []gap, seen int64) error {
	block, err := w.signingBlock(seen)
	if err != nil {
		return err
	}
	if block < w.end {
		z.note("an APK signing block of %d bytes at %#x", w.end-block, block)
	}
	if block > seen {
		g := gap{seen, block - seen}
		what, err := w.content(g)
		if err != nil {
			return err
		}
		// apksigner puts the block on a page of its own.
		if block == w.end || what != padding {
			gaps = append(gaps, g)
		}
	}
	var total int64
	for i, g := range gaps {
		total += g.len
		if i >= maxGapNotes {
			continue
		}
		what, err := w.content(g)
		if err != nil {
			return err
		}
		if g.off == 0 {
			z.note("%d bytes before the first member (%s): minzip and, since 2017, libziparchive refuse an archive that does not begin with a local header", g.len, what)
			continue
		}
		z.note("%d bytes at %#x belong to no member (%s)", g.len, g.off, what)
	}
	if len(gaps) > maxGapNotes {
		z.note("%d gaps in all, %d bytes, belong to no member", len(gaps), total)
	}
	return nil
}

// signingBlock is where the APK signing block begins that ends at the
// directory, not before lowest; the directory's own offset if there is none.
func (w *walk) signingBlock(lowest int64) (int64, error) {
	const footer = 8 + len(signingBlockMagic)
	if w.end-lowest < 8+int64(footer) {
		return w.end, nil
	}
	p, err := w.read(w.end-int64(footer), footer)
	if err != nil {
		return 0, err
	}
	if string(p[8:]) != signingBlockMagic {
		return w.end, nil
	}
	size := binary.LittleEndian.Uint64(p)
	if size > uint64(w.end-lowest-8) || size < uint64(footer) {
		return w.end, nil
	}
	off := w.end - 8 - int64(size)
	if p, err = w.read(off, 8); err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint64(p) != size {
		return w.end, nil
	}
	return off, nil
}

// padding is the content of a gap that hides nothing.
const padding = "zeros, as for alignment"

// content says what kind of bytes fill a gap, from the first of them.
func (w *walk) content(g gap) (string, error) {
	const most = 4096 // zipalign's and apksigner's coarsest alignment
	p, err := w.read(g.off, int(min(g.len, most)))
	if err != nil {
		return "", err
	}
	switch {
	case g.len < most && len(bytes.Trim(p, "\x00")) == 0:
		return padding, nil
	case len(p) >= 4 && binary.LittleEndian.Uint32(p) == sigLocal:
		return "begins with a local header", nil
	}
	return "data", nil
}

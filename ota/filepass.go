package ota

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"io"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
)

// A filePass reads the package's own file once, from its first byte to its last, and
// gives each who wants some of it what he wants.
type filePass struct {
	sum   hash.Hash
	sinks []Sink

	// Where payloads lie in place, their hashes; by the index in Package.Payloads.
	whole, metadata map[int]hash.Hash
	md5             hash.Hash // of a tar with a checksum
	crcs            []crc
}

// A crc is the CRC-32 of a member that images are made of. It is stored as it is and read in place,
// where nobody else comes to its end.
type crc struct {
	entry *archive.Entry
	hash  hash.Hash32
}

func newFilePass(p *Package, sinks []Sink) *filePass {
	f := &filePass{sum: sha256.New(), whole: map[int]hash.Hash{}, metadata: map[int]hash.Hash{}}
	f.sinks = append(f.sinks, Sink{0, p.File.Size(), f.sum})
	for i, pl := range p.Payloads {
		off, ok := p.payloadAt(pl)
		if !ok {
			continue
		}
		f.whole[i], f.metadata[i] = sha256.New(), sha256.New()
		f.sinks = append(f.sinks, Sink{off, off + pl.whole.Size(), f.whole[i]}, Sink{off, off + pl.Metadata.Len, f.metadata[i]})
	}
	if p.tar != nil && p.inPlace {
		if _, _, off, ok := p.tar.MD5(); ok {
			f.md5 = md5.New() // what Samsung's tools write
			f.sinks = append(f.sinks, Sink{0, off, f.md5})
		}
	}
	if _, zipped := p.Members.(*archive.Zip); zipped && p.inPlace {
		for i := range p.Entries {
			if e := &p.Entries[i]; e.Refused == "" && e.Method == 0 && e.Data >= 0 && p.installed[e.Name] {
				c := crc{e, crc32.NewIEEE()}
				f.crcs = append(f.crcs, c)
				f.sinks = append(f.sinks, Sink{e.Data, e.Data + e.Size, c.hash})
			}
		}
	}
	f.sinks = append(f.sinks, sinks...)
	return f
}

// payloadAt is where a payload lies in the package's file, if it lies there as it is.
func (p *Package) payloadAt(pl *Payload) (int64, bool) {
	if !p.inPlace || !inPlace(pl.whole) {
		return 0, false
	}
	if p.Layout == LayoutPayload {
		return 0, true
	}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Name == pl.Member && e.Refused == "" && e.Method == 0 && e.Data >= 0 && e.Size == pl.whole.Size() {
			return e.Data, true
		}
	}
	return 0, false
}

func (f *filePass) run(ctx context.Context, b blob.Blob, progress func(int64)) error {
	// 1 MiB at a time: fewer calls, and cancellation is seen within a millisecond.
	buf := make([]byte, min(max(b.Size(), 1), 1<<20))
	r := blob.Reader(blob.WithContext(ctx, b))
	for off := int64(0); ; {
		n, err := r.Read(buf)
		for _, s := range f.sinks {
			lo, hi := max(s.First, off), min(s.End, off+int64(n))
			if lo < hi {
				if _, err := s.W.Write(buf[lo-off : hi-off]); err != nil {
					return err
				}
			}
		}
		off += int64(n)
		progress(int64(n))
		switch {
		case err == io.EOF && off == b.Size():
			return nil
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
}

package squashfs

import "github.com/otavet/otavet/ota/parse"

// An index says where the blocks of a table are: a u64 for each.
type index struct {
	name   string
	start  int64 // of the index; 0: there is no table
	count  int64 // of entries
	length int64 // of one
}

// index is that of a table whose start stands at the given place of the superblock.
func (f *FS) index(name string, at int64, start, count uint64, length int64) (index, error) {
	per := uint64(metaSize / length)
	if start < lenSuper || start > uint64(f.size) || (count+per-1)/per > (uint64(f.size)-start)/8 {
		return index{}, fail(at, parse.ErrFormat, name+" is not in the file system", start)
	}
	return index{name, int64(start), int64(count), length}, nil
}

// entry reads from entry i on, which the table has.
func (f *FS) entry(x *index, i int64) (reader, error) {
	per := metaSize / x.length
	block, err := f.pointer(x, i/per)
	if err != nil {
		return reader{}, err
	}
	if block < lenSuper || block >= uint64(f.size) {
		return reader{}, fail(x.start+i/per*8, parse.ErrFormat, x.name+" has a block that is not in the file system", block)
	}
	return f.reader(&f.rest, int64(block), int(i%per*x.length)), nil
}

// pointer is where block i of a table is. Some pointers are read, and kept, together.
func (f *FS) pointer(x *index, i int64) (uint64, error) {
	const run = metaSize / 8
	per := metaSize / x.length
	blocks := (x.count + per - 1) / per
	first := i / run * run
	at := x.start + first*8
	m := f.metas.get(metaKey{at, true})
	if m == nil {
		m = &meta{data: make([]byte, min(run, blocks-first)*8)}
		if err := f.read(m.data, at); err != nil {
			return 0, err
		}
		f.metas.put(metaKey{at, true}, m)
	}
	return le.Uint64(m.data[(i-first)*8:]), nil
}

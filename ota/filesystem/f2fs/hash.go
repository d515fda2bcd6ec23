package f2fs

// hashName is the hash of a name, by which Linux looks for it: f2fs_hash_filename,
// where names are not folded. TEA turns 16 bytes at a time over into two words.
func hashName(name string) uint32 {
	if name == "." || name == ".." {
		return 0
	}
	a, b := uint32(0x67452301), uint32(0xefcdab89)
	for {
		k := hashWords(name)
		x, y, sum := a, b, uint32(0)
		for range 16 {
			sum += 0x9e3779b9
			x += (y<<4 + k[0]) ^ (y + sum) ^ (y>>5 + k[1])
			y += (x<<4 + k[2]) ^ (x + sum) ^ (x>>5 + k[3])
		}
		a, b = a+x, b+y
		if len(name) <= 16 {
			return a
		}
		name = name[16:]
	}
}

// hashWords are the first 16 bytes of what is left of a name, big-endian. What is
// missing is filled up with its length: str2hashbuf.
func hashWords(name string) (k [4]uint32) {
	pad := uint32(len(name)) & 0xff * 0x01010101
	for i := range k {
		k[i] = pad
		for _, c := range []byte(name[:min(4, len(name))]) {
			k[i] = k[i]<<8 | uint32(c)
		}
		name = name[min(4, len(name)):]
	}
	return k
}

// A bucket is blocks of a folder in which names of one remainder of their hashes are.
type bucket struct {
	level, index, count uint32
}

// bucketOf is the bucket that a block of a folder is in, whose level of hashes
// begins with dirLevel: dir_block_index.
func bucketOf(block uint64, dirLevel uint8) bucket {
	for level := uint32(0); ; level++ {
		// Buckets have four blocks from level 31 on, to which a folder of 2^32 blocks comes.
		count, blocks := uint64(1)<<30, uint64(2) // MAX_DIR_BUCKETS
		if level+uint32(dirLevel) < 31 {          // MAX_DIR_HASH_DEPTH / 2
			count = 1 << (level + uint32(dirLevel))
		}
		if block < count*blocks {
			return bucket{level, uint32(block / blocks), uint32(count)}
		}
		block -= count * blocks
	}
}

// holds tells whether Linux looks into the bucket for a hash, in a folder of that
// many levels.
func (b bucket) holds(hash, levels uint32) bool { return b.level < levels && hash%b.count == b.index }

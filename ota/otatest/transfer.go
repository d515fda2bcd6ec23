package otatest

import (
	"fmt"
	"strings"

	"github.com/otavet/otavet/ota/blob"
)

// A Transfer writes a partition as a full block update, as blockimgdiff.py does:
// a transfer list, and the new data that it takes. Blocks have 4096 bytes.
type Transfer struct {
	Image   blob.Blob
	Version int    // of the list; 0: 4
	Method  string // of the new data, by C tools: "brotli", "xz", "lzma"; "": none
	Fast    bool   // compress with less effort

	Line func(i int, line string) string // changes line i, from 0; "" leaves it out
}

// Limits of blockimgdiff.py and of this builder.
const (
	transferBlock = 4096
	mostBlocks    = 1024 // of a command; see WriteSplitTransfers
	leastErased   = 256  // zero blocks in a row that are erased; fewer are zeroed
)

// Write gives the list and the data. Runs of 256 blocks of zeros and more are
// erased, which leaves their content open, shorter ones are zeroed.
func (t *Transfer) Write() (list string, data []byte, err error) {
	size := t.Image.Size()
	if size%transferBlock != 0 {
		return "", nil, fmt.Errorf("otatest: an image of %d bytes is not of whole blocks", size)
	}
	image, err := blob.ReadRange(t.Image, 0, size)
	if err != nil {
		return "", nil, err
	}
	var erase, write []string
	written := 0
	for at, end := 0, 0; at < len(image)/transferBlock; at = end {
		empty := zeroBlock(image, at)
		for end = at + 1; end < len(image)/transferBlock && zeroBlock(image, end) == empty; end++ {
		}
		if empty && end-at >= leastErased {
			erase = append(erase, fmt.Sprint(at), fmt.Sprint(end))
			continue
		}
		op := "zero"
		if !empty {
			op = "new"
			data = append(data, image[at*transferBlock:end*transferBlock]...)
		}
		written += end - at
		for first := at; first < end; first += mostBlocks {
			write = append(write, fmt.Sprintf("%s 2,%d,%d", op, first, min(end, first+mostBlocks)))
		}
	}
	if t.Method != "" {
		if data, err = pack(t.Method, t.Fast, data); err != nil {
			return "", nil, err
		}
	}
	return t.list(erase, write, written), data, nil
}

func (t *Transfer) list(erase, write []string, written int) string {
	version := t.Version
	if version == 0 {
		version = 4
	}
	lines := []string{fmt.Sprint(version), fmt.Sprint(written)}
	if version > 1 {
		lines = append(lines, "0", "0") // stashes
	}
	if len(erase) > 0 {
		lines = append(lines, fmt.Sprintf("erase %d,%s", len(erase), strings.Join(erase, ",")))
	}
	var list strings.Builder
	for i, line := range append(lines, write...) {
		if t.Line != nil {
			line = t.Line(i, line)
		}
		if line != "" {
			list.WriteString(line + "\n")
		}
	}
	return list.String()
}

func zeroBlock(image []byte, n int) bool {
	return zeros(image[n*transferBlock : (n+1)*transferBlock])
}

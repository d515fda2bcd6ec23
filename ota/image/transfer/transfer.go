// Package transfer reads transfer lists: how a block update (Android 5.0 to today) says
// which blocks of a partition get which bytes.
//
// The format is that of blockimgdiff.py, which writes it, and of blockimg.cpp, which carries it out
// (bootable/recovery/updater; build/make/tools/releasetools). A list is text: its version (1 to 4), how many blocks it
// writes, from version 2 on two numbers about stashes, and then a command a line. Blocks are of 4096
// bytes; a set of blocks is written N,a,b,c,d…: N numbers follow, in pairs, each First to End exclusive.
//
// A list of commands that write new data alone gives the image (List.Image). One that moves or patches
// what the device has is an incremental: Incremental names the first command, and there is no image
// without the older one.
package transfer

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// BlockSize is the size of a block in bytes: BLOCKSIZE in blockimg.cpp.
const BlockSize = 4096

const (
	// maxList bounds the text: lists of real incrementals, with hashes, have up to 5 MB.
	maxList = 64 << 20
	// maxBlock is the first block number that no partition has: 16 TiB.
	maxBlock = 1 << 32
)

// The commands, with the names that they have in a list.
const (
	OpNew             = "new"               // the next bytes of the new data
	OpZero            = "zero"              // zeros
	OpErase           = "erase"             // what they hold afterwards is not said
	OpMove            = "move"              // copied from the old image
	OpBsdiff          = "bsdiff"            // patched
	OpImgdiff         = "imgdiff"           // patched
	OpStash           = "stash"             // kept aside
	OpFree            = "free"              // no longer kept
	OpComputeHashTree = "compute_hash_tree" // a verity tree over other blocks; version 4
	OpAbort           = "abort"             // ends the installation, for tests; version 4
)

// A Range is a run of blocks, First to End exclusive.
type Range struct{ First, End int64 }

// Blocks is how many blocks a set has.
func Blocks(set []Range) int64 {
	var n int64
	for _, r := range set {
		n += r.End - r.First
	}
	return n
}

// A Command is one line of a list.
type Command struct {
	Op     string
	Target []Range  // blocks that it writes; of stash, those that it keeps
	Args   []string // what else it says, as written; the words of a command that is not known
	Line   int64    // from 1
	Offset int64    // of the line, in the list
}

// Writes tells whether the command changes blocks of the image.
func (c *Command) Writes() bool {
	switch c.Op {
	case OpNew, OpZero, OpErase, OpMove, OpBsdiff, OpImgdiff, OpComputeHashTree:
		return true
	}
	return false
}

// Known tells whether this package knows the command.
func (c *Command) Known() bool {
	return c.Writes() || c.Op == OpStash || c.Op == OpFree || c.Op == OpAbort
}

// A List is a transfer list.
type List struct {
	Version  int
	Written  int64 // blocks that it says it writes
	Stashes  int64 // most stashes at once; 0 in version 1
	Stashed  int64 // most blocks stashed at once; 0 in version 1
	Commands []Command
	Notes    []string // what is odd and yet carried out by devices
}

func malformed(off int64, msg string, got any) error {
	return &parse.Error{Format: "transfer list", Off: off, Msg: msg, Got: got, Kind: parse.ErrFormat}
}

// Open reads a list. Each range is charged to bud as an entry. The error is a *parse.Error, or that
// of a read from b.
func Open(b blob.Blob, bud *parse.Budget) (*List, error) {
	text, err := blob.ReadAll(b, maxList)
	if err != nil {
		return nil, err
	}
	r := &reader{text: text, bud: bud}
	l := &List{}
	version, err := r.number("its version", 1, 4)
	if err != nil {
		return nil, err
	}
	l.Version = int(version)
	if l.Written, err = r.number("how many blocks it writes", 0, maxBlock); err != nil {
		return nil, err
	}
	if l.Version >= 2 {
		if l.Stashes, err = r.number("how many stashes it needs", 0, maxBlock); err != nil {
			return nil, err
		}
		if l.Stashed, err = r.number("how many blocks it stashes", 0, maxBlock); err != nil {
			return nil, err
		}
	}
	for r.more() {
		line, off := r.line()
		words := strings.Fields(line)
		if len(words) == 0 {
			continue // recovery passes over empty lines
		}
		c, err := r.command(l.Version, words, off)
		if err != nil {
			return nil, err
		}
		l.Commands = append(l.Commands, c)
	}
	l.judge()
	return l, nil
}

type reader struct {
	text []byte
	off  int64
	n    int64 // lines read
	bud  *parse.Budget
}

func (r *reader) more() bool { return len(r.text) > 0 }

func (r *reader) line() (string, int64) {
	line, rest, _ := bytes.Cut(r.text, []byte("\n"))
	at := r.off
	r.off += int64(len(r.text) - len(rest))
	r.text = rest
	r.n++
	return strings.TrimSuffix(string(line), "\r"), at
}

// number reads a line that is one number.
func (r *reader) number(what string, least, most int64) (int64, error) {
	if !r.more() {
		return 0, malformed(r.off, "it ends before it says "+what, nil)
	}
	line, off := r.line()
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, malformed(off, "the line that says "+what+" is no number", parse.EscapeText(short(line)))
	}
	if n < least || n > most {
		kind := parse.ErrFormat
		if n > most {
			kind = parse.ErrUnsupported
		}
		return 0, &parse.Error{Format: "transfer list", Off: off, Msg: "the line that says " + what + " is out of range", Got: n, Kind: kind}
	}
	return n, nil
}

func short(s string) string { return s[:min(len(s), 40)] }

// command reads the words of a line. Where the set of target blocks stands depends on version and
// command: see blockimg.cpp's LoadSrcTgtVersion1, 2 and 3.
func (r *reader) command(version int, words []string, off int64) (Command, error) {
	c := Command{Op: words[0], Line: r.n, Offset: off}
	if !c.Known() {
		c.Op = parse.EscapeText(c.Op)
	}
	target := -1
	switch c.Op {
	case OpNew, OpZero, OpErase, OpComputeHashTree:
		target = 1
	case OpStash:
		target = 2 // stash ID RANGES
		if version < 2 {
			return c, malformed(off, "a stash in a list of version 1", nil)
		}
	case OpMove:
		target = []int{0, 2, 1, 2, 2}[version] // SRC TGT; TGT BLOCKS SRC…; HASH TGT …
	case OpBsdiff, OpImgdiff:
		target = []int{0, 4, 3, 5, 5}[version] // OFF LEN SRC TGT; OFF LEN TGT …; OFF LEN SRCHASH TGTHASH TGT …
	}
	for i, w := range words[1:] {
		if i+1 != target {
			c.Args = append(c.Args, parse.EscapeText(w))
		}
	}
	if target < 0 {
		return c, nil
	}
	if target >= len(words) {
		return c, malformed(off, c.Op+" names no blocks", nil)
	}
	set, err := r.ranges(words[target], off)
	if err != nil {
		return c, err
	}
	c.Target = set
	return c, nil
}

// ParseRanges reads a set of blocks as lists and care maps write it: N,a,b,c,d…
// with N numbers behind the first. The error is a *parse.Error.
func ParseRanges(text string) ([]Range, error) {
	return (&reader{}).ranges(text, 0)
}

// ranges reads a set of blocks: RangeSet::Parse.
func (r *reader) ranges(text string, off int64) ([]Range, error) {
	count, rest, _ := strings.Cut(text, ",")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n <= 0 || n%2 != 0 || n > int64(len(rest)+1)/2 {
		return nil, malformed(off, "a set of blocks whose count of numbers is impossible", parse.EscapeText(short(text)))
	}
	if err := r.bud.Entry("transfer list", n/2); err != nil {
		return nil, err
	}
	out := make([]Range, 0, n/2)
	var pair [2]int64
	for i := range n {
		var word string
		more := rest != ""
		word, rest, _ = strings.Cut(rest, ",")
		v, err := strconv.ParseInt(word, 10, 64)
		if !more || err != nil || v < 0 || v > maxBlock {
			return nil, malformed(off, "a set of blocks with a number that is none", parse.EscapeText(short(word)))
		}
		pair[i%2] = v
		if i%2 == 0 {
			continue
		}
		if pair[0] >= pair[1] {
			return nil, malformed(off, "a run of blocks that ends before it begins", fmt.Sprintf("%d,%d", pair[0], pair[1]))
		}
		out = append(out, Range{pair[0], pair[1]})
	}
	if rest != "" {
		return nil, malformed(off, "a set of blocks has more numbers than it says", parse.EscapeText(short(rest)))
	}
	return out, nil
}

// judge notes what the list's own numbers do not agree with.
func (l *List) judge() {
	var written int64
	unknown := map[string]bool{}
	for i := range l.Commands {
		c := &l.Commands[i]
		if c.Writes() && c.Op != OpErase && c.Op != OpComputeHashTree {
			written += Blocks(c.Target)
		}
		if !c.Known() && !unknown[c.Op] && len(unknown) < 16 {
			unknown[c.Op] = true
			l.Notes = append(l.Notes, fmt.Sprintf("line %d: a command that is not known: %s", c.Line, c.Op))
		}
	}
	if written != l.Written {
		l.Notes = append(l.Notes, fmt.Sprintf("it says that it writes %d blocks, and writes %d", l.Written, written))
	}
}

// Size is the size of the image in bytes: the end of the last block that any command writes,
// zeros and erased ones included.
func (l *List) Size() int64 {
	var end int64
	for i := range l.Commands {
		if c := &l.Commands[i]; c.Writes() {
			for _, r := range c.Target {
				end = max(end, r.End)
			}
		}
	}
	return end * BlockSize
}

// NewData is how many bytes of new data the commands take.
func (l *List) NewData() int64 {
	var n int64
	for i := range l.Commands {
		if c := &l.Commands[i]; c.Op == OpNew {
			n += Blocks(c.Target)
		}
	}
	return n * BlockSize
}

// Incremental is the first command that needs the old image, or is not known; nil: the list is a full
// update.
func (l *List) Incremental() *Command {
	for i := range l.Commands {
		switch c := &l.Commands[i]; c.Op {
		case OpNew, OpZero, OpErase, OpFree, OpComputeHashTree:
		default:
			return c
		}
	}
	return nil
}

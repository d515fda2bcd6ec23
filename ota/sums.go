package ota

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Kinds of Sum.
const (
	SumPartition  = "partition-hash"     // a payload's, of a partition and of each operation's data
	SumProperties = "payload-properties" // payload_properties.txt, of the payload
	SumFiles      = "property-files"     // the metadata's, of where members lie
	SumCareMap    = "care-map"           // care_map.pb, of blocks that partitions must have
	SumDynamic    = "dynamic-partitions" // dynamic_partitions_op_list, of sizes
	SumMD5        = "md5"                // the last line of a .tar.md5
	SumCRC        = "crc-32"             // a zip's directory, of a stored member that images are made of
)

// A Sum is something that a package says of its own bytes, and whether it is so.
type Sum struct {
	Kind    string // SumPartition and so on
	Subject string // the partition, or the key; spelled to be printed
	Member  string // that says it; "" the package itself
	Line    int64  // of a text member; 0 none
	Off     int64  // byte in the member; -1 none
	Note    string // what was compared
	SHA256  string // of the member, in hexadecimal; "" where it is the package itself, or cannot be read
	// Err is nil where it is so. It wraps parse.ErrFormat where it is not, and another kind
	// where that cannot be told.
	Err error
}

func compareSums(a, b Sum) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Member, b.Member), cmp.Compare(a.Subject, b.Subject),
		cmp.Compare(a.Line, b.Line), cmp.Compare(a.Off, b.Off))
}

// differ is the one constructor of what is not so.
func differ(format string, args ...any) error {
	return fmt.Errorf("%s: %w", parse.EscapeText(fmt.Sprintf(format, args...)), errDiffers)
}

// errDiffers is parse.ErrFormat in words that fit.
var errDiffers = fmt.Errorf("this is not so%w", silent{parse.ErrFormat})

// silent is an error of a kind without its words.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

// statements compares what members say with what is there. f has the hashes of
// the package's file; it is nil for a folder.
func (p *Package) statements(ctx context.Context, f *filePass) ([]Sum, error) {
	var sums []Sum
	for _, check := range []func(context.Context, *filePass) ([]Sum, error){p.propertySums, p.fileSums, p.careMapSums, p.dynamicSums, p.tarSums, p.crcSums} {
		more, err := check(ctx, f)
		if err != nil {
			return nil, err
		}
		sums = append(sums, more...)
	}
	return sortedSums(sums), ctx.Err()
}

// hashMembers gives every Sum the hash of the member that says it. Members that
// images are made of are not decoded for it a second time.
func (p *Package) hashMembers(ctx context.Context, f *filePass, sums []Sum) {
	have := map[string]string{"": ""}
	for i, pl := range p.Payloads {
		if f != nil && f.whole[i] != nil {
			have[pl.Member] = hex.EncodeToString(f.whole[i].Sum(nil))
		} else {
			have[pl.Member] = hashBlob(ctx, pl.whole)
		}
	}
	for _, in := range p.tars {
		have[in.member] = hashBlob(ctx, in.blob)
	}
	for i := range sums {
		s := &sums[i]
		if _, ok := have[s.Member]; !ok {
			have[s.Member] = ""
			if text, err := p.text(ctx, s.Member); err == nil && text != nil {
				sum := sha256.Sum256(text)
				have[s.Member] = hex.EncodeToString(sum[:])
			}
		}
		s.SHA256 = have[s.Member]
	}
}

// hashBlob is the SHA-256 of b; "" where it cannot be read, of which what reads it
// for its content tells.
func hashBlob(ctx context.Context, b blob.Blob) string {
	h := sha256.New()
	if _, err := io.CopyBuffer(h, blob.Reader(blob.WithContext(ctx, b)), make([]byte, 256<<10)); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// maxText bounds the text members that are compared: real ones are below 64 KiB.
const maxText = 1 << 20

// A line of a text member that says key=value, or whatever is divided by sep.
type line struct {
	key, value string
	n, off     int64
}

func lines(text []byte, sep string) []line {
	var list []line
	var off int64
	for n := int64(1); len(text) > 0; n++ {
		row, rest, _ := bytes.Cut(text, []byte("\n"))
		key, value, _ := strings.Cut(strings.TrimSpace(string(row)), sep)
		if key != "" {
			list = append(list, line{strings.TrimSpace(key), strings.TrimSpace(value), n, off})
		}
		off += int64(len(text) - len(rest))
		text = rest
	}
	return list
}

// text reads a text member; nil if there is none.
func (p *Package) text(ctx context.Context, name string) ([]byte, error) {
	if p.Members == nil {
		return nil, nil
	}
	if _, err := fs.Stat(p.Members, name); err != nil {
		return nil, nil
	}
	return p.readMember(ctx, name, maxText)
}

// unread is the Sum of a member that cannot be read.
func unread(ctx context.Context, kind, member string, err error) ([]Sum, error) {
	if isEnd(ctx, err) {
		return nil, err
	}
	return []Sum{{Kind: kind, Subject: member, Member: member, Off: -1, Err: kindless(err, ErrUndecided)}}, nil
}

// propertySums compares payload_properties.txt with the payload beside it.
func (p *Package) propertySums(ctx context.Context, f *filePass) ([]Sum, error) {
	var sums []Sum
	if f == nil {
		f = &filePass{whole: map[int]hash.Hash{}, metadata: map[int]hash.Hash{}}
	}
	for i, pl := range p.Payloads {
		if p.Layout == LayoutPayload {
			continue // nothing stands beside it
		}
		member := path.Join(path.Dir(pl.Member), "payload_properties.txt")
		text, err := p.text(ctx, member)
		if err != nil {
			more, err := unread(ctx, SumProperties, member, err)
			if err != nil {
				return nil, err
			}
			sums = append(sums, more...)
			continue
		}
		for _, l := range lines(text, "=") {
			s := Sum{Kind: SumProperties, Subject: parse.EscapeText(l.key), Member: member, Line: l.n, Off: l.off}
			known, err := p.property(ctx, f, i, l)
			if errors.Is(err, errPass) {
				return nil, err
			}
			if s.Err = err; known {
				sums = append(sums, s)
			}
		}
	}
	return sums, nil
}

// errPass marks errors that end the pass: the package cannot be read.
var errPass = errors.New("reading the payload")

// property compares one line; others than these four say nothing of the payload's bytes.
func (p *Package) property(ctx context.Context, f *filePass, i int, l line) (known bool, err error) {
	pl := p.Payloads[i]
	size := func(have int64) error {
		if n, err := strconv.ParseInt(l.value, 10, 64); err != nil || n != have {
			return differ("%s=%s, and the payload has %d bytes there", l.key, l.value, have)
		}
		return nil
	}
	sum := func(all map[int]hash.Hash, n int64) error {
		h := all[i]
		if h == nil { // the payload does not lie in the file as it is
			h = sha256.New()
			if _, err := io.Copy(h, io.NewSectionReader(blob.WithContext(ctx, pl.whole), 0, n)); err != nil {
				return fmt.Errorf("%w: %w", errPass, err)
			}
			all[i] = h // the text may say it again and again
		}
		if have := base64.StdEncoding.EncodeToString(h.Sum(nil)); have != l.value {
			return differ("%s=%s, and the SHA-256 of the payload's bytes is %s", l.key, l.value, have)
		}
		return nil
	}
	switch l.key {
	case "FILE_SIZE":
		return true, size(pl.whole.Size())
	case "METADATA_SIZE":
		return true, size(pl.Metadata.Len)
	case "FILE_HASH":
		return true, sum(f.whole, pl.whole.Size())
	case "METADATA_HASH":
		return true, sum(f.metadata, pl.Metadata.Len)
	}
	return false, nil
}

// tarSums compares the line at the end of Samsung's archives with what is before it.
func (p *Package) tarSums(ctx context.Context, f *filePass) ([]Sum, error) {
	var sums []Sum
	add := func(member string, t *archive.Tar, check func() error) error {
		_, name, off, ok := t.MD5()
		if !ok {
			return nil
		}
		s := Sum{Kind: SumMD5, Subject: cmp.Or(parse.EscapeText(name), "tar"), Member: member, Off: off, Err: check()}
		if isEnd(ctx, s.Err) {
			return s.Err
		}
		sums = append(sums, s)
		return nil
	}
	if p.tar != nil {
		err := add("", p.tar, func() error {
			if f == nil || f.md5 == nil {
				return p.tar.CheckMD5()
			}
			if sum, _, _, _ := p.tar.MD5(); !bytes.Equal(f.md5.Sum(nil), sum[:]) {
				return differ("the MD5 %s at the end, and the bytes before it have %s", hex.EncodeToString(sum[:]), hex.EncodeToString(f.md5.Sum(nil)))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, in := range p.tars {
		if err := add(in.member, in.tar, in.tar.CheckMD5); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// crcSums compares stored members with the zip's directory.
func (p *Package) crcSums(_ context.Context, f *filePass) ([]Sum, error) {
	if f == nil {
		return nil, nil
	}
	var sums []Sum
	for _, c := range f.crcs {
		s := Sum{Kind: SumCRC, Subject: c.entry.Name, Off: c.entry.Central}
		if have := c.hash.Sum32(); have != c.entry.CRC32 {
			s.Err = differ("the directory says that %s has the CRC-32 %08x, and its bytes have %08x", c.entry.Name, c.entry.CRC32, have)
		}
		sums = append(sums, s)
	}
	return sums, nil
}

// An innerTar is a tar in the package.
type innerTar struct {
	member string
	blob   blob.Blob
	tar    *archive.Tar
}

// hasSum tells whether a tar ends with its MD5.
func hasSum(t *archive.Tar) bool {
	_, _, _, ok := t.MD5()
	return ok
}

// partition finds the partition of a name, whatever its slot.
func (p *Package) partition(name string) *Partition {
	base, slot := splitSlot(name)
	i := slices.IndexFunc(p.Partitions, func(q *Partition) bool { return q.Name == base && (slot == "" || q.Slot == slot || q.Slot == "") })
	if i < 0 {
		return nil
	}
	return p.Partitions[i]
}

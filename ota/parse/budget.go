package parse

import (
	"fmt"
	"sync/atomic"
)

// Limits say how much work may be spent on one file. They count work, never
// time or heap, so that the same bytes always meet the same limit. A zero
// field means the default.
type Limits struct {
	Produced int64 // bytes that decoding may produce from the file
	Entries  int64 // directory entries, archive members, records
	Depth    int   // containers within containers
}

// DefaultLimits are the limits of an update as a whole.
//
//   - Produced: 64 GiB, above any firmware's unpacked size (a 16 GiB super image,
//     kept in raw, sparse and zipped form) and below a modest disk.
//   - Entries: 2^20; a system image holds under 10^5 files.
//   - Depth: 8; the deepest real nesting is factory zip, image zip, super,
//     partition, APEX, payload image, APK: seven.
func DefaultLimits() Limits { return Limits{Produced: 64 << 30, Entries: 1 << 20, Depth: 8} }

// MaxRatio bounds what one stored byte may become: deflate reaches 1032, and no
// real member of an update comes near it.
const MaxRatio = 1100

// A Budget is what remains of the limits of one file. It is handed to every
// reader that opens that file, and may be used from several goroutines. A
// reader charges by what the file declares, in the file's order, when it opens
// it, so that which charge fails does not depend on who reads first.
//
// Budgets of containers inside one another also share the limits of the
// outermost: a file of many small containers that each keep to their own allotment could
// ask for any amount of work. Which container meets that limit does depend on who reads
// first, so it only ends the whole run: see Exhausted.
//
// A nil Budget has the default limits and counts nothing.
type Budget struct {
	limits   Limits
	produced atomic.Int64
	entries  atomic.Int64
	whole    *whole
}

// whole is what all budgets of one outermost file share.
type whole struct {
	limits    Limits
	produced  atomic.Int64
	entries   atomic.Int64
	exhausted atomic.Bool
}

// wholeEntries is how many times the entries of one container all of them
// together may have: a ROM's apps hold some ten times the entries of its largest image.
const wholeEntries = 16

// NewBudget allots l, zero fields standing for the defaults.
func NewBudget(l Limits) *Budget {
	d := DefaultLimits()
	if l.Produced <= 0 {
		l.Produced = d.Produced
	}
	if l.Entries <= 0 {
		l.Entries = d.Entries
	}
	if l.Depth <= 0 {
		l.Depth = d.Depth
	}
	all := l
	if all.Entries < 1<<62/wholeEntries {
		all.Entries *= wholeEntries
	}
	return &Budget{limits: l, whole: &whole{limits: all}}
}

// Produce charges n bytes of decoded output. Once it has failed the charge is
// not kept, so that a smaller one may still succeed.
func (b *Budget) Produce(format string, n int64) error {
	if b == nil {
		return nil
	}
	if err := charge(&b.produced, n, b.limits.Produced, format, "decoded bytes"); err != nil {
		return err
	}
	return b.share(&b.whole.produced, n, b.whole.limits.Produced, format, "decoded bytes")
}

// Entry charges n entries.
func (b *Budget) Entry(format string, n int64) error {
	if b == nil {
		return nil
	}
	if err := charge(&b.entries, n, b.limits.Entries, format, "entries"); err != nil {
		return err
	}
	return b.share(&b.whole.entries, n, b.whole.limits.Entries, format, "entries")
}

func (b *Budget) share(have *atomic.Int64, n, most int64, format, what string) error {
	err := charge(have, n, most, format, what+" in the whole of the update")
	if err != nil {
		b.whole.exhausted.Store(true)
	}
	return err
}

// Exhausted tells whether all containers together asked for more than the
// outermost was allotted. The answers of the run must then be thrown away.
func (b *Budget) Exhausted() bool { return b != nil && b.whole.exhausted.Load() }

func charge(have *atomic.Int64, n, most int64, format, what string) error {
	if n < 0 {
		return &Error{Format: format, Off: -1, Msg: "a size is negative", Got: n, Kind: ErrFormat}
	}
	for {
		old := have.Load()
		if n > most-old {
			return &Error{Format: format, Off: -1, Msg: fmt.Sprintf("more than %d %s", most, what), Got: n, Kind: ErrLimit}
		}
		if have.CompareAndSwap(old, old+n) {
			return nil
		}
	}
}

// Inside allots a budget to a container found inside this one, whose stored
// size is given in bytes. The allotment follows from the size and the limits
// alone: at most MaxRatio times the stored bytes (and 1 MiB for tiny ones),
// never more than the outer limit, one level less deep.
func (b *Budget) Inside(format string, stored int64) (*Budget, error) {
	if b == nil {
		b = NewBudget(Limits{})
	}
	if b.limits.Depth <= 1 {
		return nil, &Error{Format: format, Off: -1, Msg: "containers are nested too deep", Kind: ErrLimit}
	}
	l := b.limits
	l.Depth--
	if most := int64(1<<20) + min(max(stored, 0), l.Produced/MaxRatio)*MaxRatio; most < l.Produced {
		l.Produced = most
	}
	return &Budget{limits: l, whole: b.whole}, nil
}

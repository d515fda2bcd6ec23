package archive

import (
	"io/fs"
	"slices"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// failTar is the one constructor of this format's errors.
func failTar(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "tar", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Tar is a tar archive as a file system. Of several members of one name it
// shows the last, which is what is left after GNU tar has written each in turn,
// and it leaves out what TarEntry.Refused says. Folders that no member names are
// there all the same. A ./ in front of a name is dropped.
//
// A hard link shows the bytes that its target has at that place of the archive.
// Nothing follows symbolic links: Stat says that a member is one, as Lstat does,
// ReadLink gives the target, and Open refuses it. Devices and pipes are listed
// and cannot be opened.
//
// A Tar has no state that changes; any number of goroutines may use it.
type Tar struct {
	b       blob.Blob
	entries []TarEntry
	notes   []string
	md5     *tarMD5
	nodes   map[string]*tarNode
	refused map[string]int // path of a refused member whose name the file system could show
	links   map[int]int    // hard link to the member that has its bytes
}

// A TarEntry is one member of a tar, with what the headers before its own say
// of it (PAX, GNU long names). Offsets are absolute in the file, sizes are in
// bytes.
//
// It is not an Entry, since half of that is what a zip alone has: a tar knows no
// checksum of a member's data, no method and no directory, and zeros in their
// place would read as facts.
type TarEntry struct {
	Name     string      // as stored, spelled with parse.Escape; parse.Unescape gives the bytes
	Index    int         // position among the members, from 0
	Type     byte        // the type flag, a constant of archive/tar; 0 is an old '0'
	Link     string      // target of a hard or symbolic link, spelled with parse.Escape
	Size     int64       // bytes in the archive; 0 where the type has no data, as links have not
	Header   int64       // of the member's own header
	Data     int64       // of the member's data; -1 where the type has none
	Mode     fs.FileMode // a folder also by a trailing slash
	Modified time.Time   // UTC; zero if the archive has no number there
	Refused  string      // why the file system does not show the member; "" if it does
	Notes    []string    // what other readers make of it, and what else is odd: one short sentence each
}

// refuse: see Entry.refuse.
func (e *TarEntry) refuse(format string, args ...any) {
	if e.Refused == "" {
		e.Refused = sprintf(format, args...)
		return
	}
	e.note(format, args...)
}

func (e *TarEntry) note(format string, args ...any) {
	e.Notes = append(e.Notes, sprintf(format, args...))
}

// OpenTar reads the headers of b and what follows the end of the archive, and
// none of the data: a tar of 5 GB with 30 members costs 35 reads of 50 KB in
// all. Where members are small it reads on over their data, up to 64 KiB at a
// time.
//
// Every member is charged to bud, and so is every folder that no member names;
// then, in the order of the archive, the size of each member that can be read,
// and those that find bud exhausted are refused.
//
// The error is a *parse.Error, or that of a read from b. A tar has no directory:
// where a header is broken, or data or header are cut off by the end of the
// file, there is no going on, and the error says where. It wraps
// parse.ErrUnsupported where a global PAX header says what readers take for
// different members, parse.ErrLimit for a PAX header of more than 1 MiB or a
// name of more than 64 KiB. What is wrong with single members is said by
// Entries.
//
// The formats are v7, ustar and PAX (POSIX 1003.1-2001, pax), and GNU tar's own
// (its manual, "Basic Tar Format"). Sparse files are refused by name.
func OpenTar(b blob.Blob, bud *parse.Budget) (*Tar, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	t := &Tar{b: b}
	w := &tarWalk{b: b, size: b.Size()}
	raw, err := t.walk(w, bud)
	if err != nil {
		return nil, err
	}
	if err := t.behind(w); err != nil {
		return nil, err
	}
	t.plant(t.judge(raw), bud)
	return t, nil
}

func (t *Tar) note(format string, args ...any) {
	t.notes = append(t.notes, sprintf(format, args...))
}

// Entries are the members in the order of the archive, with what is refused and
// with all that share a name. The slice and its entries are the caller's, their
// Notes are not.
func (t *Tar) Entries() []TarEntry { return slices.Clone(t.entries) }

// Notes are facts about the archive as a whole: an end that is missing, bytes
// behind it, names that occur more than once. Each is one short sentence; the
// order is that of the steps that find them, the same at each run.
func (t *Tar) Notes() []string { return slices.Clone(t.notes) }

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// An output is a file to be written.
type output struct {
	at   fact.Location
	name string // in the target
	mode fs.FileMode
}

func extractFiles(ctx context.Context, a *app, o extractOptions, p *ota.Package, out *target, at []fact.Location) error {
	var list []listed
	var err error
	if len(at) == 0 {
		list, err = listAll(ctx, p)
	}
	for _, l := range at {
		var more []listed
		if more, err = listLocation(ctx, p, l); err != nil {
			break
		}
		list = append(list, more...)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	var files []output
	links, images := 0, 0
	left := cmp.Or(int64(o.maxInflate), parse.DefaultLimits().Produced)
	for _, l := range list {
		switch {
		case l.Mode == modeImage && len(at) == 0:
			images++
		case l.Mode[0] == '-' || l.Mode == modeImage:
			if err := o.charge(&left, l); err != nil {
				return err
			}
			files = append(files, output{l.Location, targetName(l.Location), fileMode(l.Mode)})
		case l.Mode[0] != 'd':
			links++
		}
	}
	in := inspect.NewOpener(p)
	defer in.Close()
	var buffers sync.Pool // of *[copySize]byte
	err = inParallel(ctx, o.workers(), len(files), func(i int) error {
		buf, _ := buffers.Get().(*[copySize]byte)
		if buf == nil {
			buf = new([copySize]byte)
		}
		defer buffers.Put(buf)
		return extractOne(ctx, in, out, files[i], buf[:])
	})
	if links > 0 {
		fmt.Fprintf(a.stderr, "symbolic links or devices, not made: %d\n", links)
	}
	if images > 0 {
		fmt.Fprintf(a.stderr, "partitions that are images: %d (--images extracts them, and a name such as system: the files of one)\n", images)
	}
	return err
}

// fileMode keeps of a mode as ls prints it whether the file is a program, and nothing else: set-user-ID programs of a
// phone have no business here.
func fileMode(mode string) fs.FileMode {
	if mode != modeImage && mode[3] == 'x' {
		return 0o755
	}
	return 0o644
}

// targetName is where a location goes in the target. Names hold no "..", "/" at their
// start or control characters: those are escaped where they enter.
func targetName(at fact.Location) string {
	name := at.Path
	if at.Partition != "" {
		name = at.Partition
		if at.Slot != "" {
			name += "_" + at.Slot
		}
		if at.Path != "" {
			name += "/" + at.Path
		}
	}
	for _, in := range at.Inner {
		name += "!/" + in
	}
	return name
}

// charge takes what a file will be from what is left to be written: a small image may hold files
// of terabytes, which are holes.
func (o *extractOptions) charge(left *int64, l listed) error {
	if *left -= max(l.Size, 0); *left < 0 {
		return fmt.Errorf("%s: more would be written than --max-inflate allows; nothing is", l.Location)
	}
	return nil
}

// copySize is how much of a file is read at once.
const copySize = 1 << 20

func extractOne(ctx context.Context, in *inspect.Opener, out *target, w output, buf []byte) error {
	b, closer, err := in.Open(ctx, w.at)
	if err != nil {
		return err
	}
	defer closer()
	f, err := out.create(w.name)
	if err != nil {
		return err
	}
	b = blob.WithContext(ctx, b)
	for off := int64(0); off < b.Size(); {
		n := int(min(int64(len(buf)), b.Size()-off))
		if _, err := blob.ReadFull(b, buf[:n], off); err != nil {
			return fmt.Errorf("%s: %w", w.at, err)
		}
		if _, err := blob.WriteSparse(f, buf[:n], off); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if off += int64(n); off == b.Size() && buf[n-1] == 0 { // the end may be a hole
			if err := f.Truncate(off); err != nil {
				return err
			}
		}
	}
	return f.commit(w.mode)
}

package ota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/edify"
	"github.com/otavet/otavet/ota/parse"
)

// maxScript bounds an installer script: the longest of real updates, file-based
// incrementals with a line for each file, stay below 2 MiB.
const maxScript = 8 << 20

// openInstaller follows the installer script. What is installed is what the
// script installs, not what folders of the zip are called.
func (p *Package) openInstaller(ctx context.Context, has func(string) bool) error {
	if p.Layout == "" {
		p.Layout = LayoutZipFiles
	}
	if !has(updaterScript) {
		msg := "there is no updater-script: the program update-binary decides alone what is installed"
		member := updateBinary
		if has(updateScript) {
			msg, member = "amend scripts (before Android 1.6) are not followed", updateScript
		}
		p.problem(Problem{Member: member, Off: -1, Installs: true,
			Err: &parse.Error{Format: "installer", Off: -1, Msg: msg, Kind: parse.ErrUnsupported}})
		return nil
	}
	src, err := p.readMember(ctx, updaterScript, maxScript)
	if err != nil {
		if isEnd(ctx, err) {
			return err
		}
		p.problem(Problem{Member: updaterScript, Off: -1, Installs: true, Err: err})
		return nil
	}
	script, err := edify.Parse(src)
	if err != nil {
		p.problem(Problem{Member: updaterScript, Off: offsetOf(err), Installs: true, Err: err})
	}
	if script == nil {
		return nil
	}
	p.Script = &Installer{Member: updaterScript, Plan: script.Plan(p.lister())}
	p.checkUpdateBinary(ctx, has)
	for _, u := range p.Script.Plan.Unfollowed {
		if strings.HasPrefix(u.Prefix, "/tmp/") {
			continue // recovery's memory: what is read from there again has a line of its own
		}
		p.problem(Problem{Member: updaterScript, Line: u.Line, Off: u.Offset, Installs: true,
			Err: fmt.Errorf("%s: %w", parse.EscapeText(unfollowed(u)), kindOf(u.Cause))})
	}
	if len(p.Script.Plan.Block) > 0 && p.Layout != LayoutFolder {
		p.Layout = LayoutZipBlock
	}
	p.installPartitions(ctx)
	return nil
}

func unfollowed(u edify.Unfollowed) string {
	s := u.Why
	if u.Call != "" {
		s = u.Call + ": " + s
	}
	if u.Prefix != "" {
		s += " (below " + u.Prefix + ")"
	}
	if u.Conditional != "" {
		s += ", if " + u.Conditional
	}
	return s
}

// checkUpdateBinary looks at the program that recovery runs with the script. One
// that is a shell script itself need not read the updater-script at all.
func (p *Package) checkUpdateBinary(ctx context.Context, has func(string) bool) {
	if !has(updateBinary) {
		return // an unpacked META-INF, or an update for a recovery that brings its own
	}
	head, err := p.readStart(ctx, updateBinary, 4)
	switch {
	case err != nil:
		p.problem(Problem{Member: updateBinary, Off: -1, Installs: true, Err: err})
	case string(head) != "\x7fELF":
		p.problem(Problem{Member: updateBinary, Off: 0, Installs: true,
			Err: fmt.Errorf("update-binary is no ELF program: it may do other things than the updater-script says: %w", ErrUndecided)})
	}
}

func (p *Package) readStart(ctx context.Context, name string, n int64) ([]byte, error) {
	f, err := p.Members.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, n)
	m, err := f.Read(head)
	if m > 0 {
		err = nil
	}
	return head[:m], err
}

func (p *Package) readMember(ctx context.Context, name string, most int64) ([]byte, error) {
	st, err := fs.Stat(p.Members, name)
	if err != nil {
		return nil, err
	}
	if st.Size() > most { // before it is decoded
		return nil, &parse.Error{Format: "member", Off: -1, Msg: "too large for what it is", Got: st.Size(), Kind: parse.ErrLimit}
	}
	b, closer, err := OpenBlob(ctx, p.Members, name, p.opts.Spool)
	if err != nil {
		return nil, err
	}
	defer closer()
	return blob.ReadAll(b, most)
}

func isEnd(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
}

func offsetOf(err error) int64 {
	var pe *parse.Error
	if errors.As(err, &pe) {
		return pe.Off
	}
	return -1
}

package reads

import (
	"context"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/parse"
)

// A wrapper is a method that reads a key, or with a default, that its caller gives it.
type wrapper struct {
	file   *file
	method method
	reads  []read // with parameters in the place of what the caller gives

	name, member string // symbol; and without the class
	others       int    // how many classes define a method of the same name and prototype
}

// maxWrapped bounds the reads of one wrapper that are told at each call. A method that reads
// more is no accessor: its parameter is a part of the key, or a default for all.
const maxWrapped = 8

// fixed tells whether nobody can override the method: a call of it runs it.
func (w *wrapper) fixed() bool {
	const fixed = dex.AccPrivate | dex.AccStatic | dex.AccFinal
	class, err := w.file.Class(w.method.class)
	return w.method.Flags&fixed != 0 || err == nil && class.Flags&dex.AccFinal != 0
}

// callers makes the facts of the calls of wrappers: the key and default that they are given.
func (c *container) callers(ctx context.Context, wrappers []*wrapper) error {
	if len(wrappers) == 0 {
		return nil
	}
	byName := map[string]*wrapper{} // by symbol; of two classes that are defined twice, the first is loaded
	members := map[string][]*wrapper{}
	methods := map[string]bool{}
	for _, w := range wrappers {
		f := w.file
		id, err := f.Method(w.method.Method)
		if err != nil {
			continue
		}
		class, name := f.typeName(id.Class), f.str(id.Name)
		w.member = f.member(w.method.Method)
		if k, ok := c.class(class); !ok || k.file != f || w.member == "" {
			continue
		}
		w.name = class + "->" + w.member
		byName[w.name] = w
		members[w.member] = append(members[w.member], w)
		methods[name] = true
	}
	for _, f := range c.files {
		c.nameWrappers(f, byName, members, methods)
	}
	for _, f := range c.files {
		clear(f.isHit)
		any := false
		for i, w := range f.calls {
			if w.fixed() || w.others == 1 {
				f.isHit[i], any = true, true
			}
		}
		if !any {
			continue
		}
		if err := c.search(ctx, f, false); err != nil {
			return err
		}
		for _, m := range f.hits {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := c.calls(f, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// nameWrappers finds the wrappers among the methods that f names, and counts the definitions
// of methods that could override one.
func (c *container) nameWrappers(f *file, byName map[string]*wrapper, members map[string][]*wrapper, methods map[string]bool) {
	names := f.named(methods)
	f.calls = map[uint32]*wrapper{}
	rivals := map[uint32][]*wrapper{}
	for i := range f.MethodIDs.Len {
		id, err := f.Method(i)
		if err != nil || !names[id.Name] {
			continue
		}
		member := f.member(i)
		if ws := members[member]; ws != nil {
			rivals[i] = ws
			if w := byName[f.typeName(id.Class)+"->"+member]; w != nil {
				f.calls[i] = w
			}
		}
	}
	if len(rivals) == 0 {
		return
	}
	var data dex.ClassData
	for i := range f.ClassDefs.Len {
		def, err := f.Class(i)
		if err != nil || f.ClassData(def, &data) != nil {
			continue
		}
		for _, m := range data.VirtualMethods {
			if m.Flags&dex.AccAbstract == 0 {
				for _, w := range rivals[m.Method] {
					w.others++
				}
			}
		}
	}
}

// calls makes the facts of a method's calls of wrappers.
func (c *container) calls(f *file, m method) error {
	w := c.flowOf(f, m)
	if w == nil {
		return nil
	}
	var err error
	w.walk(func(in *dex.Insn) {
		if err != nil || !invokes(in) || !f.isHit[in.Index] || in.Op == dex.OpInvokeInterface || in.Op == dex.OpInvokeInterfaceRange {
			return
		}
		callee := f.calls[in.Index]
		for _, r := range callee.reads {
			given := func(v value) value {
				if v.kind == param {
					return w.arg(in, int(v.n))
				}
				return c.carry(callee.file, v)
			}
			call := read{getter: r.getter, key: given(r.key), def: given(r.def), via: parse.EscapeText(callee.name), big: w.big}
			if err == nil {
				err = c.emit(f, m, in, call)
			}
		}
	})
	return err
}

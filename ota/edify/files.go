package edify

import (
	"path"
	"sort"
	"strings"
)

// put makes n what is at a path, under the present conditions.
func (c *call) put(p string, n Node) {
	n.Pos = c.expr.Pos
	e := c.tree.make(p)
	if e == nil {
		c.limit()
		return
	}
	c.tree.spend(len(c.when))
	c.add(e, alt{node: n, when: c.when})
}

func (c *call) add(e *entry, a alt) {
	e.alts = c.tree.exclude(e.alts, a.when)
	if len(e.alts) >= maxAlternatives {
		c.report("conditions decide between too many files at one path", CauseLimit, e.path())
		return
	}
	if len(e.alts) > 0 {
		c.tree.files++
	}
	e.alts = append(e.alts, a)
}

// extractDir is package_extract_dir(folder in the package, folder on the
// device). As on the device, an absolute source gives nothing, and members that
// are folders make none.
func (c *call) extractDir() {
	src, ok := c.arg(0, 1)
	if !ok {
		return
	}
	dst, ok := c.arg(1, 1)
	if !ok {
		return
	}
	if strings.HasPrefix(src, "/") {
		c.note("package_extract_dir takes nothing from an absolute folder: " + clip(src, maxCondition))
		return
	}
	if src != "" && !strings.HasSuffix(src, "/") {
		src += "/"
	}
	dst, ok = c.place(dst, true)
	if !ok {
		return
	}
	long := false
	for i := sort.SearchStrings(c.members, src); i < len(c.members) && strings.HasPrefix(c.members[i], src); i++ {
		name := c.members[i]
		if strings.HasSuffix(name, "/") {
			continue
		}
		if c.tree.full() || !c.tree.spend(1) {
			c.limit()
			return
		}
		if len(dst)+1+len(name)-len(src) >= maxPath {
			if !long {
				c.report("a path is longer than the device opens", CauseUndecided, dst)
			}
			long = true
			continue
		}
		if p, ok := c.place(dst+"/"+name[len(src):], true); ok {
			c.put(p, Node{Member: name})
		}
	}
}

func (c *call) has(member string) bool {
	i := sort.SearchStrings(c.members, member)
	return i < len(c.members) && c.members[i] == member
}

// extractFile is package_extract_file(member[, path or device[, map]]); with one
// argument it gives the bytes. The third was passed by some updaters of 2014.
func (c *call) extractFile() (Effect, value) {
	if len(c.vals) == 1 {
		v := value{}
		if m, ok := c.peek(0); ok {
			if v.member = m; c.live && !c.has(m) {
				c.report("the package has no such member: "+clip(m, maxCondition), CauseMissing, "")
			}
		}
		return EffectRead, v
	}
	effect := EffectExtract
	toDevice := len(c.vals) > 1 && (c.vals[1].partition != "" || within(path.Clean("/"+c.vals[1].text), "/dev") && c.vals[1].text != "")
	if toDevice {
		effect = EffectRawImage
	}
	if !c.live {
		return effect, value{}
	}
	member, ok := c.arg(0, 1)
	if !ok {
		return effect, value{}
	}
	if toDevice {
		dev, part, ok := c.device(1)
		if !ok {
			c.arg(1, 1)
			return effect, value{}
		}
		if !c.has(member) {
			c.report("the package has no such member: "+clip(member, maxCondition), CauseMissing, dev)
			return effect, value{}
		}
		c.raw(RawImage{Device: dev, Partition: part, Member: member})
		return effect, value{}
	}
	dst, ok := c.arg(1, 1)
	if !ok {
		return effect, value{}
	}
	if p, ok := c.place(dst, true); !ok {
	} else if c.has(member) {
		c.put(p, Node{Member: member})
	} else {
		c.report("the package has no such member: "+clip(member, maxCondition), CauseMissing, p)
	}
	return effect, value{}
}

// symlink is symlink(target, path…). What was at a path is unlinked first.
func (c *call) symlink() {
	target, ok := c.arg(0, 1)
	if !ok || target == "" {
		return
	}
	for i := 1; i < len(c.vals); i++ {
		if arg, ok := c.arg(i, i); ok {
			if p, ok := c.place(arg, false); ok {
				c.put(p, Node{Link: target})
			}
		}
	}
}

// remove is delete(path…) and delete_recursive(path…).
func (c *call) remove() {
	recursive := c.expr.Text == "delete_recursive"
	for i := range c.vals {
		arg, ok := c.arg(i, i)
		if !ok {
			continue
		}
		p, ok := c.place(arg, false)
		if !ok {
			continue
		}
		if e := c.tree.find(p); e != nil {
			if c.tree.spend(len(c.when)); !c.tree.remove(e, c.when, recursive) {
				c.limit()
			}
		}
		if !c.volatile(p) {
			c.deleted = append(c.deleted, Deletion{c.expr.Pos, p, recursive, c.whenStr})
		}
	}
}

// rename is rename(from, to). A folder takes along what the script put there;
// what else the older system has in it cannot be listed.
func (c *call) rename() {
	var at [2]string
	for i := range at {
		arg, ok := c.arg(i, i)
		if !ok {
			return
		}
		if at[i], ok = c.place(arg, false); !ok {
			return
		}
	}
	src, dst := at[0], at[1]
	if src == dst {
		return
	}
	if within(dst, src) {
		c.note("a folder cannot be moved into itself: " + src)
		return
	}
	e := c.tree.find(src)
	if e == nil {
		c.put(dst, Node{From: src})
		c.deleted = append(c.deleted, Deletion{c.expr.Pos, src, false, c.whenStr})
		return
	}
	type moved struct {
		rel  string
		alts []alt
		dir  *alt
	}
	var all []moved
	if !c.tree.walk(e, func(rel string, e *entry) bool {
		if len(e.alts) > 0 || e.dir != nil {
			all = append(all, moved{rel, e.alts, e.dir})
		}
		return c.tree.spend(len(c.when))
	}) {
		c.limit()
		return
	}
	c.tree.remove(e, c.when, true)
	for _, m := range all {
		if len(dst)+len(m.rel) >= maxPath {
			c.report("a path is longer than the device opens", CauseUndecided, dst)
			continue
		}
		c.tree.bytes += len(dst) + len(m.rel)
		to := c.tree.make(dst + m.rel)
		if to == nil {
			c.limit()
			return
		}
		to.alts = c.tree.exclude(to.alts, c.when)
		for _, a := range m.alts {
			if a.when.against(c.when) {
				continue
			}
			for _, l := range c.when.beyond(a.when) {
				a.when = a.when.with(l)
			}
			a.node.Pos = c.expr.Pos
			if len(to.alts) < maxAlternatives {
				to.alts = append(to.alts, a)
				c.tree.files++
			}
		}
		if m.dir != nil {
			to.dir = m.dir
		}
		c.tree.prune(to)
	}
}

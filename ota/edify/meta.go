package edify

import (
	"strconv"
	"strings"
)

// metadata is what one call sets. mode is for what is named; dmode and fmode are
// for folders and files.
type metadata struct {
	uid, gid           *int64
	mode, dmode, fmode *uint32
	capabilities       *uint64
	label              string
}

// setPerm is set_perm(uid, gid, mode, path…) and set_perm_recursive(uid, gid,
// folder mode, file mode, path…).
func (c *call) setPerm() {
	recursive := c.expr.Text == "set_perm_recursive"
	first := 3
	if recursive {
		first = 4
	}
	var m metadata
	var n [4]uint64
	for i := range first {
		s, ok := c.arg(i, first)
		if !ok {
			return
		}
		if n[i], ok = number(s, 0); !ok {
			c.unknown("not a number: "+clip(s, maxCondition), c.prefix(first))
			return
		}
	}
	uid, gid := int64(uint32(n[0])), int64(uint32(n[1]))
	m.uid, m.gid = &uid, &gid
	if recursive {
		m.dmode, m.fmode = bits(n[2]), bits(n[3])
	} else {
		m.mode = bits(n[2])
	}
	for i := first; i < len(c.vals); i++ {
		if arg, ok := c.arg(i, i); ok {
			c.set(arg, m, recursive, !recursive)
		}
	}
}

// setMetadata is set_metadata(path, key, value, …) and set_metadata_recursive.
// Keys that the device does not know it passes over.
func (c *call) setMetadata() {
	arg, ok := c.arg(0, 0)
	if !ok {
		return
	}
	if len(c.vals)%2 == 0 {
		c.unknown("a key has no value", arg)
		return
	}
	var m metadata
	for i := 1; i+1 < len(c.vals); i += 2 {
		key, ok := c.arg(i, 0)
		if !ok {
			continue
		}
		val, ok := c.arg(i+1, 0)
		if !ok {
			continue
		}
		base := 0
		if key == "uid" || key == "gid" {
			base = 10
		}
		n, isNumber := number(val, base)
		switch key {
		case "uid", "gid", "mode", "dmode", "fmode", "capabilities":
			if !isNumber {
				c.unknown("not a number: "+clip(val, maxCondition), arg)
				continue
			}
		}
		id := int64(uint32(n))
		switch key {
		case "uid":
			m.uid = &id
		case "gid":
			m.gid = &id
		case "mode":
			m.mode = bits(n)
		case "dmode":
			m.dmode = bits(n)
		case "fmode":
			m.fmode = bits(n)
		case "capabilities":
			m.capabilities = &n
		case "selabel":
			m.label = val
		}
	}
	c.set(arg, m, c.expr.Text == "set_metadata_recursive", false)
}

// number reads as C's strtoul does: base 0 takes 0644 for octal and 0x1f for
// hexadecimal.
func number(s string, base int) (uint64, bool) {
	if strings.Contains(s, "_") {
		return 0, false
	}
	neg := strings.HasPrefix(s, "-")
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "-"), base, 64)
	if neg {
		n = -n
	}
	return n, err == nil && !strings.HasPrefix(s, "0b") && !strings.HasPrefix(s, "0o")
}

// bits are the permission bits of a mode, as chmod takes them.
func bits(n uint64) *uint32 {
	m := uint32(n & 0o7777)
	return &m
}

// set applies metadata to what the script has put at a path. set_perm goes
// through a link to its target; the others leave links alone.
func (c *call) set(arg string, m metadata, recursive, follow bool) {
	p, ok := c.place(arg, follow)
	if !ok {
		return
	}
	e := c.tree.find(p)
	switch {
	case e != nil && recursive:
		if !c.tree.walk(e, func(rel string, e *entry) bool {
			if e.dir == nil && len(e.kids) > 0 {
				c.tree.bytes += len(p) + len(rel)
			}
			c.apply(e, m)
			return c.tree.spend(len(c.when)) && !c.tree.full()
		}) {
			c.limit()
		}
	case e != nil:
		c.apply(e, m)
	case recursive:
		c.unknown("it sets metadata of a folder in which the script has put nothing", p)
	default:
		n := Node{From: p}
		n.set(m, false)
		c.put(p, n)
	}
}

func (c *call) apply(e *entry, m metadata) {
	if len(e.kids) > 0 {
		d := alt{node: Node{Dir: true}}
		if e.dir != nil {
			d = *e.dir
		}
		d.node.Pos = c.expr.Pos
		d.node.set(m, true)
		d.when = c.when
		e.dir = &d
	}
	for i := 0; i < len(e.alts); i++ {
		a := e.alts[i]
		if a.node.Link != "" || a.when.against(c.when) {
			continue
		}
		more := c.when.beyond(a.when)
		if len(more) > 0 {
			if len(e.alts) >= maxAlternatives {
				c.report("conditions decide between too much at one path", CauseLimit, e.path())
				return
			}
			// Without the condition it stays as it was: one more alternative,
			// which is put before this one and not visited again.
			kept := a
			kept.when = a.when.unless(more)
			c.tree.files++
			c.tree.bytes += (len(kept.when) + len(a.when) + len(more)) * literalSize
			e.alts = append(e.alts[:i:i], append([]alt{kept}, e.alts[i:]...)...)
			i++
			for _, l := range more {
				a.when = a.when.with(l)
			}
		}
		a.node.set(m, false)
		e.alts[i] = a
	}
}

func (n *Node) set(m metadata, dir bool) {
	if m.uid != nil {
		n.UID = m.uid
	}
	if m.gid != nil {
		n.GID = m.gid
	}
	if m.label != "" {
		n.Label = m.label
	}
	if m.mode != nil {
		n.Mode = m.mode
	}
	switch {
	case dir && m.dmode != nil:
		n.Mode = m.dmode
	case !dir && m.fmode != nil:
		n.Mode = m.fmode
	}
	if !dir && m.capabilities != nil {
		n.Capabilities = m.capabilities
	}
}

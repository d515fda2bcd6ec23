package edify

import (
	"path"
	"strings"
)

// raw keeps a partition that is written as a whole.
func (c *call) raw(i RawImage) {
	i.Pos, i.Conditional = c.expr.Pos, c.whenStr
	c.plan.Raw = append(c.plan.Raw, i)
	if i.Patch == nil {
		c.clear(i.Device, i.Partition)
	}
}

// clear forgets files in a partition that is about to be overwritten.
func (c *call) clear(device, partition string) {
	point := ""
	for _, m := range c.plan.Mounts {
		if m.Device == device && m.Point != "" {
			point = m.Point
		}
	}
	if point == "" {
		switch partition {
		case "system", "vendor", "product", "system_ext", "odm", "data", "cache":
			point = "/" + partition
		case "userdata":
			point = "/data"
		default:
			return
		}
	}
	c.empty(point)
}

// empty forgets what the script has put under a mount point.
func (c *call) empty(point string) {
	if e := c.tree.find(point); e != nil && !c.tree.remove(e, c.when, true) {
		c.limit()
	}
}

func (c *call) addMount(m Mount) {
	m.Pos, m.Conditional = c.expr.Pos, c.whenStr
	if m.Point != "" && len(m.Point) < maxPath {
		m.Point = path.Clean("/" + m.Point)
	}
	if m.Partition == "" && m.Device != "" {
		m.Partition = partitionName(m.Device)
	}
	// A script mounts some ten partitions; paths are looked up among them.
	if len(c.plan.Mounts) >= maxMounts {
		c.limit()
		return
	}
	c.plan.Mounts = append(c.plan.Mounts, m)
}

const maxMounts = 256

// mount is mount(type, partition, mount point) in 2009, where the type is MTD or
// that of the filesystem, and from 2010 mount(filesystem, MTD or EMMC,
// partition, mount point[, options]).
func (c *call) mount() {
	at := 1
	if len(c.vals) > 3 {
		at = 2
	}
	dev, part, ok := c.device(at)
	point, ok2 := c.peek(at + 1)
	if !ok || !ok2 || point == "" {
		c.unknown("what is mounted where is not a constant", c.prefix(at+1))
		return
	}
	fs, _ := c.peek(0)
	if fs == "MTD" {
		fs = ""
	}
	c.addMount(Mount{Point: point, Device: dev, Partition: part, FS: fs})
}

// format is format(MTD, partition) in 2009, format(filesystem, MTD or EMMC,
// partition) in 2010, then with the size, and from 2012 with the mount point.
func (c *call) format() {
	at := 2
	if len(c.vals) == 2 {
		at = 1
	}
	dev, part, ok := c.device(at)
	if !ok {
		c.unknown("what is formatted is not a constant", "")
		return
	}
	m := Mount{Device: dev, Partition: part, Formatted: true}
	if at == 2 {
		m.FS, _ = c.peek(0)
	}
	if point, ok := c.peek(4); ok && strings.HasPrefix(point, "/") && len(point) < maxPath {
		m.Point = point
		c.empty(path.Clean(point))
	} else {
		c.clear(dev, part)
	}
	c.addMount(m)
}

// wipe is wipe_block_device(device, bytes).
func (c *call) wipe() {
	if dev, part, ok := c.device(0); ok {
		c.clear(dev, part)
		return
	}
	c.unknown("what is wiped is not a constant", "")
}

// writeRaw is write_raw_image(path or bytes, partition), and in 2009
// write_firmware_image("PACKAGE:member", "hboot" or "radio").
func (c *call) writeRaw() {
	dev, part, ok := c.device(1)
	if !ok {
		c.unknown("which partition is written is not a constant", "")
		return
	}
	v := c.vals[0]
	i := RawImage{Device: dev, Partition: part, Member: v.member, From: v.file}
	if v.known {
		if m, ok := strings.CutPrefix(v.text, "PACKAGE:"); ok {
			i.Member = m
		} else {
			i.From = v.text
		}
	}
	if i.Member != "" && !c.has(i.Member) {
		if v.member == "" { // else reading it has said so
			c.report("the package has no such member: "+clip(i.Member, maxCondition), CauseMissing, dev)
		}
		return
	}
	if i.From != "" {
		p, ok := c.place(i.From, true)
		if !ok {
			return
		}
		i.From = p
		if e := c.tree.find(p); e != nil {
			if m := e.members(); len(m) == 1 && len(e.alts) == 1 {
				i.Member, i.From = m[0], ""
			}
		}
	}
	if i.Member == "" {
		c.unknown("the bytes that are written to a partition are not a member's", dev)
	}
	c.raw(i)
}

// blockUpdate is block_image_update(device, transfer list, new data, patches).
func (c *call) blockUpdate() {
	dev, part, ok := c.device(0)
	if !ok || len(c.vals) < 4 {
		c.unknown("a block update's arguments are not constants", "")
		return
	}
	b := BlockUpdate{Pos: c.expr.Pos, Device: dev, Partition: part, Conditional: c.whenStr}
	if b.Transfer = c.vals[1].member; b.Transfer == "" {
		if e := c.tree.find(c.links(path.Clean("/"+clip(c.vals[1].file, maxPath)), true)); e != nil {
			if m := e.members(); len(m) == 1 {
				b.Transfer = m[0]
			}
		}
	}
	b.NewData, _ = c.peek(2)
	b.PatchData, _ = c.peek(3)
	if b.Transfer == "" || b.NewData == "" {
		c.unknown("a block update's arguments are not constants", dev)
	}
	c.clear(dev, part)
	c.plan.Block = append(c.plan.Block, b)
}

// patch is apply_patch(source, target, sha1, size, …), where patches follow as
// "sha1:path" in 2009 and as sha1, bytes from 2010, and where target "-" is the
// source; and patch_partition(target, source, bytes).
func (c *call) patch() {
	src, ok := c.arg(0, 0)
	if !ok {
		return
	}
	tgt, ok := c.arg(1, 1)
	if !ok {
		return
	}
	n := &Patch{Size: -1}
	if c.expr.Text == "patch_partition" {
		src, tgt = tgt, src
		if f := strings.Split(clip(tgt, maxPath), ":"); len(f) == 4 {
			n.SHA1 = f[3]
			if size, ok := integer(f[2]); ok {
				n.Size = size
			}
		}
	} else {
		n.SHA1, _ = c.peek(2)
		if s, ok := c.peek(3); ok {
			if size, ok := integer(s); ok {
				n.Size = size
			}
		}
		if tgt == "-" {
			tgt = src
		}
	}
	for i := 2; i < len(c.vals); i++ {
		v := c.vals[i]
		if v.member != "" {
			n.Members = append(n.Members, v.member)
		} else if _, file, ok := strings.Cut(v.text, ":"); ok && v.known && strings.HasPrefix(file, "/") && len(file) < maxPath {
			if e := c.tree.find(c.links(path.Clean(file), true)); e != nil {
				n.Members = append(n.Members, e.members()...)
			}
		}
	}
	if dev, ok := partitionFile(tgt); ok {
		from := src
		if d, ok := partitionFile(src); ok {
			from = d
		}
		c.raw(RawImage{Device: dev, Partition: partitionName(dev), From: from, Patch: n})
		return
	}
	from, ok := partitionFile(src)
	if !ok {
		if from, ok = c.place(src, true); !ok {
			return
		}
	}
	p, ok := c.place(tgt, true)
	if !ok {
		return
	}
	node := Node{From: from, Patch: n}
	// The result takes over owner and mode of the source.
	if e := c.tree.find(from); e != nil && len(e.alts) == 1 {
		old := e.alts[0].node
		node.UID, node.GID, node.Mode, node.Member = old.UID, old.GID, old.Mode, old.Member
		if old.From != "" {
			node.From = old.From
		}
	}
	c.put(p, node)
}

// partitionFile reads "MTD:name:size:sha1…" and "EMMC:device:size:sha1…", by
// which apply_patch names a partition.
func partitionFile(s string) (string, bool) {
	for _, kind := range [...]string{"MTD:", "EMMC:"} {
		if rest, ok := strings.CutPrefix(s, kind); ok {
			dev, _, _ := strings.Cut(rest, ":")
			return dev, true
		}
	}
	return "", false
}

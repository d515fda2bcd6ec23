package edify

import (
	"path"
	"strings"
)

// temporary tells whether a path is in the memory of the recovery system. A
// script may still mount a partition there: see run.volatile.
func temporary(p string) bool {
	for _, dir := range [...]string{"/tmp", "/dev", "/proc", "/sys"} {
		if within(p, dir) {
			return true
		}
	}
	return false
}

func within(p, dir string) bool {
	return strings.HasPrefix(p, dir) && (len(p) == len(dir) || dir == "/" || p[len(dir)] == '/')
}

// volatile tells whether what is written at a path is gone after the update.
func (r *run) volatile(p string) bool {
	if !temporary(p) {
		return false
	}
	for _, m := range r.plan.Mounts {
		if m.Point != "" && m.Point != "/" && within(p, m.Point) && temporary(m.Point) {
			return false
		}
	}
	return true
}

// place turns an argument into the clean path that the device would open.
func (c *call) place(arg string, last bool) (string, bool) {
	if len(arg) >= maxPath {
		c.report("a path is longer than the device opens", CauseUndecided, clip(arg, maxCondition))
		return "", false
	}
	if arg == "" {
		c.unknown("a path is empty", "")
		return "", false
	}
	p := path.Clean("/" + arg)
	switch {
	case arg[0] != '/':
		c.note("a path is relative, and taken from the root: " + arg)
	case strings.Contains("/"+arg+"/", "/../"):
		c.note("a path goes up: " + arg + " is taken as " + p)
	}
	p = c.links(p, last)
	if c.tree.bytes += len(p); c.tree.full() {
		c.limit()
		return "", false
	}
	return p, true
}

// links follows symbolic links that the script made, where no condition
// decides which, and for the last name only if asked to.
func (r *run) links(p string, last bool) string {
	for hops := 0; hops < maxLinks; hops++ {
		e, done := &r.tree.root, 0
		target := ""
		for done < len(p) {
			end := done + 1 + strings.IndexByte(p[done+1:]+"/", '/')
			if !r.tree.spend(1) {
				return p
			}
			if e = e.kids[p[done+1:end]]; e == nil {
				return p
			}
			if len(e.alts) == 1 && len(e.alts[0].when) == 0 && e.alts[0].node.Link != "" && (end < len(p) || last) {
				target = e.alts[0].node.Link
				if target[0] != '/' {
					target = p[:done] + "/" + target
				}
				target += p[end:]
				break
			}
			done = end
		}
		if target == "" || len(target) >= maxPath {
			return p
		}
		p = path.Clean("/" + target)
	}
	return p
}

// partitionName is the name of a partition as its device's path tells it: what
// stands behind by-name, or a name of its own. Kernel names tell nothing.
func partitionName(device string) string {
	if !strings.HasPrefix(device, "/") {
		if strings.ContainsAny(device, "()\"") {
			return ""
		}
		return device
	}
	dir, base := path.Split(path.Clean(device))
	if strings.HasSuffix(dir, "/by-name/") || strings.HasSuffix(dir, "/by-partlabel/") || strings.HasSuffix(dir, "/mapper/") {
		return base
	}
	for _, kernel := range [...]string{"mmcblk", "mtd", "sd", "dm-", "nand", "loop", "stl", "bml", "tfsr", "vd", "hd", "ram", "nvme"} {
		rest, ok := strings.CutPrefix(base, kernel)
		if ok && len(rest) <= 10 && strings.Trim(rest, "abcdefghklnop0123456789") == "" {
			return ""
		}
	}
	return base
}

// device gives the text and the partition's name of an argument that names a
// device or an MTD partition.
func (c *call) device(i int) (device, partition string, ok bool) {
	if i >= len(c.vals) {
		return "", "", false
	}
	v := c.vals[i]
	switch {
	case v.known && v.text != "":
		return v.text, partitionName(v.text), true
	case v.partition != "":
		return c.script.text(c.expr.Args[i]), v.partition, true
	}
	return c.script.text(c.expr.Args[i]), "", false
}

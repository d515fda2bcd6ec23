package edify

import (
	"path"
	"strings"
)

// function tells what a function does and gives its value, once its arguments
// are evaluated, and does it to the model if it is live. The names are those of
// AOSP's bootable/recovery in all its ages; where a name was dropped or came
// late, the years stand beside it.
func (r *run) function(e *Expr, vals []value, live bool) (Effect, value) {
	c := &call{run: r, expr: e, vals: vals, live: live}
	switch e.Text {
	case "package_extract_dir":
		return EffectExtract, c.do(c.extractDir)
	case "package_extract_file":
		return c.extractFile()
	case "symlink":
		return EffectLink, c.do(c.symlink)
	case "set_perm", "set_perm_recursive": // until 2013
		return EffectMetadata, c.do(c.setPerm)
	case "set_metadata", "set_metadata_recursive": // from 2013
		return EffectMetadata, c.do(c.setMetadata)
	case "delete", "delete_recursive":
		return EffectDelete, c.do(c.remove)
	case "rename":
		return EffectRename, c.do(c.rename)
	case "apply_patch", "patch_partition": // the second from 2019, in place of the first
		return EffectPatch, c.do(c.patch)
	case "retouch_binaries", "undo_retouch_binaries": // 2010 to 2012: address randomisation
		return EffectPatch, c.do(c.retouch)
	case "write_raw_image", "write_firmware_image": // until 2016; 2009 to 2010
		return EffectRawImage, c.do(c.writeRaw)
	case "block_image_update": // from 2014
		return EffectBlockUpdate, c.do(c.blockUpdate)
	case "mount":
		return EffectMount, c.do(c.mount)
	case "format":
		return EffectFormat, c.do(c.format)
	case "wipe_block_device": // from 2014
		return EffectFormat, c.do(c.wipe)
	case "run_program":
		return c.program()
	case "map_partition": // from 2019
		v := value{}
		if s, ok := c.peek(0); ok {
			v.partition = s
		}
		return EffectMount, v
	case "unmount", "unmap_partition":
		return EffectMount, value{}
	case "update_dynamic_partitions": // from 2019
		return EffectPartitions, value{}
	case "read_file":
		v := value{}
		if s, ok := c.peek(0); ok {
			v.file = s
		}
		return EffectRead, v
	case "getprop", "file_getprop", "is_mounted", "add_slot_suffix":
		return EffectRead, value{}
	case "get_stage": // from 2013, as the other two
		return EffectRead, known(r.stage)
	case "set_stage":
		return EffectNone, c.do(c.setStage)
	case "reboot_now":
		return EffectReboot, c.do(c.reboot)
	case "concat":
		return EffectRead, concat(vals)
	case "is_substring":
		return EffectCheck, c.compare(func(a, b string) bool { return strings.Contains(b, a) })
	case "less_than_int":
		return EffectCheck, c.compareInts(func(a, b int64) bool { return a < b })
	case "greater_than_int":
		return EffectCheck, c.compareInts(func(a, b int64) bool { return a > b })
	case "apply_patch_check", "apply_patch_space", "patch_partition_check", "sha1_check", "range_sha1",
		"block_image_verify", "check_first_block":
		return EffectCheck, value{}
	case "ui_print", "stdout", "show_progress", "set_progress":
		return EffectMessage, value{}
	case "block_image_recover", // mends what error correction can tell was damaged
		"tune2fs", "wipe_cache", "sleep", "enable_reboot":
		return EffectNone, value{}
	case "write_value": // from 2018; meant for /sys and /proc
		if s, ok := c.peek(1); ok && temporary(path.Clean("/"+s)) {
			return EffectNone, value{}
		}
	}
	if live {
		c.unknown("AOSP has no function of this name", "")
	}
	return EffectUnknown, value{}
}

// A call is one function at work on the model.
type call struct {
	*run
	expr *Expr
	vals []value
	live bool
}

// do runs what changes the model, if the call is live.
func (c *call) do(change func()) value {
	if c.live {
		change()
	}
	return value{}
}

// peek gives a constant argument.
func (c *call) peek(i int) (string, bool) {
	if i < len(c.vals) && c.vals[i].known {
		return c.vals[i].text, true
	}
	return "", false
}

// arg gives a constant argument; one that is none is reported, with what is
// known of the path at index at.
func (c *call) arg(i, at int) (string, bool) {
	if s, ok := c.peek(i); ok {
		return s, true
	}
	if i >= len(c.vals) {
		c.unknown("arguments are missing", c.prefix(at))
	} else {
		c.unknown("an argument is not a constant: "+clip(c.script.text(c.expr.Args[i]), maxCondition), c.prefix(at))
	}
	return "", false
}

func (c *call) prefix(at int) string {
	if at < len(c.vals) {
		return c.vals[at].text
	}
	return ""
}

// unknown reports what could not be followed.
func (c *call) unknown(why, prefix string) { c.report(why, CauseUndecided, prefix) }

func (c *call) report(why string, cause Cause, prefix string) {
	if len(c.plan.Unfollowed) >= maxUnfollowed {
		if c.limited {
			return
		}
		c.limited = true
		why, cause, prefix = tooMuch, CauseLimit, ""
	}
	u := Unfollowed{Pos: c.expr.Pos, Call: c.expr.Text, Why: why, Cause: cause, Prefix: prefix, Conditional: c.whenStr}
	for _, v := range c.vals {
		if v.member != "" {
			u.Members = append(u.Members, v.member)
		}
		if v.known && strings.HasPrefix(v.text, "/") && len(u.Members) < maxAlternatives && len(v.text) < maxPath {
			if e := c.tree.find(c.links(path.Clean(v.text), true)); e != nil {
				u.Members = append(u.Members, e.members()...)
			}
		}
	}
	c.plan.Unfollowed = append(c.plan.Unfollowed, u)
}

func (e *entry) members() []string {
	var m []string
	for _, a := range e.alts {
		if a.node.Member != "" {
			m = append(m, a.node.Member)
		}
	}
	return m
}

// limit reports, once for the script, that the model is full.
func (c *call) limit() {
	if !c.limited {
		c.report(tooMuch, CauseLimit, "")
		c.limited = true
	}
}

func (c *call) note(text string) {
	if len(c.plan.Notes) < maxNotes {
		c.plan.Notes = append(c.plan.Notes, Note{c.expr.Pos, text})
	}
}

const tooMuch = "the script makes more files, or more work, than are followed"

const (
	// maxNotes bounds remarks: one per path would repeat itself.
	maxNotes = 1000
	// maxUnfollowed bounds what is reported; real scripts have under a hundred.
	maxUnfollowed = 10000
)

// program follows run_program. Only mount and its like from the recovery system
// are known to install nothing; they are how custom updates reach their fstab.
func (c *call) program() (Effect, value) {
	var args []string
	for i := range c.vals {
		s, ok := c.peek(i)
		if !ok {
			break
		}
		args = append(args, s)
	}
	if len(args) == len(c.vals) && len(args) > 0 && (strings.HasPrefix(args[0], "/sbin/") || strings.HasPrefix(args[0], "/system/bin/")) &&
		(!c.live || c.tree.find(path.Clean(args[0])) == nil) {
		if base := path.Base(args[0]); len(args) > 1 && (base == "busybox" || base == "toybox" || base == "toolbox") {
			args = args[1:]
		}
		switch path.Base(args[0]) {
		case "mount":
			if last := args[len(args)-1]; c.live && strings.HasPrefix(last, "/") {
				c.addMount(Mount{Point: path.Clean(last)})
			}
			return EffectMount, value{}
		case "umount":
			return EffectMount, value{}
		case "sync", "sleep", "echo":
			return EffectNone, value{}
		}
	}
	if c.live {
		what := "it runs a program"
		if len(args) > 0 {
			what += ": " + clip(args[0], maxCondition)
		}
		c.unknown(what, "")
	}
	return EffectRunProgram, value{}
}

// retouch is retouch_binaries(path, sha1, …) and its opposite.
func (c *call) retouch() {
	for i := 0; i < len(c.vals); i += 2 {
		if arg, ok := c.arg(i, i); ok {
			c.unknown("it changes addresses within a library", arg)
		}
	}
}

func (c *call) setStage() {
	if s, ok := c.peek(1); ok && len(c.when) == 0 {
		c.stage = s
		return
	}
	c.unknown("which stage the update reaches is not known", "")
}

// reboot ends the script; the stage that was set decides how it goes on.
func (c *call) reboot() {
	if len(c.when) == 0 {
		c.ended, c.again = true, true
		c.empty("/tmp")
	}
}

func (c *call) compare(f func(a, b string) bool) value {
	a, ok := c.peek(0)
	b, ok2 := c.peek(1)
	if ok && ok2 && len(c.vals) == 2 {
		return truth(f(a, b))
	}
	return value{}
}

func (c *call) compareInts(f func(a, b int64) bool) value {
	a, ok := c.peek(0)
	b, ok2 := c.peek(1)
	m, ok3 := integer(a)
	n, ok4 := integer(b)
	if ok && ok2 && ok3 && ok4 && len(c.vals) == 2 {
		return truth(f(m, n))
	}
	return value{}
}

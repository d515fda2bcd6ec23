package packs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

const updateBinary = "META-INF/com/google/android/update-binary"

func scriptStaysInside(f *fact.Facts) []policies.Judgement {
	var binary *fact.Member
	for i := range f.Members {
		if f.Members[i].Name == updateBinary {
			binary = &f.Members[i]
			break
		}
	}
	switch layout := updateOf(f).Layout; {
	case len(f.Script) > 0:
	case binary != nil:
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindScript, &binary.At,
			"what the update's own installer program does: there is no script that it would follow")}
	case slices.Contains([]string{layoutZipPayload, layoutPayload, layoutTargetFiles, layoutFastboot, layoutFactory, layoutOdin, layoutSuper, layoutImage, layoutAPK, layoutAPEX}, layout):
		return []policies.Judgement{na(fact.UpdateSubject, "an update of layout %s has no installer script", layout)}
	default:
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindScript, nil, "the installer script: none was found in what was given")}
	}
	roots := writable(f)
	var out []policies.Judgement
	for i := range f.Script {
		s := &f.Script[i]
		if s.Never {
			continue
		}
		if j, ok := judgeCall(s, roots); ok {
			out = append(out, j)
		}
	}
	all := pass(fact.UpdateSubject, "%d calls of the installer script looked at", len(f.Script))
	if binary != nil {
		all.Assumptions = []policies.Assumption{{At: &binary.At,
			What: "the update's own installer program does what the script says and nothing else: it was not looked into"}}
	}
	return append(out, all)
}

// writable lists where the script may write: the roots of the partitions that the
// update brings or mounts. What it writes elsewhere is not the update's.
func writable(f *fact.Facts) []string {
	var roots []string
	add := func(root string) {
		// A root that is everything would let everything through.
		if root = path.Clean(root); strings.HasPrefix(root, "/") && root != "/" {
			roots = append(roots, root)
		}
	}
	for i := range f.Partitions {
		add(f.Partitions[i].Mount)
	}
	for i := range f.Script {
		s := &f.Script[i]
		if s.Effect != "mount" {
			continue
		}
		for _, a := range s.Args {
			if strings.HasPrefix(a, "/") && !strings.HasPrefix(a, "/dev/") {
				add(a)
			}
		}
	}
	return roots
}

// judgeCall judges one call; false means that there is nothing to say.
func judgeCall(s *fact.Script, roots []string) (policies.Judgement, bool) {
	call := s.Call + "(" + strings.Join(s.Args, ", ") + ")"
	subject := fact.Subject{Kind: "script", ID: call}
	show := func() policies.Evidence {
		if s.Conditional != "" {
			return evidence("write", s.At, "%s, if %s", call, s.Conditional)
		}
		return evidence("write", s.At, "%s", call)
	}
	var targets []string
	switch s.Effect {
	case "none", "read", "check", "message", "reboot", "branch", "mount", "partitions":
		return policies.Judgement{}, false
	case "run-program":
		return fail(subject, violation("the installer script runs a program, which can do anything that recovery can", show())), true
	case "extract":
		if len(s.Args) < 2 {
			return policies.Judgement{}, false // its value is used by another call
		}
		targets = s.Args[1:2]
	case "link":
		targets = s.Args[min(1, len(s.Args)):]
	case "delete", "rename":
		targets = s.Args
	case "metadata", "owner", "mode":
		targets = paths(s.Args)
	case "patch":
		targets = s.Args[:min(2, len(s.Args))]
	case "raw-image", "block-update", "format":
		return judgeDevice(s, subject, show)
	default:
		return unknown(subject, fact.KindScript, &s.At, "what %s does: this version does not know its effect %q", call, s.Effect), true
	}
	return judgeTargets(s, subject, targets, roots, show)
}

// paths gives the arguments that are paths: owners, modes and labels are not.
func paths(args []string) []string {
	var out []string
	for _, a := range args {
		if strings.HasPrefix(a, "/") {
			out = append(out, a)
		}
	}
	return out
}

func judgeTargets(s *fact.Script, subject fact.Subject, targets, roots []string, show func() policies.Evidence) (policies.Judgement, bool) {
	j := policies.Judgement{Subject: subject, Status: policies.StatusPass}
	for _, t := range targets {
		switch where(t, roots) {
		case outside:
			j.Violations = append(j.Violations, violation(
				fmt.Sprintf("the installer script writes to %s, which is on no partition that the update brings or mounts", t), show()))
		case temporary:
			j.Assumptions = append(j.Assumptions, policies.Assumption{What: "what is put at " + t + " for the time of the installation does no harm", At: &s.At})
		case undetermined:
			j.Missing = append(j.Missing, policies.Missing{Kind: fact.KindScript, What: "where " + subject.ID + " writes: " + t + " is not a fixed path", At: &s.At})
		}
	}
	switch {
	case len(j.Violations) > 0:
		j.Status = policies.StatusFail
	case len(targets) == 0:
		j.Status = policies.StatusUnknown
		j.Missing = []policies.Missing{{Kind: fact.KindScript, What: "where " + subject.ID + " writes: it names no path", At: &s.At}}
	case len(j.Missing) > 0:
		j.Status = policies.StatusUnknown
	}
	return j, j.Status != policies.StatusPass || len(j.Assumptions) > 0
}

type place int

const (
	inside place = iota
	temporary
	undetermined
	outside
)

func where(target string, roots []string) place {
	switch {
	case target == "-": // apply_patch: the file itself
		return inside
	case isBlockDevice(target):
		return inside
	case !strings.HasPrefix(target, "/") || strings.Contains(target, `"`):
		return undetermined
	}
	clean := path.Clean(target)
	for _, root := range roots {
		if under(clean, root) {
			return inside
		}
	}
	if under(clean, "/tmp") || under(clean, "/cache") {
		return temporary
	}
	return outside
}

func under(name, root string) bool {
	return name == root || strings.HasPrefix(name, root+"/")
}

// isBlockDevice tells whether a target is a partition as a whole.
func isBlockDevice(target string) bool {
	return strings.HasPrefix(target, "/dev/block/") && path.Clean(target) == target ||
		strings.HasPrefix(target, "MTD:") || strings.HasPrefix(target, "EMMC:")
}

// judgeDevice judges the calls that write whole partitions. They name a device, or a
// partition by its own name, which an absolute path elsewhere is not.
func judgeDevice(s *fact.Script, subject fact.Subject, show func() policies.Evidence) (policies.Judgement, bool) {
	for _, a := range s.Args {
		if !strings.HasPrefix(a, "/") || isBlockDevice(a) {
			continue
		}
		if s.Effect == "format" {
			continue // format names the mount point too
		}
		return fail(subject, violation(fmt.Sprintf("the installer script writes an image to %s, which is no partition", a), show())), true
	}
	if s.Effect == "format" {
		return policies.Judgement{}, false
	}
	if len(s.Args) == 0 {
		return unknown(subject, fact.KindScript, &s.At, "where %s writes: it names no partition", subject.ID), true
	}
	target := s.Args[len(s.Args)-1] // of an image
	if s.Effect == "block-update" {
		target = s.Args[0]
	}
	if strings.Contains(target, "(") && !strings.HasPrefix(target, "map_partition(") {
		return unknown(subject, fact.KindScript, &s.At, "where %s writes: %s is not a fixed name", subject.ID, target), true
	}
	return policies.Judgement{}, false
}

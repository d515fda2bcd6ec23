package edify

// An Effect is what a call does, in a word.
type Effect string

// The effects of calls.
const (
	EffectExtract     Effect = "extract"      // a member or a folder of them becomes files
	EffectLink        Effect = "link"         // symbolic links
	EffectMetadata    Effect = "metadata"     // owner, mode, label
	EffectDelete      Effect = "delete"       //
	EffectRename      Effect = "rename"       //
	EffectPatch       Effect = "patch"        // a file or partition, from older bytes
	EffectRawImage    Effect = "raw-image"    // a partition is written as a whole
	EffectBlockUpdate Effect = "block-update" // a partition is written by a transfer list
	EffectPartitions  Effect = "partitions"   // logical partitions are made, resized, removed
	EffectMount       Effect = "mount"        // and unmount, map, unmap
	EffectFormat      Effect = "format"       //
	EffectRunProgram  Effect = "run-program"  //
	EffectRead        Effect = "read"         // a value is got; nothing changes
	EffectCheck       Effect = "check"        // may refuse the update
	EffectMessage     Effect = "message"      // screen and log
	EffectReboot      Effect = "reboot"       //
	EffectBranch      Effect = "branch"       // ifelse
	EffectNone        Effect = "none"         // changes nothing that is installed
	EffectUnknown     Effect = "unknown"      // a function that AOSP does not have
)

// A Step is one call of the script.
type Step struct {
	Pos
	Name        string
	Args        []string // constants as their value, other expressions as written, on one line of at most 512 bytes
	Effect      Effect
	Conditional string // what decides whether it runs; "" it always does
	Never       bool   // a constant condition or an abort before it rules it out
}

// A Patch is what turns older bytes, which the package does not hold, into new.
type Patch struct {
	SHA1    string // of the result, as the script says
	Size    int64  // of the result; -1 if the script does not say
	Members []string
}

// A Node is one file, link or folder as the script leaves it. Of a folder there
// is a Node only if its metadata was set. A path has several Nodes if conditions
// decide between them.
type Node struct {
	Pos                 // the call that put it there
	Path         string // absolute, on the running recovery system
	Dir          bool
	Member       string // whose bytes it has; "" none
	Link         string // target of a symbolic link; "" it is none
	From         string // path in the older system whose bytes it has, patched if there is a Patch
	Patch        *Patch
	Mode         *uint32 // permission bits; nil: the script does not set them
	UID, GID     *int64
	Capabilities *uint64
	Label        string // SELinux context; "" the script does not set it
	Conditional  string // "" it is always there
}

// A RawImage is a partition that is written as a whole.
type RawImage struct {
	Pos
	Device      string // path, MTD name, or the expression that gives it
	Partition   string // its name; "" where Device does not tell
	Member      string // "" the bytes are not in the package
	From        string // file or device whose older bytes are used; "" none
	Patch       *Patch
	Conditional string
}

// A BlockUpdate is a partition that is written by a transfer list.
type BlockUpdate struct {
	Pos
	Device      string // path, or the expression that gives it
	Partition   string // its name; "" where Device does not tell
	Transfer    string // member with the transfer list
	NewData     string // member with new data
	PatchData   string // member with patches
	Conditional string
}

// A Mount says which device stands under a folder, or was formatted for it.
type Mount struct {
	Pos
	Point       string // "" format named none
	Device      string // "" the script leaves it to the device's table
	Partition   string // "" not known
	FS          string // ext4, yaffs2, …; "" not said
	Formatted   bool
	Conditional string
}

// A Deletion is something of the older system that the script removes and does
// not put back.
type Deletion struct {
	Pos
	Path        string
	Recursive   bool
	Conditional string
}

// A Cause says why something was not followed, in the words of inspect/fact.
type Cause string

// The causes.
const (
	CauseFormat    Cause = "format"    // the script is malformed
	CauseLimit     Cause = "limit"     // following it would exceed a limit
	CauseMissing   Cause = "missing"   // a member is not in the package
	CauseUndecided Cause = "undecided" // the script's text does not determine it
)

// An Unfollowed is something that may change installed files in a way that is
// not known.
type Unfollowed struct {
	Pos
	Call        string // function; "" the script as a whole
	Why         string
	Cause       Cause
	Prefix      string   // of the paths and devices that it can touch; "" anything
	Members     []string // of the package that it is given, or that it runs
	Conditional string
}

// A Plan is what running a script leaves behind, as far as its text tells.
type Plan struct {
	Calls      []Step // every call, in the order of the text
	Nodes      []Node // sorted by path
	Temporary  []Node // those in the memory of the recovery system, such as /tmp
	Raw        []RawImage
	Block      []BlockUpdate
	Mounts     []Mount
	Deleted    []Deletion // sorted by path
	Unfollowed []Unfollowed
	Notes      []Note // those of the script, and on paths
	Aborts     *Pos   // where it gives up, whatever the device; nil it does not
}

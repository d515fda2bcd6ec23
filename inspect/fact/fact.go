package fact

import (
	"crypto/sha256"
	"encoding/hex"
)

// Schema names the JSON form of Facts.
const Schema = "otavet/facts/v0"

// A Kind names one slice of Facts.
type Kind string

// The kinds of facts. Those in All have a slice in Facts; the others are names
// that rules may already ask for. Nothing finds those in Later yet, so a rule that needs
// one answers unknown.
const (
	KindUpdate       Kind = "update"
	KindMetadata     Kind = "metadata"
	KindMembers      Kind = "members"
	KindPartitions   Kind = "partitions"
	KindFiles        Kind = "files"
	KindScript       Kind = "script"
	KindCertificates Kind = "certificates"
	KindSignatures   Kind = "signatures"
	KindStatements   Kind = "statements"
	KindGaps         Kind = "gaps"

	KindModules     Kind = "modules"
	KindApps        Kind = "apps"
	KindComponents  Kind = "components"
	KindPermissions Kind = "permissions"
	KindProperties  Kind = "properties"
	KindDefaults    Kind = "defaults"
	KindSettings    Kind = "settings"
	KindWrites      Kind = "writes"
	KindFlows       Kind = "flows"

	KindServices  Kind = "services"
	KindMounts    Kind = "mounts"
	KindConfig    Kind = "config"
	KindLibraries Kind = "libraries"
)

// All lists the kinds that have a slice in Facts, in the order of its fields.
func All() []Kind {
	return []Kind{KindUpdate, KindMetadata, KindMembers, KindPartitions, KindFiles, KindScript,
		KindCertificates, KindSignatures, KindStatements, KindModules, KindApps, KindComponents, KindPermissions, KindProperties,
		KindDefaults, KindSettings, KindWrites, KindFlows, KindGaps}
}

// Later lists the kinds that this version cannot find. Flows and writes have a form all
// the same, so that rules about them can be written and tried on facts made by hand.
func Later() []Kind {
	return []Kind{KindWrites, KindFlows, KindServices, KindMounts, KindConfig, KindLibraries}
}

// Facts is what was found out about an update: one slice per kind, sorted, and
// the kinds that were looked for. A kind that is not in Kinds was not looked for,
// so its empty slice means nothing. Facts hold no opinion.
type Facts struct {
	Schema string `json:"schema"`
	Tool   string `json:"tool"`  // version of the program that found them
	Kinds  []Kind `json:"kinds"` // what was looked for

	Update       []Update      `json:"update"`
	Metadata     []Metadata    `json:"metadata"`
	Members      []Member      `json:"members"`
	Partitions   []Partition   `json:"partitions"`
	Files        []File        `json:"files"`
	Script       []Script      `json:"script"`
	Certificates []Certificate `json:"certificates"`
	Signatures   []Signature   `json:"signatures"`
	Statements   []Statement   `json:"statements"`
	Modules      []Module      `json:"modules"`
	Apps         []App         `json:"apps"`
	Components   []Component   `json:"components"`
	Permissions  []Permission  `json:"permissions"`
	Properties   []Property    `json:"properties"`
	Defaults     []Default     `json:"defaults"`
	Settings     []Setting     `json:"settings"`
	Writes       []Write       `json:"writes"`
	Flows        []Flow        `json:"flows"`
	Gaps         []Gap         `json:"gaps"`
}

// An Update is the update as a whole; Facts hold exactly one.
type Update struct {
	Path          string   `json:"path"`        // base name only
	SHA256        *string  `json:"sha256"`      // of the file; null for a folder
	TreeSHA256    *string  `json:"tree_sha256"` // of a folder's sorted (path, mode, size, SHA-256); null unless all files were read
	Size          int64    `json:"size"`        // bytes; of all files for a folder
	Layout        string   `json:"layout"`
	Incremental   *bool    `json:"incremental"` // null: the update does not tell
	Device        string   `json:"device"`
	Fingerprint   string   `json:"fingerprint"`
	Android       string   `json:"android"` // release, such as 4.2.2
	SecurityPatch string   `json:"security_patch"`
	BuildTime     string   `json:"build_time"`      // RFC 3339, UTC
	Source        string   `json:"source"`          // where it was got, as its user said
	Notes         []string `json:"notes,omitempty"` // what is unusual about the file as an archive
	At            Location `json:"at"`
}

// Metadata is one key of a file that describes the update, such as
// META-INF/com/android/metadata.
type Metadata struct {
	File  string   `json:"file"`
	Key   string   `json:"key"`
	Value string   `json:"value"`
	At    Location `json:"at"`
}

// A Member is one record of the package's directory: duplicates and members that
// no reader would take are records of their own.
type Member struct {
	Name        string   `json:"name"`
	Size        int64    `json:"size"`   // as declared, unpacked
	Stored      int64    `json:"stored"` // bytes in the package
	Method      string   `json:"method"` // stored, deflated, or the format's number
	Refused     string   `json:"refused,omitempty"`
	Notes       []string `json:"notes,omitempty"`        // what readers of the package disagree on
	InstalledAt []string `json:"installed_at,omitempty"` // device paths and block devices that the update writes it to
	At          Location `json:"at"`
}

// A Partition is what the update leaves on one partition, as far as it says.
type Partition struct {
	Name  string `json:"name"`
	Slot  string `json:"slot,omitempty"`
	Mount string `json:"mount,omitempty"` // device path of its root; "" where nothing says
	Form  string `json:"form"`            // tree, raw, or what holds it encoded
	Size  int64  `json:"size"`            // bytes of a raw image, or of all files of a tree
	Files int64  `json:"files"`           // entries of a tree or filesystem
	// Filesystem is that of an image, such as ext4 or erofs; "" none that is read. Notes are
	// what is odd about it and does not keep its files from being read.
	Filesystem string   `json:"filesystem,omitempty"`
	Notes      []string `json:"notes,omitempty"`
	At         Location `json:"at"`
}

// A File is one file, link or folder that the update installs.
type File struct {
	Device       string   `json:"device"` // absolute path on the device
	Mode         string   `json:"mode"`   // as ls prints it
	UID          *int64   `json:"uid,omitempty"`
	GID          *int64   `json:"gid,omitempty"`
	Label        string   `json:"label,omitempty"`        // SELinux context
	Capabilities []string `json:"capabilities,omitempty"` // permitted when it is run, such as cap_net_raw
	Link         string   `json:"link,omitempty"`         // target
	Size         int64    `json:"size"`
	SHA256       string   `json:"sha256,omitempty"`
	At           Location `json:"at"`
}

// A Script is one call of an installer script.
type Script struct {
	Call        string   `json:"call"` // the function's name
	Args        []string `json:"args"` // constants as they are, other expressions as written
	Effect      string   `json:"effect"`
	Conditional string   `json:"conditional,omitempty"` // what decides whether it runs; "" it always runs
	Never       bool     `json:"never,omitempty"`       // a constant condition or an abort before it rules it out
	At          Location `json:"at"`
}

// A Certificate is an X.509 certificate that stands in the update.
type Certificate struct {
	Role               string   `json:"role"` // ota (named by the package), otacerts (trusted by the device), other
	Subject            string   `json:"subject"`
	Issuer             string   `json:"issuer"`
	Serial             string   `json:"serial"` // decimal
	NotBefore          string   `json:"not_before"`
	NotAfter           string   `json:"not_after"`
	SHA256             string   `json:"sha256"`     // of the certificate
	KeySHA256          string   `json:"key_sha256"` // of its SubjectPublicKeyInfo
	Algorithm          string   `json:"algorithm"`  // of the key: RSA, EC, Ed25519, DSA
	Bits               int64    `json:"bits"`
	SignatureAlgorithm string   `json:"signature_algorithm"`
	Known              []Known  `json:"known,omitempty"`
	At                 Location `json:"at"`
}

// Known says that a key or certificate is publicly known, and how.
type Known struct {
	What     string `json:"what"`
	Private  string `json:"private"`  // is the private key public: yes, no, leaked, unknown
	Severity string `json:"severity"` // the list's hint, not a verdict
	Match    string `json:"match"`    // certificate or key
	Source   string `json:"source"`
}

// A Signer is the key that made a signature, and the certificate that came with it.
type Signer struct {
	Subject   string `json:"subject"`
	Issuer    string `json:"issuer"`
	SHA256    string `json:"sha256"`     // of the certificate; "" where there is none
	KeySHA256 string `json:"key_sha256"` // of the SubjectPublicKeyInfo
	Algorithm string `json:"algorithm"`
	Bits      int64  `json:"bits"`
	Digest    string `json:"digest"`
	// What of it is weak by today's measure, such as SHA-1 or RSA-1024.
	Weak []string `json:"weak,omitempty"`
}

// A Range is a run of bytes, First to End exclusive.
type Range struct {
	First int64  `json:"first"`
	End   int64  `json:"end"`
	What  string `json:"what"`
}

// Accepts says whether one reader, in one range of releases, would take the
// signature if it trusted the key, and by which rule.
type Accepts struct {
	Reader string `json:"reader"`
	Since  string `json:"since"` // Android release; "" from the first
	Until  string `json:"until"` // last Android release; "" to the newest known
	Takes  *bool  `json:"takes"` // null: cannot be told
	Rule   string `json:"rule"`
}

// An Ancestor is a key that an app was signed with before, and what it may still be used for.
type Ancestor struct {
	Subject      string   `json:"subject"`
	SHA256       string   `json:"sha256"`     // of the certificate
	KeySHA256    string   `json:"key_sha256"` // of the SubjectPublicKeyInfo
	Capabilities []string `json:"capabilities"`
}

// A Signature is one signature of the update: whether the mathematics hold, who
// signed, which bytes it covers. Whether the signer is trusted is no fact.
type Signature struct {
	Scheme  string   `json:"scheme"`  // wholefile, jar, …
	Subject string   `json:"subject"` // device path; "update" for the package; the signature file for a JAR
	Holds   *bool    `json:"holds"`   // null: could not be judged
	Reason  string   `json:"reason,omitempty"`
	Signers []Signer `json:"signers"`
	// Of an app that was signed with other keys before: all of them, oldest first, each vouched for by the
	// one before it. The last is the signer.
	Lineage  []Ancestor `json:"lineage,omitempty"`
	Known    []Known    `json:"known"`
	Accepts  []Accepts  `json:"accepts"`
	Covers   []Range    `json:"covers"`
	Unsigned []Range    `json:"unsigned"`
	// What else the signature says. Of avb one note begins with "flags: ", with the names of those of
	// AvbVBMetaImageFlags that are set, such as VERIFICATION_DISABLED, or none; one is "rollback index: N".
	Notes []string `json:"notes,omitempty"`
	At    Location `json:"at"`
}

// A Statement is something that the package says of its own bytes, such as the hash in
// payload_properties.txt, and whether it is so. No key stands behind it: that it
// holds says that nothing was damaged or mixed up.
type Statement struct {
	Form    string   `json:"form"`    // payload-properties, property-files, care-map, dynamic-partitions, md5, crc-32
	Subject string   `json:"subject"` // the key, the partition, or the line
	Holds   *bool    `json:"holds"`   // null: could not be told
	Reason  string   `json:"reason,omitempty"`
	At      Location `json:"at"`
}

// A Module is an APEX: a package of system files that is updated by itself. Which of several of one
// name a device mounts, its apexd says: the highest version, and of preinstalled ones that of
// the partition that counts.
type Module struct {
	Name        string   `json:"name"` // as its manifest says, such as com.android.wifi
	Version     int64    `json:"version"`
	VersionName string   `json:"version_name,omitempty"`
	Form        string   `json:"form"`              // apex; capex: compressed; flattened: a folder
	Payload     string   `json:"payload,omitempty"` // filesystem of its image, such as ext4; "" a folder, or one that is not read
	At          Location `json:"at"`                // of the manifest
}

// A Subject is what a statement is about. Its identity survives a rebuild: class
// and method names, line numbers and offsets are never part of it.
//
//	app        package name (+ device path if two share it)
//	setting    store + key
//	write      store + key + first cause
//	flow       app + source kind + sink kind + endpoint + first cause
//	file       device path
//	signature  scheme + device path
//	update     "update"
type Subject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// UpdateSubject is the subject of statements about the update as a whole.
var UpdateSubject = Subject{Kind: "update", ID: "update"}

// FingerprintRecipe is the version of the recipe of Fingerprint.
const FingerprintRecipe = "otavet/fingerprint/v1"

// Fingerprint names one finding across builds: the SHA-256, in hexadecimal, over
// the recipe's version, the rule's id and the subject's kind and id, each followed
// by a zero byte.
func Fingerprint(rule string, s Subject) string {
	h := sha256.New()
	for _, part := range []string{FingerprintRecipe, rule, s.Kind, s.ID} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A Cause says why a gap is there.
type Cause string

// The causes of gaps.
const (
	CauseFormat      Cause = "format"      // the bytes are malformed
	CauseUnsupported Cause = "unsupported" // this version cannot read them
	CauseLimit       Cause = "limit"       // reading them would exceed a limit
	CauseMissing     Cause = "missing"     // they are not in the update
	CauseUndecided   Cause = "undecided"   // they do not determine the answer
)

// A Gap is something that could not be looked at, and whose facts are
// incomplete because of it.
type Gap struct {
	At       Location  `json:"at"`
	Reason   string    `json:"reason"`
	Cause    Cause     `json:"kind"`
	Blinds   []Kind    `json:"blinds"`   // kinds of facts that may be incomplete
	Subjects []Subject `json:"subjects"` // whom it can reach; empty: all
}

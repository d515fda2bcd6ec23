package apk

import (
	"fmt"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/axml"
)

// usesPermission reads a request. The name must stand in the manifest itself.
func (r *reader) usesPermission(e *axml.Element, use string) {
	r.spend(recordCost)
	name, ok := r.literal(e, attrName)
	if !ok || r.err != nil {
		return
	}
	if lowest := r.integer(e, attrMinSDK); lowest != nil {
		r.note("%s is requested from API level %d on only", name, *lowest)
	}
	r.facts.Permissions = append(r.facts.Permissions, fact.Permission{App: r.app.Package, Name: name, Use: use,
		MaxSDK: r.integer(e, attrMaxSDK), At: r.place(e)})
}

// permission reads a declaration: ParsedPermissionUtils.
func (r *reader) permission(e *axml.Element) {
	r.spend(recordCost)
	name, _ := r.fixed(e, attrName)
	name, ok := className(r.app.Package, name)
	if !ok {
		r.note("there is %s without a name: devices refuse the app", article(e.Name))
		return
	}
	p := fact.Permission{App: r.app.Package, Name: name, At: r.place(e)}
	switch e.Name {
	case "permission-tree":
		p.Use = fact.PermissionTree
	case "permission-group":
		p.Use = fact.PermissionGroup
	default:
		p.Use = fact.PermissionDeclares
		p.Group, _ = r.literal(e, attrPermissionGroup)
		p.Protection = protection(uint32(r.int(e, attrProtectionLevel, 0)))
		p.MaxSDK = r.integer(e, attrMaxSDK)
	}
	r.facts.Permissions = append(r.facts.Permissions, p)
}

// The base of a protection level, and its flags: PermissionInfo.PROTECTION_*. The
// names are those of protectionToString.
var (
	protectionBases = []string{"normal", "dangerous", "signature", "signatureOrSystem", "internal"}
	protectionFlags = []struct {
		bit  uint32
		name string
	}{
		{0x10, "privileged"}, // and, to Android 5.1, system
		{0x20, "development"},
		{0x40, "appop"},
		{0x80, "pre23"},
		{0x100, "installer"},
		{0x200, "verifier"},
		{0x400, "preinstalled"},
		{0x800, "setup"},
		{0x1000, "instant"},
		{0x2000, "runtime"},
		{0x4000, "oem"},
		{0x8000, "vendorPrivileged"},
		{0x10000, "systemTextClassifier"},
		{0x20000, "wellbeing"}, // Android 10 and 11
		{0x40000, "documenter"},
		{0x80000, "configurator"},
		{0x100000, "incidentReportApprover"},
		{0x200000, "appPredictor"},
		{0x400000, "module"},
		{0x800000, "companion"},
		{0x1000000, "retailDemo"},
		{0x2000000, "recents"},
		{0x4000000, "role"},
		{0x8000000, "knownSigner"},
	}
)

// protection spells a protection level as it is declared; releases read some
// otherwise (PermissionInfo.fixProtectionLevel: signatureOrSystem is
// signature|privileged).
func protection(level uint32) string {
	base := level & 0xf // PROTECTION_MASK_BASE
	parts := []string{fmt.Sprintf("base 0x%x", base)}
	if int(base) < len(protectionBases) {
		parts[0] = protectionBases[base]
	}
	rest := level &^ 0xf
	for _, f := range protectionFlags {
		if rest&f.bit != 0 {
			parts = append(parts, f.name)
			rest &^= f.bit
		}
	}
	if rest != 0 {
		parts = append(parts, fmt.Sprintf("0x%x", rest))
	}
	return strings.Join(parts, "|")
}

package apk

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// device is the one whose values are looked up: recent, and nothing else known.
var device = arsc.Config{SDK: sdkDevelopment}

// A typed is what the platform's TypedArray holds of one attribute.
type typed struct {
	axml.Value        // behind all references
	given      bool   // hasValue
	id         uint32 // of the resource that the attribute names; 0 none
	differs    bool   // the resource has other values in other configurations
	foreign    bool   // it is a resource of another package: the value is not known
}

// attribute is the element's attribute as obtainAttributes finds it: both the
// element's attributes and the wanted ids are walked once, in rising order
// (AttributeResolution.cpp, RetrieveAttributes), so that one that stands behind a
// larger id is not seen by the device.
func (r *reader) attribute(e *axml.Element, id uint32) *axml.Attribute {
	var most uint32
	for i := range e.Attributes {
		a := &e.Attributes[i]
		if a.ResourceID == id {
			if most > id {
				r.note("%s of %s stands behind a larger number, where devices do not find it", raw(a.Name), e.Name)
				return nil
			}
			return a
		}
		most = max(most, a.ResourceID)
	}
	return nil
}

// named is the attribute as getAttributeValue(namespace, name) finds it: by its
// texts alone.
func named(e *axml.Element, namespace, name string) *axml.Attribute {
	for i := range e.Attributes {
		if a := &e.Attributes[i]; a.Name == name && a.Namespace == namespace {
			return a
		}
	}
	return nil
}

func (r *reader) get(e *axml.Element, id uint32) typed {
	return r.typed(e, r.attribute(e, id))
}

func (r *reader) typed(e *axml.Element, a *axml.Attribute) typed {
	if a == nil {
		return typed{}
	}
	v := typed{Value: a.Value}
	if a.Value.IsReference() {
		v.id = a.Value.Data
		got := r.resolve(v.id)
		v.Value, v.differs, v.foreign = got.value, got.flags&configs != 0, got.foreign
		if v.foreign {
			r.note("%s of %s is %s, a resource of another package, which is not looked up", raw(a.Name), e.Name, v.Text())
		}
	}
	// A null reference is no value: RetrieveAttributes makes it TYPE_NULL.
	none := v.Type == chunk.Null || (v.Type == chunk.Reference || v.Type == chunk.DynamicReference) && v.Data == 0
	v.given = !none
	return v
}

// configs are the qualifiers that getNonConfigurationString minds
// (ActivityInfo.CONFIG_NATIVE_BITS): all CONFIG_* bits of a resource's flags but
// those of the version and of round screens.
const configs = 0x3ffff &^ (0x0400 | 0x8000)

type resolved struct {
	value   axml.Value
	flags   uint32
	foreign bool
}

// maxHops is how many references in a row the platform follows
// (kMaxIterations in AssetManager2::ResolveReference).
const maxHops = 20

// resolve follows references through the app's table. What it does not find
// stays a reference, as on the device.
func (r *reader) resolve(id uint32) resolved {
	if got, ok := r.cache[id]; ok {
		return got
	}
	got := resolved{value: axml.Value{Type: chunk.Reference, Data: id}}
	for range maxHops {
		at := got.value.Data
		if r.table == nil || !r.packages[uint8(at>>24)] {
			got.foreign = true
			break
		}
		r.spend(lookupCost * (1 + int64(r.configs[at>>16])))
		if res, ok := r.table.Resource(at); ok {
			got.flags |= res.Flags
		}
		e, ok, err := r.table.Best(at, device)
		if err != nil {
			r.note("resource %s: %v", r.resource(at), err)
		}
		if err != nil || !ok || e.Bag() {
			break // a bag, such as an array, stays a reference
		}
		got.value = e.Value
		if !got.value.IsReference() {
			break
		}
		// In the table of a shared library, whose number the device assigns, zero
		// stands for the table's own package: DynamicRefTable::lookupResourceId.
		if got.value.Type == chunk.DynamicReference && got.value.Data>>24 == 0 {
			got.value.Data |= at & 0xff000000
		}
	}
	if len(r.cache) < maxCache {
		r.cache[id] = got
	}
	return got
}

// lookupCost is what looking a resource up in one configuration costs, in the
// units of reader.left. maxCache bounds the answers that are kept: real
// manifests name some hundred resources.
const (
	lookupCost = 16
	maxCache   = 1 << 14
)

// resource names a resource: "bool/enabled", or its number where the table has none.
func (r *reader) resource(id uint32) string {
	if id == 0 {
		return ""
	}
	if r.table != nil {
		if res, ok := r.table.Resource(id); ok {
			return r.text(res.Type + "/" + res.Name)
		}
	}
	return fmt.Sprintf("@0x%08x", id)
}

// bool is TypedArray.getBoolean.
func (r *reader) bool(e *axml.Element, id uint32, def bool) bool {
	v := r.get(e, id)
	if v.differs && id != attrEnabled { // which is told value by value
		r.note("a switch of %s differs by configuration, as %s does", e.Name, r.resource(v.id))
	}
	return boolean(v, def)
}

func boolean(v typed, def bool) bool {
	switch {
	case !v.given || v.foreign:
		return def
	default:
		return truth(v.Value)
	}
}

// truth is what getBoolean makes of a value: any integer but zero, and what
// XmlUtils.convertValueToBoolean takes.
func truth(v axml.Value) bool {
	if b, ok := v.Bool(); ok {
		return b
	}
	s := v.Text()
	return s == "1" || s == "true" || s == "TRUE"
}

// int is TypedArray.getInt. Text that is no number throws on devices, and the app
// is refused.
func (r *reader) int(e *axml.Element, id uint32, def int64) int64 {
	v := r.get(e, id)
	if !v.given || v.foreign {
		return def
	}
	if n, ok := v.Int(); ok {
		return int64(n)
	}
	s := v.Text()
	if hex, ok := strings.CutPrefix(s, "#"); ok { // XmlUtils.convertValueToInt
		s = "0x" + hex
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || strings.Contains(s, "_") {
		r.note("a number of %s is %s", e.Name, raw(s))
		return def
	}
	return int64(int32(n)) // as the cast in convertValueToInt
}

// integer is peekValue where the parser takes integers alone.
func (r *reader) integer(e *axml.Element, id uint32) *int64 {
	if n, ok := r.get(e, id).Int(); ok {
		return new(int64(n))
	}
	return nil
}

// text makes a text of the file printable, and pays for it.
func (r *reader) text(s string) string {
	r.spend(int64(len(s)))
	if r.err != nil {
		return ""
	}
	return parse.EscapeText(s)
}

// str is TypedArray.getString.
func (r *reader) str(e *axml.Element, id uint32) (string, bool) {
	v := r.get(e, id)
	if !v.given {
		return "", false
	}
	return r.text(v.Text()), true
}

// fixed is getNonConfigurationString: a value that may differ from device to
// device counts as none.
func (r *reader) fixed(e *axml.Element, id uint32) (string, bool) {
	v := r.get(e, id)
	if !v.given {
		return "", false
	}
	if v.differs {
		r.note("%s of %s differs by configuration, so that devices take it for none", r.resource(v.id), e.Name)
		return "", false
	}
	return r.text(v.Text()), true
}

// literal is getNonResourceString: what stands in the manifest itself.
func (r *reader) literal(e *axml.Element, id uint32) (string, bool) {
	a := r.attribute(e, id)
	if a == nil {
		return "", false
	}
	if a.Value.Type != chunk.String {
		r.note("a name of %s is %s and not text, so that devices pass it over", e.Name, raw(a.Value.Text()))
		return "", false
	}
	return r.text(a.Value.String), true
}

// plain is XmlBlock's getAttributeValue: text, or the value spelled, references
// by their number.
func (r *reader) plain(a *axml.Attribute) (string, bool) {
	if a == nil {
		return "", false
	}
	return r.text(a.Value.Text()), true
}

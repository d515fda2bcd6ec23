package dex_test

import (
	"fmt"

	"github.com/otavet/otavet/inspect/format/dex"
)

// handles writes the tables of method handles and call sites.
func (d *dumper) handles() {
	for i := range d.f.MethodHandles.Len {
		h, err := d.f.MethodHandle(i)
		if !d.ok(err) {
			return
		}
		d.handle(i, h)
	}
	for i := range d.f.CallSiteIDs.Len {
		list, err := d.f.CallSite(i)
		if !d.ok(err) {
			return
		}
		d.p("Call site #%d: // offset %d\n", i, le.Uint32(d.raw[d.f.CallSiteIDs.Off+4*i:]))
		for j, v := range list {
			d.p("  link_argument[%d] : %s\n", j, d.argument(v))
		}
	}
}

func (d *dumper) handle(i uint32, h dex.MethodHandle) {
	kind := []string{"put-static", "get-static", "put-instance", "get-instance", "invoke-static",
		"invoke-instance", "invoke-constructor", "invoke-direct", "invoke-interface"}[h.Kind]
	var class, name uint32
	typ := ""
	if h.Kind <= dex.HandleInstanceGet {
		id, err := d.f.Field(h.Member)
		d.ok(err)
		class, name, typ = id.Class, id.Name, d.typ(id.Type)
	} else {
		id, err := d.f.Method(h.Member)
		d.ok(err)
		class, name, typ = id.Class, id.Name, d.proto(id.Proto)
	}
	switch h.Kind {
	case dex.HandleStaticPut, dex.HandleStaticGet, dex.HandleInvokeStatic:
	default: // the object comes first; dexdump puts its class behind the first letter
		typ = typ[:1] + d.typ(class) + typ[1:]
	}
	d.p("Method handle #%d:\n  type        : %s\n  target      : %s %s\n  target_type : %s\n", i, kind, d.typ(class), d.str(name), typ)
}

// argument is an argument of a call site with its type.
func (d *dumper) argument(v dex.Value) string {
	switch v.Kind {
	case dex.ValueMethodHandle:
		return fmt.Sprintf("%d (MethodHandle)", v.Index())
	case dex.ValueMethodType:
		return d.proto(v.Index()) + " (MethodType)"
	case dex.ValueString:
		return d.str(v.Index()) + " (String)"
	case dex.ValueType:
		return d.typ(v.Index()) + " (Class)"
	case dex.ValueInt:
		return fmt.Sprintf("%d (int)", v.Int())
	case dex.ValueLong:
		return fmt.Sprintf("%d (long)", v.Int())
	case dex.ValueFloat:
		return float(v.Float()) + " (float)"
	case dex.ValueDouble:
		return float(v.Float()) + " (double)"
	}
	return fmt.Sprintf("a value of kind %#x", v.Kind)
}

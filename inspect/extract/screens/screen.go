package screens

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
)

// Attributes of the framework.
const (
	attrPersistent   = 0x0101000d // android:persistent
	attrKey          = 0x010101e8 // android:key
	attrDefaultValue = 0x010101ed // android:defaultValue
)

// auto is the namespace of an app's own attributes, among them those of the libraries in it:
// androidx.preference has attributes of the framework's names.
const auto = "http://schemas.android.com/apk/res-auto"

// isScreen tells whether a file is a preference screen, by its root.
func isScreen(root *axml.Element) bool {
	return root.Name == "PreferenceScreen" || strings.HasSuffix(root.Name, ".PreferenceScreen")
}

// attribute is an element's attribute: the one of the library, if there is one and the element is not
// plainly the framework's; androidx.preference asks for its own first.
func (a *app) attribute(e *axml.Element, id uint32, name string) *axml.Attribute {
	if !strings.HasPrefix(e.Name, "android.preference.") {
		for i := range e.Attributes {
			x := &e.Attributes[i]
			if x.ResourceID>>24 == 0x7f && (x.Namespace == auto && x.Name == name || a.names(x.ResourceID) == name) {
				return x
			}
		}
	}
	return e.Attribute(id)
}

// names is the name of an attribute that the app defines. The platform goes by the number alone, and
// tools that shrink apps take the name out of the file.
func (a *app) names(id uint32) string {
	if r, ok := a.table.Resource(id); ok && r.Type == "attr" {
		return r.Name
	}
	return ""
}

// screen makes the facts of a screen's elements.
func (a *app) screen(root *axml.Element, configs []arsc.Config, at fact.Location) error {
	for e := range root.All {
		key := a.attribute(e, attrKey, "key")
		if key == nil {
			continue
		}
		d := fact.Default{Store: fact.StorePreferences, App: a.pkg, Source: fact.SourceScreen, At: at.AtOffset(e.Offset)}
		var note string
		if d.Key, note = a.single(key.Value); d.Key != nil && *d.Key == "" {
			continue // the platform takes it for none
		}
		var notes []string
		if d.Key == nil {
			notes = append(notes, "the key: "+note)
		}
		if p := a.attribute(e, attrPersistent, "persistent"); p != nil {
			if on, ok := p.Value.Bool(); ok && !on {
				notes = append(notes, "the screen does not store it")
			}
		}
		for _, config := range configs {
			if err := a.element(e, d, notes, config); err != nil {
				return err
			}
		}
	}
	return nil
}

// element makes the facts of one element on a screen that is meant for config. d holds what
// is the same for all.
func (a *app) element(e *axml.Element, d fact.Default, notes []string, config arsc.Config) error {
	k := kindOf(e.Name)
	d.Type = k.typ
	value := a.attribute(e, attrDefaultValue, "defaultValue")
	if value == nil || value.Value.Type == chunk.Null && value.Value.Data == 0 {
		d.Config, d.Note = text(config), join(append(notes, "no default declared"))
		if k.off {
			d.Note += ": off" // TwoStatePreference starts unchecked
		}
		return a.add(d)
	}
	for _, l := range a.values(value.Value, k.as, config) {
		x := d
		x.Value, x.Resource, x.Config = l.value, l.resource, l.config
		if x.Type == "" {
			x.Type = l.typ
		}
		x.Note = join(append(notes, l.note))
		if err := a.add(x); err != nil {
			return err
		}
	}
	return nil
}

// join makes one note of those that say something.
func join(notes []string) string {
	var all []string
	for _, s := range notes {
		if s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, "; ")
}

// A kind is what an element's class makes of a default.
type kind struct {
	typ string // of fact.Default; "" the value tells
	as  reading
	off bool // without a default, it is off
}

// kinds are the classes of the framework and of androidx.preference that store a value, by their last
// name, and what they ask the attribute for.
var kinds = map[string]kind{
	"CheckBoxPreference":        {"boolean", asBoolean, true},
	"SwitchPreference":          {"boolean", asBoolean, true},
	"SwitchPreferenceCompat":    {"boolean", asBoolean, true},
	"EditTextPreference":        {"string", asString, false},
	"ListPreference":            {"string", asString, false},
	"DropDownPreference":        {"string", asString, false},
	"RingtonePreference":        {"string", asString, false},
	"SeekBarPreference":         {"int", asInteger, false},
	"MultiSelectListPreference": {"set", asSet, false},
}

// kindOf finds a class's kind. An app's own class is boolean if its name ends like the platform's: what
// it is without a default is its own affair.
func kindOf(class string) kind {
	i := strings.LastIndexByte(class, '.')
	name := class[i+1:]
	switch {
	case i < 0, class[:i] == "android.preference", class[:i] == "androidx.preference", class[:i] == "android.support.v7.preference",
		class[:i] == "android.support.v14.preference":
		return kinds[name]
	}
	for _, end := range []string{"CheckBoxPreference", "SwitchPreference", "SwitchPreferenceCompat"} {
		if strings.HasSuffix(name, end) {
			return kind{"boolean", asBoolean, false}
		}
	}
	return kind{}
}

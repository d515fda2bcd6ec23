package reads

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
)

// A getter is a platform method that reads a key. Arguments are counted in registers,
// the receiver among them.
type getter struct {
	store  string
	typ    string // of what it answers: as in fact.Default
	key    int
	def    int     // -1: the form without a default
	absent *string // what that form answers where there is no value; nil and note otherwise
	note   string
	id     bool // the key is a resource's id
}

const noArgument = -1

var empty = ""

// getters are the methods by class, name and prototype. Only the platform's own names
// are here: an app's class with a method of the same name may do anything.
var getters = func() map[string]*getter {
	all := map[string]*getter{}
	letters := []struct{ name, letter, typ string }{
		{"Boolean", "Z", "boolean"}, {"Int", "I", "int"}, {"Long", "J", "long"}, {"Float", "F", "float"},
		{"String", "Ljava/lang/String;", "string"}, {"StringSet", "Ljava/util/Set;", "set"},
	}
	const text = "Ljava/lang/String;"
	for _, l := range letters {
		all["Landroid/content/SharedPreferences;->get"+l.name+"("+text+l.letter+")"+l.letter] =
			&getter{store: fact.StorePreferences, typ: l.typ, key: 1, def: 2}
	}
	for store, class := range map[string]string{
		fact.StoreSystem: "System", fact.StoreSecure: "Secure", fact.StoreGlobal: "Global",
	} {
		prefix, first := "Landroid/provider/Settings$"+class+";->get", "(Landroid/content/ContentResolver;"+text
		throws := &getter{store: store, key: 1, def: noArgument, note: "no default: the read throws"}
		for _, l := range letters[1:4] {
			with := &getter{store: store, typ: l.typ, key: 1, def: 2}
			without := *throws
			without.typ = l.typ
			all[prefix+l.name+first+l.letter+")"+l.letter] = with
			all[prefix+l.name+first+")"+l.letter] = &without
			// The last argument is the user.
			all[prefix+l.name+"ForUser"+first+l.letter+"I)"+l.letter] = with
			all[prefix+l.name+"ForUser"+first+"I)"+l.letter] = &without
		}
		null := &getter{store: store, typ: "string", key: 1, def: noArgument, note: "no default: the read returns null"}
		all[prefix+"String"+first+")"+text] = null
		all[prefix+"StringForUser"+first+"I)"+text] = null
	}
	const properties = "Landroid/os/SystemProperties;->get"
	for _, l := range letters[:3] {
		all[properties+l.name+"("+text+l.letter+")"+l.letter] = &getter{store: fact.StoreProperty, typ: l.typ, key: 0, def: 1}
	}
	all[properties+"("+text+text+")"+text] = &getter{store: fact.StoreProperty, typ: "string", key: 0, def: 1}
	all[properties+"("+text+")"+text] = &getter{store: fact.StoreProperty, typ: "string", key: 0, def: noArgument, absent: &empty}

	all["Landroid/content/res/Resources;->getBoolean(I)Z"] = &getter{store: fact.StoreResource, typ: "boolean", key: 1, def: noArgument, id: true}
	all["Landroid/content/res/Resources;->getInteger(I)I"] = &getter{store: fact.StoreResource, typ: "int", key: 1, def: noArgument, id: true}
	return all
}()

// getterClasses are the classes of getters.
var getterClasses = func() map[string]bool {
	classes := map[string]bool{}
	for name := range getters {
		class, _, _ := strings.Cut(name, "->")
		classes[class] = true
	}
	return classes
}()

// findGetters gives the getters among the methods that f names, by the method's index.
func (f *file) findGetters() {
	f.getters = map[uint32]*getter{}
	wanted := map[uint32]bool{}
	for i := range f.TypeIDs.Len {
		if s, err := f.Type(i); err == nil {
			if name, err := f.MUTF8(s); err == nil && getterClasses[string(name)] {
				wanted[i] = true
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	for i := range f.MethodIDs.Len {
		if m, err := f.Method(i); err == nil && wanted[m.Class] {
			if g := getters[f.symbol(i)]; g != nil {
				f.getters[i] = g
			}
		}
	}
}

// named gives the strings of f that are among names.
func (f *file) named(names map[string]bool) map[uint32]bool {
	found := map[uint32]bool{}
	for i := range f.StringIDs.Len {
		if s, err := f.MUTF8(i); err == nil && names[string(s)] {
			found[i] = true
		}
	}
	return found
}

// findStrings gives the methods that f names and that answer the string of a resource: getString
// of a context, a fragment or the resources themselves. Context's and Fragment's are final, so a
// class that extends one has no other.
func (c *container) findStrings(f *file) {
	f.strings = map[uint32]bool{}
	names := f.named(map[string]bool{"getString": true})
	for i := range f.MethodIDs.Len {
		m, err := f.Method(i)
		if err != nil || !names[m.Name] || f.protoName(m.Proto) != "(I)Ljava/lang/String;" {
			continue
		}
		class := f.typeName(m.Class)
		for range maxAncestors {
			if class == "" || stringClasses[class] {
				break
			}
			class = c.parent(class)
		}
		if stringClasses[class] {
			f.strings[i] = true
		}
	}
}

// maxAncestors bounds a walk up the classes: a hostile file may have a circle.
const maxAncestors = 64

var stringClasses = map[string]bool{
	"Landroid/content/res/Resources;":         true,
	"Landroid/content/Context;":               true,
	"Landroid/content/ContextWrapper;":        true,
	"Landroid/view/ContextThemeWrapper;":      true,
	"Landroid/app/Activity;":                  true,
	"Landroid/app/Application;":               true,
	"Landroid/app/Service;":                   true,
	"Landroid/app/IntentService;":             true,
	"Landroid/app/ListActivity;":              true,
	"Landroid/preference/PreferenceActivity;": true,
	"Landroid/app/Fragment;":                  true,
	"Landroid/app/DialogFragment;":            true,
	"Landroid/app/ListFragment;":              true,
	"Landroid/preference/PreferenceFragment;": true,
	"Landroid/support/v4/app/Fragment;":       true,
	"Landroidx/fragment/app/Fragment;":        true,
}

package fact

// The stores in which a key can have a value.
const (
	StorePreferences = "preferences" // SharedPreferences of an app
	StoreSystem      = "system"      // Settings.System
	StoreSecure      = "secure"      // Settings.Secure
	StoreGlobal      = "global"      // Settings.Global
	StoreProperty    = "property"    // system properties
	StoreResource    = "resource"    // a resource that code asks for
	StoreMetaData    = "meta-data"   // of an app's manifest
	StoreComponent   = "component"   // whether a component is enabled; the key is its class
)

// What states a default.
const (
	SourceScreen   = "screen"   // a preference screen's defaultValue
	SourceRead     = "read"     // the default that code gives where it reads the key
	SourceManifest = "manifest" // an element of the manifest
	SourceResource = "resource" // a value of a resource, in one configuration
	SourceFile     = "file"     // a line of a property file
)

// A Default is one place that states what a key's value is as long as nobody has
// stored another: an element of a preference screen, a call in code.
type Default struct {
	Store string  `json:"store"`
	App   string  `json:"app,omitempty"` // package that owns the store, where each app has its own; "" also where code of no app reads it
	Key   *string `json:"key"`           // null: code computes it
	// boolean, int, long, float, string, set; "" where nothing tells
	Type     string   `json:"type,omitempty"`
	Value    *string  `json:"value"`              // null: none is given, or code computes it
	Source   string   `json:"source"`             // screen, read, manifest, resource
	Resource string   `json:"resource,omitempty"` // type/name of the resource that the value stands in
	Config   string   `json:"config,omitempty"`   // qualifiers under which it does, as aapt prints them; "" all others
	Note     string   `json:"note,omitempty"`     // why there is no key or value, or what it hangs on
	At       Location `json:"at"`
}

// A Setting is a key and the answer to what it is by default, with each layer
// that has a say.
type Setting struct {
	Store   string   `json:"store"`
	App     string   `json:"app,omitempty"` // package that owns the store, where each app has its own
	Key     string   `json:"key"`
	Type    string   `json:"type,omitempty"`
	Default *string  `json:"default"`          // null: the layers do not decide it, and Reason says why
	Reason  string   `json:"reason,omitempty"` // why there is no default, or what it hangs on
	Layers  []Layer  `json:"layers,omitempty"` // from the one that is asked first
	At      Location `json:"at"`               // of the first layer
}

// Subject is the setting: store and key, with the app where each has its own.
func (s *Setting) Subject() Subject {
	id := s.Store + " " + s.Key
	if s.App != "" {
		id = s.App + " " + id
	}
	return Subject{Kind: "setting", ID: id}
}

// A Layer is one place that has a say in a setting's default.
type Layer struct {
	Source string   `json:"source"`
	Value  *string  `json:"value"` // null: none, or not known
	Config string   `json:"config,omitempty"`
	Detail string   `json:"detail,omitempty"`
	Wins   bool     `json:"wins"` // it gives the default
	At     Location `json:"at"`
}

// A Property is one line of a property file.
type Property struct {
	Name  string   `json:"name"`
	Value string   `json:"value"`
	At    Location `json:"at"`
}

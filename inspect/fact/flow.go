package fact

// The ways in which what a flow sends is protected.
const (
	ProtectionTLS        = "tls"
	ProtectionEncrypted  = "encrypted"  // by a cipher whose key is not in the update
	ProtectionObfuscated = "obfuscated" // by a cipher whose key is, or by something weaker
	ProtectionHashed     = "hashed"     // and so to be found again by trying
	ProtectionCleartext  = "cleartext"
	ProtectionUnknown    = "unknown"
)

// TriggerUI is the trigger that a person pulls; all others are automatic.
const TriggerUI = "ui"

// A Flow is personal data on its way out of an app: where it comes from, where it
// goes, what starts it, what stands before it and how it is protected.
type Flow struct {
	App        string    `json:"app"` // package
	Source     FlowEnd   `json:"source"`
	Sink       FlowEnd   `json:"sink"`
	Transforms []string  `json:"transforms,omitempty"` // on the way, such as "hash(SHA-256)"
	Endpoint   Endpoint  `json:"endpoint"`
	Protection string    `json:"protection"`
	Triggers   []Trigger `json:"triggers,omitempty"`
	Guards     []Guard   `json:"guards,omitempty"`
	Steps      []Step    `json:"steps,omitempty"`     // one witness
	Certainty  []string  `json:"certainty,omitempty"` // what had to be assumed
	At         Location  `json:"at"`                  // of the sink
}

// Subject is the flow: app, source and sink kind, endpoint and first cause.
func (f *Flow) Subject() Subject {
	return Subject{Kind: "flow", ID: f.App + " " + f.Source.Kind + " to " + f.Sink.Kind + " " + f.Endpoint.String() + cause(f.Triggers)}
}

// A FlowEnd is where a flow begins or ends.
type FlowEnd struct {
	Kind   string   `json:"kind"`   // of a source phone-number, imei, …; of a sink network, sms, log, …
	Symbol string   `json:"symbol"` // the method that gives or takes the data
	At     Location `json:"at"`
}

// An Endpoint is whom a flow sends to, as far as constants tell; "" is not known.
type Endpoint struct {
	Scheme string `json:"scheme,omitempty"`
	Host   string `json:"host,omitempty"`
	URL    string `json:"url,omitempty"` // up to the first part that varies
}

// String is the URL, or what else is known.
func (e Endpoint) String() string {
	switch {
	case e.URL != "":
		return e.URL
	case e.Host != "":
		return e.Scheme + "://" + e.Host
	}
	return "(not known)"
}

// A Trigger is what starts a path.
type Trigger struct {
	Kind   string `json:"kind"` // boot, sim-state, connectivity, …, ui, unknown
	Detail string `json:"detail,omitempty"`
}

// A Guard is a condition on the way that a person or a configuration can set.
type Guard struct {
	Store   string   `json:"store"`
	App     string   `json:"app,omitempty"`
	Key     string   `json:"key"`
	Needs   string   `json:"needs"`   // the value that lets it pass
	Default *string  `json:"default"` // the setting's; null: not known
	At      Location `json:"at"`
}

// A Step is one place of a witness.
type Step struct {
	Role   string   `json:"role"` // trigger, step, source, sink, guard, write
	Detail string   `json:"detail,omitempty"`
	At     Location `json:"at"`
}

// A Write is a write of a value that a guard reads.
type Write struct {
	Store     string    `json:"store"`
	App       string    `json:"app,omitempty"` // package that owns the store
	By        string    `json:"by"`            // package whose code writes
	Key       string    `json:"key"`
	Value     *string   `json:"value"` // null: not known
	Triggers  []Trigger `json:"triggers,omitempty"`
	Guards    []Guard   `json:"guards,omitempty"`
	Steps     []Step    `json:"steps,omitempty"`
	Certainty []string  `json:"certainty,omitempty"`
	At        Location  `json:"at"`
}

// Subject is the write: store, key and first cause.
func (w *Write) Subject() Subject {
	id := w.Store + " " + w.Key
	if w.App != "" {
		id = w.App + " " + id
	}
	return Subject{Kind: "write", ID: id + cause(w.Triggers)}
}

func cause(t []Trigger) string {
	if len(t) == 0 {
		return ""
	}
	return " on " + t[0].Kind
}

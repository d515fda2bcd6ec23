package fact

// An App is one APK of the update, as its manifest and resources declare it.
// Values that the manifest leaves out are those that the platform takes then.
type App struct {
	Package     string `json:"package"`
	VersionCode int64  `json:"version_code"` // with versionCodeMajor in the upper 32 bits
	VersionName string `json:"version_name"`
	MinSDK      int64  `json:"min_sdk"`    // 1 where it is not declared
	TargetSDK   int64  `json:"target_sdk"` // MinSDK where it is not declared; 10000 for a code name
	// targetSandboxVersion; above 1 the app must be signed by more than v1.
	TargetSandbox int64  `json:"target_sandbox,omitempty"`
	Split         string `json:"split,omitempty"`
	SharedUser    string `json:"shared_user,omitempty"`
	Class         string `json:"class,omitempty"` // of its Application
	Process       string `json:"process,omitempty"`
	// It stands where Android from 4.4 on looks for privileged apps: a folder
	// priv-app, or the framework's own. Before 4.4 all apps of the system were.
	Privileged  bool `json:"privileged"`
	Persistent  bool `json:"persistent"` // declared; only system apps are kept running for it
	Enabled     bool `json:"enabled"`
	HasCode     bool `json:"has_code"`
	Debuggable  bool `json:"debuggable"`
	TestOnly    bool `json:"test_only"`
	AllowBackup bool `json:"allow_backup"`

	Libraries []UsesLibrary  `json:"libraries,omitempty"` // shared libraries that it asks for
	Overlay   *Overlay       `json:"overlay"`             // null: it overlays no other app
	MetaData  []ManifestData `json:"meta_data,omitempty"`
	Network   Network        `json:"network"`
	Code      Code           `json:"code"`
	Notes     []string       `json:"notes,omitempty"` // what is odd about its files and yet read by devices
	At        Location       `json:"at"`              // of the APK
}

// Subject is the app, told by its package name. Where two apps of an update share
// it, Facts.AppSubject tells them apart.
func (a *App) Subject() Subject { return AppSubject(a.Package) }

// AppSubject is the subject of statements about the app of that name.
func AppSubject(pkg string) Subject { return Subject{Kind: "app", ID: pkg} }

// AppSubject names an app of f: by its package name, and by its place too where
// another app of f has the same name.
func (f *Facts) AppSubject(a *App) Subject {
	s := a.Subject()
	for i := range f.Apps {
		if o := &f.Apps[i]; o.Package == a.Package && o.Split == a.Split && o.At.String() != a.At.String() {
			s.ID += " " + Place(a.At)
			break
		}
	}
	if a.Split != "" {
		s.ID += " split " + a.Split
	}
	return s
}

// Place names a file by where it is on the device, or else by where it is in the
// update.
func Place(at Location) string {
	at.Offset, at.Line, at.Symbol = nil, nil, ""
	if at.Device != "" {
		return Location{Path: at.Device, Inner: at.Inner}.String()
	}
	return at.String()
}

// A UsesLibrary is a shared library that an app asks for.
type UsesLibrary struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
}

// An Overlay says whose resources an app replaces.
type Overlay struct {
	Target     string `json:"target"` // package
	TargetName string `json:"target_name,omitempty"`
	Category   string `json:"category,omitempty"`
	Priority   int64  `json:"priority"`
	Static     bool   `json:"static"`
}

// ManifestData is one meta-data element of a manifest.
type ManifestData struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Resource string `json:"resource,omitempty"` // type/name, where the value is, or stands in, a resource
}

// Network says what an app's manifest and network security config permit. It binds
// those who ask it, such as the platform's HTTP stacks, and nobody else.
type Network struct {
	Cleartext bool     `json:"cleartext"`        // permitted to domains that no entry of Domains names
	By        string   `json:"by"`               // what says so: default, manifest, config
	Config    string   `json:"config,omitempty"` // the config's member of the APK
	UserCAs   bool     `json:"user_cas"`         // certificates that the user installed are trusted
	Domains   []Domain `json:"domains,omitempty"`
}

// A Domain is what a network security config says of one domain.
type Domain struct {
	Name       string `json:"name"`
	Subdomains bool   `json:"subdomains"`
	Cleartext  bool   `json:"cleartext"`
	UserCAs    bool   `json:"user_cas"`
	Pinned     bool   `json:"pinned"`
}

// The forms in which an app's code can be there.
const (
	CodeDEX       = "dex"       // classes.dex in the APK
	CodeODEX      = "odex"      // beside the APK, compiled ahead of time
	CodeVDEX      = "vdex"      // beside the APK
	CodeNone      = "none"      // the app has none and says so
	CodeStripped  = "stripped"  // the manifest says that there is code, and none was found
	CodeUndecided = "undecided" // what is there could not be read
)

// Code says where an app's code is.
type Code struct {
	Form  string   `json:"form"`
	DEX   []string `json:"dex,omitempty"`   // members of the APK, in the order in which the platform loads them
	Files []string `json:"files,omitempty"` // device paths beside the APK
}

// The kinds of components.
const (
	ComponentActivity = "activity"
	ComponentAlias    = "activity-alias"
	ComponentService  = "service"
	ComponentReceiver = "receiver"
	ComponentProvider = "provider"
)

// A Component is one activity, alias, service, receiver or provider of an app.
type Component struct {
	App     string `json:"app"` // package
	Kind    string `json:"kind"`
	Name    string `json:"name"`    // of its class, in full
	Enabled bool   `json:"enabled"` // declared, with the app's own; sysconfig and code may change it
	// Exported: other apps may start it. By says why: declared, filter (it has
	// an intent filter), default.
	Exported   bool   `json:"exported"`
	ExportedBy string `json:"exported_by"`

	Permission      string         `json:"permission,omitempty"` // that others need, with the app's own
	ReadPermission  string         `json:"read_permission,omitempty"`
	WritePermission string         `json:"write_permission,omitempty"`
	GrantURI        bool           `json:"grant_uri"` // it may hand out access to what it provides
	DirectBoot      bool           `json:"direct_boot"`
	Process         string         `json:"process,omitempty"`
	Target          string         `json:"target,omitempty"` // of an alias: the activity's class
	Authorities     []string       `json:"authorities,omitempty"`
	Filters         []Filter       `json:"filters,omitempty"`
	MetaData        []ManifestData `json:"meta_data,omitempty"`
	At              Location       `json:"at"` // of its element in the manifest
}

// A Filter is an intent filter.
type Filter struct {
	Actions    []string `json:"actions,omitempty"`
	Categories []string `json:"categories,omitempty"`
	Data       []Data   `json:"data,omitempty"`
	Priority   int64    `json:"priority"`
}

// Data is one data element of a filter.
type Data struct {
	Scheme      string `json:"scheme,omitempty"`
	Host        string `json:"host,omitempty"`
	Port        string `json:"port,omitempty"`
	Path        string `json:"path,omitempty"`
	PathPrefix  string `json:"path_prefix,omitempty"`
	PathPattern string `json:"path_pattern,omitempty"`
	MimeType    string `json:"mime_type,omitempty"`
}

// What an app's manifest does with a permission.
const (
	PermissionRequests      = "requests"       // uses-permission
	PermissionRequestsSDK23 = "requests-sdk23" // uses-permission-sdk-23: from Android 6.0 on only
	PermissionDeclares      = "declares"       // permission
	PermissionTree          = "declares-tree"  // permission-tree
	PermissionGroup         = "declares-group" // permission-group
)

// A Permission is one that an app's manifest requests or declares.
type Permission struct {
	App  string `json:"app"` // package
	Name string `json:"name"`
	Use  string `json:"use"`
	// Of a declared one: normal, dangerous, signature, signatureOrSystem or
	// internal, and its flags, such as "signature|privileged".
	Protection string   `json:"protection,omitempty"`
	Group      string   `json:"group,omitempty"`
	MaxSDK     *int64   `json:"max_sdk"` // requested up to this API level only; null: always
	At         Location `json:"at"`
}

package apk

// Ids of attributes: android.R.attr, with the name beside. A test holds them
// against the framework's own table.
const (
	attrName                        = 0x01010003 // name
	attrPermission                  = 0x01010006 // permission
	attrReadPermission              = 0x01010007 // readPermission
	attrWritePermission             = 0x01010008 // writePermission
	attrProtectionLevel             = 0x01010009 // protectionLevel
	attrPermissionGroup             = 0x0101000a // permissionGroup
	attrSharedUserID                = 0x0101000b // sharedUserId
	attrHasCode                     = 0x0101000c // hasCode
	attrPersistent                  = 0x0101000d // persistent
	attrEnabled                     = 0x0101000e // enabled
	attrDebuggable                  = 0x0101000f // debuggable
	attrExported                    = 0x01010010 // exported
	attrProcess                     = 0x01010011 // process
	attrAuthorities                 = 0x01010018 // authorities
	attrGrantURIPermissions         = 0x0101001b // grantUriPermissions
	attrPriority                    = 0x0101001c // priority
	attrTargetPackage               = 0x01010021 // targetPackage
	attrValue                       = 0x01010024 // value
	attrResource                    = 0x01010025 // resource
	attrMimeType                    = 0x01010026 // mimeType
	attrScheme                      = 0x01010027 // scheme
	attrHost                        = 0x01010028 // host
	attrPort                        = 0x01010029 // port
	attrPath                        = 0x0101002a // path
	attrPathPrefix                  = 0x0101002b // pathPrefix
	attrPathPattern                 = 0x0101002c // pathPattern
	attrTargetActivity              = 0x01010202 // targetActivity
	attrMinSDK                      = 0x0101020c // minSdkVersion
	attrVersionCode                 = 0x0101021b // versionCode
	attrVersionName                 = 0x0101021c // versionName
	attrTargetSDK                   = 0x01010270 // targetSdkVersion
	attrMaxSDK                      = 0x01010271 // maxSdkVersion
	attrTestOnly                    = 0x01010272 // testOnly
	attrAllowBackup                 = 0x01010280 // allowBackup
	attrRequired                    = 0x0101028e // required
	attrCategory                    = 0x010103e8 // category
	attrTargetName                  = 0x0101044d // targetName
	attrUsesCleartext               = 0x010104ec // usesCleartextTraffic
	attrDirectBootAware             = 0x01010505 // directBootAware
	attrNetworkConfig               = 0x01010527 // networkSecurityConfig
	attrIsStatic                    = 0x0101055a // isStatic
	attrPersistentWhenFeature       = 0x01010563 // persistentWhenFeatureAvailable
	attrRequiredSystemPropertyName  = 0x01010565 // requiredSystemPropertyName
	attrRequiredSystemPropertyValue = 0x01010566 // requiredSystemPropertyValue
	attrVersionCodeMajor            = 0x01010576 // versionCodeMajor
	attrTargetSandboxVersion        = 0x0101054c // targetSandboxVersion
)

// androidNS is the namespace of the attributes that the platform finds by name.
const androidNS = "http://schemas.android.com/apk/res/android"

// Levels of the API at which what a manifest leaves out means something else:
// Build.VERSION_CODES.
const (
	sdkFroyo        = 8  // FROYO: a process may be named by a resource
	sdkJellyBeanMR1 = 17 // JELLY_BEAN_MR1: providers are not exported by default
	sdkM            = 23 // M: up to here the user's certificates are trusted
	sdkP            = 28 // P: cleartext is not permitted by default
	sdkS            = 31 // S: what has an intent filter must say whether it is exported

	sdkDevelopment = 10000 // CUR_DEVELOPMENT: what the code name of a release stands for
)

package arsc

// Structures are named as in ResourceTypes.h. All integers are little-endian;
// each structure that is a chunk begins with the eight bytes of its header.
const (
	// struct ResTable_header: u32 packageCount
	lenTable = 12

	// struct ResTable_package: u32 id, char16 name[128], u32 typeStrings, u32
	// lastPublicType, u32 keyStrings, u32 lastPublicKey, u32 typeIdOffset. The
	// last is not there in tables older than Android 5.
	lenPackage       = 288
	lenPackageOld    = 284
	packageNameUnits = 128

	// struct ResTable_typeSpec: u8 id, u8 res0, u16 typesCount, u32 entryCount;
	// then entryCount × u32 flags
	lenTypeSpec = 16

	// struct ResTable_type: u8 id, u8 flags, u16 reserved, u32 entryCount, u32
	// entriesStart, ResTable_config config
	lenTypeFixed = 20
	lenTypeLeast = lenTypeFixed + 4 // kResTableTypeMinSize: with the config's size

	typeSparse   = 0x01       // FLAG_SPARSE: entryCount × {u16 idx, u16 offset/4}, sorted
	typeOffset16 = 0x02       // FLAG_OFFSET16: entryCount × u16 offset/4
	noEntry      = 0xffffffff // NO_ENTRY
	noEntry16    = 0xffff

	maxEntries = 0xffff // of a type: std::numeric_limits<uint16_t>::max()

	// struct ResTable_entry: u16 size, u16 flags, u32 key; and where flags say
	// compact: u16 key, u16 flags, u32 data
	lenEntry = 8

	// struct ResTable_map_entry: ResTable_entry, u32 parent, u32 count
	lenMapEntry = 16

	// struct ResTable_map: u32 name, Res_value value
	lenMap = 12

	// struct ResTable_lib_header: u32 count; entries: u32 packageId, char16 packageName[128]
	lenLibrary      = 12
	lenLibraryEntry = 260

	// struct ResTable_overlayable_header: char16 name[256], char16 actor[256]
	lenOverlayable   = 1032
	overlayableUnits = 256

	// struct ResTable_overlayable_policy_header: u32 policy_flags, u32 entry_count;
	// then entry_count × u32 resource id
	lenPolicy = 16

	// struct ResTable_staged_alias_header: u32 count; then count × {u32 stagedResId, u32 finalizedResId}
	lenStagedAlias = 12
)

// Flags of an Entry.
const (
	FlagComplex = 0x0001 // FLAG_COMPLEX: a bag, not a value
	FlagPublic  = 0x0002 // FLAG_PUBLIC
	FlagWeak    = 0x0004 // FLAG_WEAK
	FlagCompact = 0x0008 // FLAG_COMPACT: the entry is its value
)

// Flags of a Resource, beside the CONFIG_* bits that say in which qualifiers
// its values differ.
const (
	SpecPublic = 0x40000000 // SPEC_PUBLIC
	SpecStaged = 0x20000000 // SPEC_STAGED_API
)

// Policies of an Overlayable: PolicyFlags.
const (
	PolicyPublic          = 0x001 // PUBLIC
	PolicySystem          = 0x002 // SYSTEM_PARTITION
	PolicyVendor          = 0x004 // VENDOR_PARTITION
	PolicyProduct         = 0x008 // PRODUCT_PARTITION
	PolicySignature       = 0x010 // SIGNATURE
	PolicyODM             = 0x020 // ODM_PARTITION
	PolicyOEM             = 0x040 // OEM_PARTITION
	PolicyActor           = 0x080 // ACTOR_SIGNATURE
	PolicyConfigSignature = 0x100 // CONFIG_SIGNATURE
)

// Names of the items in the bag of an attribute: ResTable_map.
const (
	AttrType  = 0x01000000 // ATTR_TYPE: which types it takes
	AttrMin   = 0x01000001 // ATTR_MIN
	AttrMax   = 0x01000002 // ATTR_MAX
	AttrL10n  = 0x01000003 // ATTR_L10N
	AttrOther = 0x01000004 // ATTR_OTHER, and the other plurals in this order:
	AttrZero  = 0x01000005 // ATTR_ZERO
	AttrOne   = 0x01000006 // ATTR_ONE
	AttrTwo   = 0x01000007 // ATTR_TWO
	AttrFew   = 0x01000008 // ATTR_FEW
	AttrMany  = 0x01000009 // ATTR_MANY
)

const (
	frameworkID = 0x01 // kFrameworkPackageId
	appID       = 0x7f // kAppPackageId
)

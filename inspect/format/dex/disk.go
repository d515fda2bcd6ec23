package dex

// The layout of a DEX file in the order of the dex-format page, with the page's names.
// All integers are little-endian; offsets count from the start of the file, in
// version 041 from the start of the container.

const (
	magic = "dex\n" // DEX_FILE_MAGIC, first half; three digits and a NUL follow

	endianConstant        = 0x12345678 // ENDIAN_CONSTANT
	reverseEndianConstant = 0x78563412 // REVERSE_ENDIAN_CONSTANT

	// NoIndex marks an index that is absent: NO_INDEX.
	NoIndex = 0xffffffff
)

// header_item: the offset of each field.
const (
	hdrVersion       = 4
	hdrChecksum      = 8  // checksum: adler32 of all that follows
	hdrSignature     = 12 // signature: SHA-1 of all that follows
	hdrFileSize      = 32 // file_size
	hdrHeaderSize    = 36 // header_size
	hdrEndianTag     = 40 // endian_tag
	hdrLink          = 44 // link_size, link_off
	hdrMapOff        = 52 // map_off
	hdrStringIDs     = 56 // string_ids_size, string_ids_off
	hdrTypeIDs       = 64 // type_ids_size, type_ids_off
	hdrProtoIDs      = 72 // proto_ids_size, proto_ids_off
	hdrFieldIDs      = 80 // field_ids_size, field_ids_off
	hdrMethodIDs     = 88 // method_ids_size, method_ids_off
	hdrClassDefs     = 96 // class_defs_size, class_defs_off
	hdrData          = 104
	hdrContainerSize = 112 // container_size, 041 only
	hdrHeaderOffset  = 116 // header_offset, 041 only

	lenHeader    = 0x70
	lenHeaderV41 = 0x78
)

// Sizes of the records that lie in tables.
const (
	lenStringID     = 4
	lenTypeID       = 4
	lenProtoID      = 12
	lenFieldID      = 8
	lenMethodID     = 8
	lenClassDef     = 32
	lenCallSiteID   = 4
	lenMethodHandle = 8
	lenMapItem      = 12
	lenCodeItem     = 16 // up to insns
	lenTryItem      = 8
)

// Types of map_item.
const (
	mapHeaderItem     = 0x0000 // TYPE_HEADER_ITEM
	mapStringIDItem   = 0x0001 // TYPE_STRING_ID_ITEM
	mapTypeIDItem     = 0x0002 // TYPE_TYPE_ID_ITEM
	mapProtoIDItem    = 0x0003 // TYPE_PROTO_ID_ITEM
	mapFieldIDItem    = 0x0004 // TYPE_FIELD_ID_ITEM
	mapMethodIDItem   = 0x0005 // TYPE_METHOD_ID_ITEM
	mapClassDefItem   = 0x0006 // TYPE_CLASS_DEF_ITEM
	mapCallSiteIDItem = 0x0007 // TYPE_CALL_SITE_ID_ITEM
	mapMethodHandle   = 0x0008 // TYPE_METHOD_HANDLE_ITEM
	mapMapList        = 0x1000 // TYPE_MAP_LIST
	mapAnnotationsDir = 0x2006 // TYPE_ANNOTATIONS_DIRECTORY_ITEM, the last of 0x2000…
	mapHiddenAPI      = 0xf000 // TYPE_HIDDENAPI_CLASS_DATA_ITEM
)

// Access flags of classes, fields and methods; kAcc… in ART. Some bits mean one thing
// on a method and another on a field or class.
const (
	AccPublic               = 0x1
	AccPrivate              = 0x2
	AccProtected            = 0x4
	AccStatic               = 0x8
	AccFinal                = 0x10
	AccSynchronized         = 0x20 // method
	AccVolatile             = 0x40 // field
	AccBridge               = 0x40 // method
	AccTransient            = 0x80 // field
	AccVarargs              = 0x80 // method
	AccNative               = 0x100
	AccInterface            = 0x200
	AccAbstract             = 0x400
	AccStrict               = 0x800
	AccSynthetic            = 0x1000
	AccAnnotation           = 0x2000
	AccEnum                 = 0x4000
	AccConstructor          = 0x10000
	AccDeclaredSynchronized = 0x20000
)

// Debug opcodes of debug_info_item.
const (
	dbgEndSequence        = 0x00 // DBG_END_SEQUENCE
	dbgAdvancePC          = 0x01 // DBG_ADVANCE_PC
	dbgAdvanceLine        = 0x02 // DBG_ADVANCE_LINE
	dbgStartLocal         = 0x03 // DBG_START_LOCAL
	dbgStartLocalExtended = 0x04 // DBG_START_LOCAL_EXTENDED
	dbgEndLocal           = 0x05 // DBG_END_LOCAL
	dbgRestartLocal       = 0x06 // DBG_RESTART_LOCAL
	dbgSetPrologueEnd     = 0x07 // DBG_SET_PROLOGUE_END
	dbgSetEpilogueBegin   = 0x08 // DBG_SET_EPILOGUE_BEGIN
	dbgSetFile            = 0x09 // DBG_SET_FILE
	dbgFirstSpecial       = 0x0a // DBG_FIRST_SPECIAL
	dbgLineBase           = -4   // DBG_LINE_BASE
	dbgLineRange          = 15   // DBG_LINE_RANGE
)

// Limits, each with its reason.
const (
	// maxTypes: code and class lists name types and prototypes with 16 bits; kDexNoIndex16 in ART.
	maxTypes = 0xffff
	// maxParams: no invocation passes more registers.
	maxParams = 255
	// maxFiles of one container: ART warns above 100.
	maxFiles = 1000
	// maxShared is how many times its own size a container may have in string data
	// and in code, counted once for each reference: compilers let methods of equal code share it
	// and files of a container share strings, but a file of a megabyte must not
	// become a terabyte of work.
	maxShared = 64
	// maxDepth of values within values. Compilers write three levels; ART recurses as deep as a file says.
	maxDepth = 32
	// maxValues that one array, or the annotations of one class, may hold in all. A class has
	// at most 65536 static fields.
	maxValues = 1 << 18
	// maxHandlers of one code item, and of one handler; ART's bound on both.
	maxHandlers = 1 << 16
	// maxDebugSteps for each code unit, and to begin with: an honest compiler opens
	// and closes a few variables at an instruction.
	maxDebugSteps = 64
)

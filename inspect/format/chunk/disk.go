package chunk

// Types of chunks, in the order of ResourceTypes.h.
const (
	TypeNull       = 0x0000 // RES_NULL_TYPE
	TypeStringPool = 0x0001 // RES_STRING_POOL_TYPE
	TypeTable      = 0x0002 // RES_TABLE_TYPE
	TypeXML        = 0x0003 // RES_XML_TYPE

	TypeXMLFirst          = 0x0100 // RES_XML_FIRST_CHUNK_TYPE
	TypeXMLStartNamespace = 0x0100 // RES_XML_START_NAMESPACE_TYPE
	TypeXMLEndNamespace   = 0x0101 // RES_XML_END_NAMESPACE_TYPE
	TypeXMLStartElement   = 0x0102 // RES_XML_START_ELEMENT_TYPE
	TypeXMLEndElement     = 0x0103 // RES_XML_END_ELEMENT_TYPE
	TypeXMLText           = 0x0104 // RES_XML_CDATA_TYPE
	TypeXMLLast           = 0x017f // RES_XML_LAST_CHUNK_TYPE
	TypeXMLResourceMap    = 0x0180 // RES_XML_RESOURCE_MAP_TYPE

	TypePackage           = 0x0200 // RES_TABLE_PACKAGE_TYPE
	TypeType              = 0x0201 // RES_TABLE_TYPE_TYPE
	TypeTypeSpec          = 0x0202 // RES_TABLE_TYPE_SPEC_TYPE
	TypeLibrary           = 0x0203 // RES_TABLE_LIBRARY_TYPE
	TypeOverlayable       = 0x0204 // RES_TABLE_OVERLAYABLE_TYPE
	TypeOverlayablePolicy = 0x0205 // RES_TABLE_OVERLAYABLE_POLICY_TYPE
	TypeStagedAlias       = 0x0206 // RES_TABLE_STAGED_ALIAS_TYPE
	TypeFlagged           = 0x0207 // RES_TABLE_FLAGGED
	TypeFlagList          = 0x0208 // RES_TABLE_FLAG_LIST
)

// lenHeader is the size of struct ResChunk_header:
//
//	u16 type, u16 headerSize, u32 size
const lenHeader = 8

// LenValue is the size of struct Res_value:
//
//	u16 size, u8 res0, u8 dataType, u32 data
const LenValue = 8

// The string pool. struct ResStringPool_header after the chunk's own:
//
//	u32 stringCount, u32 styleCount, u32 flags, u32 stringsStart, u32 stylesStart
const (
	lenPoolHeader = 28
	flagUTF8      = 1 << 8     // UTF8_FLAG
	lenSpan       = 12         // struct ResStringPool_span: u32 name, u32 firstChar, u32 lastChar
	spanEnd       = 0xffffffff // ResStringPool_span::END
)

// A Type says how the data of a Value is meant: Res_value::dataType.
type Type uint8

// The types of values.
const (
	Null             Type = 0x00 // TYPE_NULL: data 0 undefined, 1 empty
	Reference        Type = 0x01 // TYPE_REFERENCE
	Attribute        Type = 0x02 // TYPE_ATTRIBUTE
	String           Type = 0x03 // TYPE_STRING
	Float            Type = 0x04 // TYPE_FLOAT
	Dimension        Type = 0x05 // TYPE_DIMENSION
	Fraction         Type = 0x06 // TYPE_FRACTION
	DynamicReference Type = 0x07 // TYPE_DYNAMIC_REFERENCE
	DynamicAttribute Type = 0x08 // TYPE_DYNAMIC_ATTRIBUTE
	Dec              Type = 0x10 // TYPE_INT_DEC
	Hex              Type = 0x11 // TYPE_INT_HEX
	Bool             Type = 0x12 // TYPE_INT_BOOLEAN
	ColorARGB8       Type = 0x1c // TYPE_INT_COLOR_ARGB8
	ColorRGB8        Type = 0x1d // TYPE_INT_COLOR_RGB8
	ColorARGB4       Type = 0x1e // TYPE_INT_COLOR_ARGB4
	ColorRGB4        Type = 0x1f // TYPE_INT_COLOR_RGB4
	firstInt         Type = 0x10 // TYPE_FIRST_INT
	lastInt          Type = 0x1f // TYPE_LAST_INT
)

// The parts of the data of a dimension or a fraction.
const (
	unitMask      = 0xf      // COMPLEX_UNIT_MASK
	radixShift    = 4        // COMPLEX_RADIX_SHIFT
	radixMask     = 0x3      // COMPLEX_RADIX_MASK
	mantissaShift = 8        // COMPLEX_MANTISSA_SHIFT
	mantissaMask  = 0xffffff // COMPLEX_MANTISSA_MASK
)

package axml

// The chunks of an XML file, after struct ResXMLTree_header, which is a chunk
// header alone. All integers are little-endian; a reference to a string is the
// u32 number of a string in the pool, 0xffffffff for none.
const (
	// struct ResXMLTree_header, and the header of the resource map
	lenHeader = 8

	// struct ResStringPool_header
	lenPool = 28

	// struct ResXMLTree_node: chunk header, u32 lineNumber, ref comment
	lenNode = 16

	// struct ResXMLTree_cdataExt: ref data, Res_value typedData
	lenText = 12

	// struct ResXMLTree_namespaceExt: ref prefix, ref uri
	lenNamespace = 8

	// struct ResXMLTree_endElementExt: ref ns, ref name
	lenEndElement = 8

	// struct ResXMLTree_attrExt: ref ns, ref name, u16 attributeStart, u16
	// attributeSize, u16 attributeCount, u16 idIndex, u16 classIndex, u16 styleIndex
	lenStartElement = 20

	// struct ResXMLTree_attribute: ref ns, ref name, ref rawValue, Res_value typedValue
	lenAttribute = 20
)

const noString = 0xffffffff

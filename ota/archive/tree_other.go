//go:build !unix

package archive

// openFlags are none where nothing that Open accepts can block.
const openFlags = 0

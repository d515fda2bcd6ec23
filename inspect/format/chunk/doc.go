// Package chunk reads what Android's two binary resource formats have in
// common: chunks, the string pool, and typed values. Packages axml and arsc
// stand on it.
//
// It reads as the platform does (frameworks/base/libs/androidfw,
// ResourceTypes.cpp and Chunk.h), because what the platform reads is what runs:
// where a file is odd and the platform reads it all the same, so does this
// package; where the platform refuses it, so does this package.
package chunk

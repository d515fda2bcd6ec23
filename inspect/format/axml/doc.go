// Package axml reads Android's binary XML: manifests, layouts, preference
// screens.
//
// It reads as the platform does (ResXMLTree and ResXMLParser in
// frameworks/base/libs/androidfw/ResourceTypes.cpp), since files are bent on
// purpose so that tools stumble and devices do not. So these are read, and
// File.Notes says that they were met: a root chunk of another type than XML (to
// Android 15), chunks of unknown types between the nodes, wrong sizes of headers
// and attributes as long as all lies inside, bytes after the root chunk, string
// numbers that lead nowhere (the string is missing, not the file broken),
// elements that are never closed. What the platform refuses is an error.
//
// An attribute is told by its ResourceID where it has one: the platform does not
// look at the name then, and hostile files have names that are empty or lie.
//
// Limits: 16 MiB of file, elements 512 deep, 2^16 attributes that share bytes, and
// strings that share bytes up to four times the size of their pool.
//
// Names and texts are the file's own, and can hold anything: parse.EscapeText
// makes them printable.
package axml

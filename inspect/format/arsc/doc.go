// Package arsc reads compiled resource tables: resources.arsc.
//
// It reads as the platform does (LoadedArsc.cpp and AssetManager2.cpp in
// frameworks/base/libs/androidfw, Android 9 to 16): what it refuses is refused,
// what it passes over is passed over, and Table.Notes says so. Every
// configuration of every resource is kept; Resolve chooses among them in the
// platform's order of preference.
//
// Opening reads the chunks' headers and no entry. Entries are judged when they
// are asked for, each on its own, as on the device: one that is broken does not
// spoil the table.
//
// Two things are left out. A bag is given as it is stored: what a style inherits
// from its Parent is not merged into it, and a circle of parents is no matter here.
// Booleans, numbers, strings and arrays inherit nothing. And values under a feature flag
// (Android 16) count only where a build sets the flag, which no table tells: they are
// not read, and Notes says that there are some.
//
// Limits: 256 MiB of table, 256 packages, 2^18 pairs of type and configuration,
// 2^16 items in a bag, 20 references in a row, and strings or bags that share
// bytes up to four times, or twice, what those bytes can hold. The table stays in memory; what Open
// adds to it are some hundred bytes for each configuration of each type.
//
// Names, strings and the letters of locales are the file's own, and can hold
// anything: parse.EscapeText makes them printable.
package arsc

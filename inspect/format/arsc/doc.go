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
// Names, strings and the letters of locales are the file's own, and can hold
// anything: parse.EscapeText makes them printable.
package arsc

// Package apk reads what apps declare: manifest, components, permissions, network
// security config, and where their code is.
//
// It reads as the platform's own package parser does, whose answers are what
// holds on a device: PackageParser.java (Android 1.0 to 10) and
// ParsingPackageUtils.java with Parsed…Utils.java (11 to 16) in
// frameworks/base/core, on top of what TypedArray and ResourceTypes make of an
// attribute. Where releases differ, the newer is followed and App.Notes says
// what the older did. What the parser passes over is passed over; what would
// make it refuse the whole app is noted and read on, because an app that a
// reader loses is worse than one that a device does.
//
// # Values
//
// Attributes are found by resource id, and only where they stand in the order of
// the ids, because the platform walks both lists once. A value that refers to a
// resource is looked up in the app's own table, for a device of which nothing is
// known but that it is recent. Where the resource has other values in other
// configurations, each is a fact.Default. Resources of the framework are not
// there to be looked up: App.Notes names each that would have mattered.
package apk

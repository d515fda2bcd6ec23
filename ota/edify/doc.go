// Package edify reads edify, the language of META-INF/com/google/android/updater-script
// in recovery updates from 2009 to today, and tells what a device would have
// installed after running such a script. It executes nothing.
//
// [Parse] follows the grammar of AOSP's bootable/recovery (edify/lexer.ll and
// parser.yy) and is milder where a device that was built with another updater may
// be: see its comment. [Script.Plan] walks the tree in the order of evaluation,
// keeps a model of the device's files, and answers which member of the package, or
// which patched older file, ends at which path, which members are written to which
// partition, what is deleted, and what could not be followed.
//
// A script is a program, so two rules keep the answer honest. What a condition
// decides stays in the answer together with the text of that condition. What the
// script does that cannot be known from its text (it runs a program, calls a
// function of the vendor, computes a path from a property) is listed as Unfollowed.
package edify

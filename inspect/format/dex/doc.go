// Package dex reads DEX files, versions 035 to 041, among them the containers of
// version 041 that hold several.
//
// Open checks the header, the map and the id tables, so that every index that an id
// holds is one of its table. All else (strings, class data, code, debug information,
// values, annotations) is decoded when it is asked for, and errors there are that
// item's own: a class that cannot be read leaves its neighbours readable. Things are
// named by their index; text is made only on demand, and is the file's: escaping it
// is the caller's business.
//
// What ART refuses as a whole (its dex file verifier) is refused here, as far as this
// package looks; what it reads is read. Where releases differ, the file is read
// and Notes says so. Neither checksum nor signature is asked for: build tools that
// add hidden API data refresh only the first, and ART looks at the second never.
//
// Limits: 1000 files in a container, strings and code that are shared up to 64 times the
// size of the file, values 32 deep and 2^18 of them in an array or in a class's annotations,
// 2^16 handlers, and 64 steps of debug information for each unit of code.
//
// A File is safe for concurrent use. It shares memory with the bytes it was opened on.
//
// To walk all code:
//
//	var data dex.ClassData
//	for i := range f.ClassDefs.Len {
//		def, _ := f.Class(i)
//		if err := f.ClassData(def, &data); err != nil { … }
//		for _, m := range data.Methods() {
//			code, err := f.Code(m) // nil: abstract or native
//			…
//			for d := code.Decoder(); d.Next(); {
//				use(&d.Insn)
//			}
//		}
//	}
package dex

// Package inspect turns the files of an update into facts. It is the only walker
// of partitions, and the only one who descends into what files hold.
//
// # How a run goes
//
// The caller names the kinds of facts that its rules need. Run follows the needs
// of analyses back to the extractors, so that nothing runs that nobody asked for.
// It visits every member of the package that is not installed, and every file of
// each partition; what ota.Inside opens is walked like a folder, and the Location
// grows by one member. Extractors see one file at a time, several at once;
// analyses see the package and what was found before, one after the other.
//
// An error of one file becomes a gap, with the kinds of facts that it may hide.
// A panic is a defect: the run ends and gives nothing. Results are joined in the
// order of the walk and sorted, so the number of workers never shows.
//
// # Facts, not opinions
//
// Package fact is the contract: what an extractor emits says what is and where it
// can be read again (Open), never whether it is good. There is no severity here,
// no list of what is allowed, and no vendor.
//
// # Rooms
//
//	fact          the contract: records, locations, gaps, and their JSON
//	format/…      readers of what apps are made of (chunk, axml, arsc, dex); they know
//	              nobody here
//	extract/…     one file in, facts out
//	analyze/…     the package and earlier facts in, facts out
//	suite         the list of both, and nothing else
//
// # To add
//
// An extractor or an analysis: a value in its own folder below extract or analyze,
// and one line in suite. A kind of facts: see package fact.
package inspect

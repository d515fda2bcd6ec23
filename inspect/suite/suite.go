// Package suite lists every extractor and analysis, and does nothing else.
package suite

import (
	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/analyze/defaults"
	"github.com/otavet/otavet/inspect/analyze/signatures"
	"github.com/otavet/otavet/inspect/analyze/update"
	"github.com/otavet/otavet/inspect/extract/apex"
	"github.com/otavet/otavet/inspect/extract/apk"
	"github.com/otavet/otavet/inspect/extract/certificates"
	"github.com/otavet/otavet/inspect/extract/metadata"
	"github.com/otavet/otavet/inspect/extract/props"
	"github.com/otavet/otavet/inspect/extract/reads"
	"github.com/otavet/otavet/inspect/extract/screens"
)

// All is the suite, in alphabetical order. A test walks the folders and fails
// when one is missing here.
func All() inspect.Suite {
	return inspect.Suite{
		Extractors: []*inspect.Extractor{
			apex.Extractor,
			apk.Extractor,
			certificates.Extractor,
			metadata.Extractor,
			props.Extractor,
			reads.Extractor,
			screens.Extractor,
		},
		Analyses: []*inspect.Analysis{
			defaults.Analysis,
			signatures.Analysis,
			update.Analysis,
		},
	}
}

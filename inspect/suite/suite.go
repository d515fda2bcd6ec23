// Package suite lists every extractor and analysis, and does nothing else.
package suite

import (
	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/analyze/signatures"
	"github.com/otavet/otavet/inspect/analyze/update"
	"github.com/otavet/otavet/inspect/extract/certificates"
	"github.com/otavet/otavet/inspect/extract/metadata"
)

// All is the suite, in alphabetical order. A test walks the folders and fails
// when one is missing here.
func All() inspect.Suite {
	return inspect.Suite{
		Extractors: []*inspect.Extractor{
			certificates.Extractor,
			metadata.Extractor,
		},
		Analyses: []*inspect.Analysis{
			signatures.Analysis,
			update.Analysis,
		},
	}
}

package report

import _ "embed"

//go:embed report-v0.schema.json
var schema []byte

// JSONSchema is the published JSON Schema of the JSON form of a report.
func JSONSchema() []byte { return append([]byte(nil), schema...) }

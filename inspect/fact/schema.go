package fact

import _ "embed"

//go:embed facts-v0.schema.json
var schema []byte

// JSONSchema is the published JSON Schema of the JSON form of Facts.
func JSONSchema() []byte { return append([]byte(nil), schema...) }

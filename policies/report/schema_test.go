package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

var updateFiles = flag.Bool("update", false, "write the schema and the golden files anew")

// schemaOf follows from the Go types, as that of the facts does: names from the
// tags, pointers may be null, nothing else is allowed.
func schemaOf(typ reflect.Type, defs map[string]any) any {
	enum := func(values ...any) any { return map[string]any{"enum": values} }
	switch typ {
	case reflect.TypeFor[nothing]():
		return false // no value at all
	case reflect.TypeFor[policies.Status]():
		return enum(policies.StatusPass, policies.StatusFail, policies.StatusUnknown, policies.StatusNA, policies.StatusWaived)
	case reflect.TypeFor[policies.Severity]():
		var all []any
		for _, s := range policies.Severities() {
			all = append(all, s)
		}
		return enum(all...)
	case reflect.TypeFor[policies.Level]():
		return enum(policies.LevelRequired, policies.LevelAdvisory)
	case reflect.TypeFor[policies.OnUnknown]():
		return enum(policies.UnknownFails, policies.UnknownWarns)
	case reflect.TypeFor[policies.Stage]():
		return enum(policies.StageBuild, policies.StageSigned, policies.StageReleased)
	case reflect.TypeFor[fact.Cause]():
		return enum(fact.CauseFormat, fact.CauseUnsupported, fact.CauseLimit, fact.CauseMissing, fact.CauseUndecided)
	case reflect.TypeFor[fact.Kind]():
		var all []any
		for _, k := range append(fact.All(), fact.Later()...) {
			if !slices.Contains(all, any(k)) {
				all = append(all, k)
			}
		}
		return enum(all...)
	}
	switch typ.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{schemaOf(typ.Elem(), defs), map[string]any{"type": "null"}}}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(typ.Elem(), defs)}
	case reflect.Struct:
		// A subject of a judgement and what it is about have one name in Go.
		name := strings.ToLower(typ.Name())
		if typ == reflect.TypeFor[subject]() {
			name = "judgement"
		}
		if _, ok := defs[name]; !ok {
			defs[name] = nil // ends recursion
			defs[name] = object(typ, defs)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	}
	panic(typ.String())
}

func object(typ reflect.Type, defs map[string]any) map[string]any {
	props, required := map[string]any{}, []string{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		name, opt, _ := strings.Cut(f.Tag.Get("json"), ",")
		ft := f.Type
		if opt == "omitempty" && ft.Kind() == reflect.Pointer {
			ft = ft.Elem() // absent, never null
		}
		props[name] = schemaOf(ft, defs)
		if opt != "omitempty" {
			required = append(required, name)
		}
	}
	if typ == reflect.TypeFor[fact.Location]() {
		props["text"] = map[string]any{"type": "string", "description": "the text form; it follows from the other fields"}
		required = append(required, "text")
	}
	return map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
}

// wanted is the schema that the types make.
func wanted(t *testing.T) []byte {
	t.Helper()
	defs := map[string]any{}
	root := object(reflect.TypeFor[model](), defs)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://github.com/otavet/otavet/policies/report/report-v0.schema.json"
	root["title"] = "Report on an update, " + Schema
	root["$defs"] = defs
	props := root["properties"].(map[string]any)
	props["schema"] = map[string]any{"const": Schema}
	props["judged_from"] = map[string]any{"enum": []string{FromUpdate, FromFacts}}
	props["exit"] = map[string]any{"enum": []int{policies.ExitPass, policies.ExitFail, policies.ExitUnknown}}
	props["outcome"] = map[string]any{"enum": []policies.Status{policies.StatusPass, policies.StatusFail, policies.StatusUnknown}}
	want, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(want, '\n')
}

func TestSchema(t *testing.T) {
	want := wanted(t)
	if *updateFiles {
		if err := os.WriteFile("report-v0.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(JSONSchema(), want) {
		t.Error("report-v0.schema.json does not say what the types say: go test ./policies/report -update")
	}
}

// compiled is the published schema, ready to validate.
func compiled(t *testing.T) func([]byte) error {
	t.Helper()
	published := JSONSchema()
	if *updateFiles {
		published = wanted(t)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}
}

package fact_test

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
)

var update = flag.Bool("update", false, "write the schema file anew")

// The schema follows from the Go types: names from the tags, omitempty fields are
// optional, pointers may be null, nothing else is allowed.
func schemaOf(typ reflect.Type, defs map[string]any) any {
	switch typ {
	case reflect.TypeFor[fact.Cause]():
		return enum(string(fact.CauseFormat), string(fact.CauseUnsupported), string(fact.CauseLimit), string(fact.CauseMissing), string(fact.CauseUndecided))
	case reflect.TypeFor[fact.Kind]():
		var all []string
		for _, k := range append(fact.All(), fact.Later()...) {
			if !slices.Contains(all, string(k)) {
				all = append(all, string(k))
			}
		}
		return enum(all...)
	}
	switch typ.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{schemaOf(typ.Elem(), defs), map[string]any{"type": "null"}}}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(typ.Elem(), defs)}
	case reflect.Struct:
		name := strings.ToLower(typ.Name())
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
		name, opt, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		ft := typ.Field(i).Type
		if opt == "omitempty" && ft.Kind() == reflect.Pointer {
			ft = ft.Elem() // absent, never null
		}
		props[name] = schemaOf(ft, defs)
		if opt != "omitempty" {
			required = append(required, name)
		}
	}
	if typ == reflect.TypeFor[fact.Location]() {
		props["text"] = map[string]any{"type": "string", "description": "the text form, for readers; it follows from the other fields"}
		required = append(required, "text")
	}
	return map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
}

func enum(values ...string) any { return map[string]any{"enum": values} }

func TestSchema(t *testing.T) {
	defs := map[string]any{}
	root := object(reflect.TypeFor[fact.Facts](), defs)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://github.com/otavet/otavet/inspect/fact/facts-v0.schema.json"
	root["title"] = "Facts of an update, " + fact.Schema
	root["properties"].(map[string]any)["schema"] = map[string]any{"const": fact.Schema}
	root["$defs"] = defs
	want, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("facts-v0.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(fact.JSONSchema(), want) {
		t.Error("facts-v0.schema.json does not say what the types say: go test ./inspect/fact -update")
	}
}

func TestSchemaHolds(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(fact.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("facts.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	f := filled()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(v)
	}
	if err := validate(text); err != nil {
		t.Error(err)
	}
	// One empty record of each kind: what is absent is [] or left out, never null,
	// unless the schema says that null means something.
	var none fact.Facts
	none.Schema = fact.Schema
	v := reflect.ValueOf(&none).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct {
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		}
	}
	none.Gaps[0].Cause = fact.CauseLimit
	none.Sort()
	text, err = json.Marshal(none)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(text); err != nil {
		t.Error(err)
	}
	if validate(bytes.Replace(text, []byte(`"tool"`), []byte(`"tooth"`), 1)) == nil {
		t.Error("the schema takes a field that does not exist")
	}
}

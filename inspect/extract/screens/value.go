package screens

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// A reading is what a value is asked for as.
type reading int

const (
	asItIs reading = iota
	asBoolean
	asInteger
	asString
	asSet
)

// A layer is a value in one configuration.
type layer struct {
	value    *string // nil: note says why
	note     string
	typ      string
	resource string // type/name that it stands in; "" where it stands in the file
	config   string
}

const (
	// maxLayers bounds the values of one resource: Android has some hundred locales.
	maxLayers = 4096
	// maxReferences in a row, as the platform has it.
	maxReferences = 20
	// maxWork bounds the values that are looked at for one app. References that fan out are few: the largest
	// real apps take some thousand.
	maxWork = 1 << 22
)

func text(c arsc.Config) string { return parse.EscapeText(c.String()) }

// values are those of an attribute on a screen that is meant for config: one, or those of
// the resource that it refers to.
func (a *app) values(v chunk.Value, as reading, config arsc.Config) []layer {
	if !v.IsReference() {
		l := spell(v, as)
		l.config = text(config)
		return []layer{l}
	}
	return a.follow(nil, v.Data, as, config, 0)
}

// follow adds the values of a resource, as they are where under holds.
func (a *app) follow(layers []layer, id uint32, as reading, under arsc.Config, depth int) []layer {
	r, ok := a.table.Resource(id)
	name := parse.EscapeText(r.Type + "/" + r.Name)
	if !ok || depth > maxReferences {
		note := fmt.Sprintf("it refers to 0x%08x, which is not in the table", id)
		if ok {
			note = "more references in a row than the platform follows"
		}
		return append(layers, layer{note: note, config: text(under)})
	}
	for e, err := range a.table.Values(id) {
		if a.work--; a.work < 0 {
			if a.work == -1 {
				a.gap(a.at(tableName), &parse.Error{Format: "arsc", Off: -1, Msg: "more references than are followed", Got: maxWork, Kind: parse.ErrLimit})
			}
			return layers
		}
		config := under
		if e.Config != nil {
			if config, ok = under.And(*e.Config); !ok {
				continue // no device is both
			}
		}
		if len(layers) >= maxLayers {
			a.gap(a.at(tableName), &parse.Error{Format: "arsc", Off: -1, Msg: "more values of " + name + " than are kept", Got: maxLayers, Kind: parse.ErrLimit})
			return layers
		}
		var l layer
		switch {
		case err != nil:
			a.gap(a.at(tableName), fmt.Errorf("%s: %s: %w", tableName, name, err))
			l.note = "the value could not be read"
		case e.Bag():
			l = a.array(e, r.Type)
		case e.Value.IsReference():
			layers = a.follow(layers, e.Value.Data, as, config, depth+1)
			continue
		default:
			l = spell(e.Value, as)
		}
		l.resource, l.config = name, text(config)
		layers = append(layers, l)
	}
	return layers
}

// array spells an array's strings as a JSON array.
func (a *app) array(e arsc.Entry, typ string) layer {
	if typ != "array" {
		return layer{note: "the resource is no single value"}
	}
	list := make([]string, 0, len(e.Items))
	for _, item := range e.Items {
		s, note := a.single(item.Value)
		if s == nil {
			return layer{note: "an item: " + note, typ: "set"}
		}
		list = append(list, *s)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil { // strings do not fail
		return layer{note: err.Error(), typ: "set"}
	}
	value := strings.TrimSuffix(b.String(), "\n")
	return layer{value: &value, typ: "set"}
}

const noteNull = "null"

// single is a text that is the same in every configuration; where there is none, the note says why.
func (a *app) single(v chunk.Value) (s *string, note string) {
	layers := a.values(v, asString, arsc.Config{})
	for _, l := range layers {
		switch {
		case l.value == nil:
			return nil, l.note
		case *l.value != *layers[0].value:
			return nil, l.resource + " has no one value"
		}
	}
	if len(layers) == 0 {
		return nil, "it has no value"
	}
	return layers[0].value, ""
}

// spell is what the platform makes of a value that is asked for as something: TypedArray's
// getBoolean, getInt and getString, or what PreferenceScreen's classes make of it.
func spell(v chunk.Value, as reading) layer {
	give := func(s, typ string) layer {
		s = parse.EscapeText(s)
		return layer{value: &s, typ: typ}
	}
	i, isInt := v.Int()
	switch {
	case v.Type == chunk.Attribute || v.Type == chunk.DynamicAttribute:
		return layer{note: "the theme decides: " + v.Text()}
	case v.Type == chunk.Null, v.Type == chunk.Reference, v.Type == chunk.DynamicReference: // @null
		return layer{note: noteNull}
	case as == asBoolean && isInt:
		return give(strconv.FormatBool(i != 0), "boolean")
	case as == asBoolean && v.Type == chunk.String: // XmlUtils.convertValueToBoolean
		return give(strconv.FormatBool(v.String == "1" || v.String == "true" || v.String == "TRUE"), "boolean")
	case as == asInteger && isInt:
		return give(strconv.FormatInt(int64(i), 10), "int")
	case as == asString && (isInt || v.Type == chunk.String || v.Type == chunk.Float):
		return give(v.Text(), "string")
	case as != asItIs:
		return layer{note: "the value is of another type: " + parse.EscapeText(v.Text())}
	case v.Type == chunk.Bool:
		return give(strconv.FormatBool(i != 0), "boolean")
	case isInt:
		return give(strconv.FormatInt(int64(i), 10), "int")
	case v.Type == chunk.Float:
		return give(v.Text(), "float")
	case v.Type == chunk.String:
		return give(v.String, "string")
	}
	return give(v.Text(), "")
}

package reads

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A table is the app's resources.
type table struct {
	open opener // nil where there is no app
	fsys fs.FS

	table *arsc.Table
	why   string // there is none
	at    fact.Location
	told  map[uint32]bool    // resources whose values are facts
	known map[lookup][]layer // what was looked up
	work  int                // values that were looked at
}

type lookup struct {
	id uint32
	as resourceType
}

// A layer is a resource's value in one configuration.
type layer struct {
	value    *string // nil: note says why
	note     string
	resource string // type/name, where references end
	config   string
	off      int64 // of the entry in the table
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

// load opens the table, if the app has one. Nothing else is lost where it cannot be read.
func (t *table) load(ctx context.Context, c *container) error {
	t.told, t.known, t.why = map[uint32]bool{}, map[lookup][]layer{}, "there is no resource table"
	if t.open == nil {
		return nil
	}
	if _, err := fs.Stat(t.fsys, tableName); err != nil {
		return nil
	}
	c.open = t.open
	err := c.with(ctx, tableName, func(b blob.Blob, at fact.Location) (err error) {
		t.at = at
		t.table, err = arsc.Open(blob.WithContext(ctx, b), c.file.Budget)
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		t.table, t.why = nil, "the resource table could not be read"
		c.gap(c.file.At, fmt.Errorf("%s: %w", tableName, err))
	}
	return nil
}

// name is "bool/sync".
func (t *table) name(id uint32) (string, bool) {
	if t.table == nil {
		return "", false
	}
	r, ok := t.table.Resource(id)
	return parse.EscapeText(r.Type + "/" + r.Name), ok
}

// values are those of a resource in all configurations, with references followed. Where there
// are none, the note says why.
func (t *table) values(c *container, id uint32, as resourceType) (layers []layer, note string) {
	name, ok := t.name(id)
	if !ok {
		if t.table == nil {
			return nil, fmt.Sprintf("resource 0x%08x: %s", id, t.why)
		}
		return nil, fmt.Sprintf("resource 0x%08x is not in the table", id)
	}
	layers, ok = t.known[lookup{id, as}]
	if !ok {
		layers = t.follow(c, nil, id, as, arsc.Config{}, 0)
		t.known[lookup{id, as}] = layers
	}
	if len(layers) == 0 {
		return nil, name + " has no value"
	}
	return layers, ""
}

// follow adds the values of a resource, as they are where under holds.
func (t *table) follow(c *container, layers []layer, id uint32, as resourceType, under arsc.Config, depth int) []layer {
	name, _ := t.name(id)
	for e, err := range t.table.Values(id) {
		if t.work++; t.work > maxWork {
			if t.work == maxWork+1 {
				c.gap(t.at, &parse.Error{Format: "arsc", Off: -1, Msg: "more references than are followed", Got: maxWork, Kind: parse.ErrLimit})
			}
			return layers
		}
		config := under
		if e.Config != nil {
			var ok bool
			if config, ok = under.And(*e.Config); !ok {
				continue // no device is both
			}
		}
		l := layer{resource: name, config: parse.EscapeText(config.String()), off: e.Offset}
		switch {
		case len(layers) >= maxLayers:
			c.gap(t.at, &parse.Error{Format: "arsc", Off: -1, Msg: "more values of " + name + " than are kept", Got: maxLayers, Kind: parse.ErrLimit})
			return layers
		case err != nil:
			c.gap(t.at, fmt.Errorf("%s: %w", name, err))
			l.note = "the value could not be read"
		case e.Bag():
			l.note = "the resource is no single value"
		case e.Value.IsReference():
			if _, ok := t.table.Resource(e.Value.Data); !ok {
				l.note = fmt.Sprintf("it refers to 0x%08x, which is not in the table", e.Value.Data)
				break
			}
			if depth == maxReferences {
				l.note = "more references in a row than the platform follows"
				break
			}
			layers = t.follow(c, layers, e.Value.Data, as, config, depth+1)
			continue
		default:
			s, ok := spell(e.Value, as)
			if ok {
				s = parse.EscapeText(s)
				l.value = &s
			} else {
				l.note = "the value is of another type"
			}
		}
		layers = append(layers, l)
	}
	return layers
}

// spell is what the platform makes of a value that is read as a type.
func spell(v arsc.Value, as resourceType) (string, bool) {
	switch as {
	case asBoolean:
		b, ok := v.Bool()
		return strconv.FormatBool(b), ok
	case asInteger:
		i, ok := v.Int()
		return strconv.FormatInt(int64(i), 10), ok
	}
	if _, isInt := v.Int(); isInt || v.Type == chunk.String {
		return v.Text(), true
	}
	return "", false
}

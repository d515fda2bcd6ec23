package reads

import "github.com/otavet/otavet/inspect/format/dex"

// A class is where a container defines one.
type class struct {
	file *file
	def  dex.ClassDef
}

// class finds a class by its descriptor. Where two files define it, the first is loaded.
func (c *container) class(name string) (class, bool) {
	if c.classes == nil {
		c.classes = map[string]class{}
		for _, f := range c.files {
			for i := range f.ClassDefs.Len {
				def, err := f.Class(i)
				if err != nil {
					continue
				}
				name := f.typeName(def.Type)
				if _, ok := c.classes[name]; !ok {
					c.classes[name] = class{f, def}
				}
			}
		}
	}
	found, ok := c.classes[name]
	return found, ok
}

// parent is what a class of the container extends; "" for others.
func (c *container) parent(name string) string {
	if k, ok := c.class(name); ok && k.def.Super != dex.NoIndex {
		return k.file.typeName(k.def.Super)
	}
	return ""
}

// static is the value of a static field, where it is final, and no code of its class writes it but
// by the values that the class starts with. Code of other classes may not.
func (c *container) static(f *file, index uint32) value {
	if v, ok := f.statics[index]; ok {
		return v
	}
	id, err := f.Field(index)
	if err != nil {
		return value{}
	}
	k, ok := c.class(f.typeName(id.Class))
	if !ok {
		f.statics[index] = value{}
		return value{}
	}
	c.readStatics(k)
	v := value{} // of a field that the class inherits
	if k.file == f {
		v = f.statics[index]
	} else if i, ok := k.file.fields[f.field(index)]; ok {
		v = c.carry(k.file, k.file.statics[i])
	}
	f.statics[index] = v
	return v
}

// readStatics puts the constants of a class into its file's statics, once.
func (c *container) readStatics(k class) {
	f := k.file
	if f.listed[k.def.Type] {
		return
	}
	f.listed[k.def.Type] = true
	var data dex.ClassData
	if f.broken[k.def.Type] || f.ClassData(k.def, &data) != nil {
		return
	}
	values, err := f.StaticValues(k.def)
	if err != nil {
		return
	}
	for i, x := range data.StaticFields {
		v := value{}
		if id, err := f.Field(x.Field); err == nil && x.Flags&dex.AccFinal != 0 && !f.written[id] {
			switch {
			case i < len(values):
				v = encoded(values[i])
			case wideType(f.typeName(id.Type)):
				v = value{kind: wide}
			default:
				v = value{kind: number}
			}
		}
		f.statics[x.Field] = v
		if k := f.field(x.Field); k.class != "" && k.name != "" && k.typ != "" {
			f.fields[k] = x.Field
		}
	}
}

func wideType(name string) bool { return name == "J" || name == "D" }

// carry makes a constant of one file one of the container.
func (c *container) carry(f *file, v value) value {
	if v.kind == text {
		return value{kind: foreign, n: f.index<<32 | v.n}
	}
	return v
}

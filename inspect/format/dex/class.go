package dex

import "github.com/otavet/otavet/ota/parse"

// A ClassDef is one class of the file: indices of types and of a string, NoIndex
// where there is none.
type ClassDef struct {
	Type, Flags, Super, SourceFile uint32

	interfaces, annotations, classData, staticValues uint32 // offsets; zero: none
}

// Class gives the class_def of index i. Its indices, but for NoIndex, are those of the file's types and strings.
func (f *File) Class(i uint32) (ClassDef, error) {
	if i >= f.ClassDefs.Len {
		return ClassDef{}, noSuch("class", i)
	}
	at := int(f.ClassDefs.Off + i*lenClassDef)
	c := ClassDef{
		Type: f.u32(at), Flags: f.u32(at + 4), Super: f.u32(at + 8), interfaces: f.u32(at + 12),
		SourceFile: f.u32(at + 16), annotations: f.u32(at + 20), classData: f.u32(at + 24), staticValues: f.u32(at + 28),
	}
	switch {
	case c.Type >= f.TypeIDs.Len:
		return ClassDef{}, fail(at, parse.ErrFormat, "a class has no type", c.Type)
	case c.Super >= f.TypeIDs.Len && c.Super != NoIndex:
		return ClassDef{}, fail(at+8, parse.ErrFormat, "a class extends no type", c.Super)
	case c.SourceFile >= f.StringIDs.Len && c.SourceFile != NoIndex:
		return ClassDef{}, fail(at+16, parse.ErrFormat, "a source file is no string", c.SourceFile)
	}
	return c, nil
}

// Interfaces gives the types that c says it implements.
func (f *File) Interfaces(c ClassDef) ([]uint32, error) { return f.typeList(c.interfaces, maxTypes) }

// An EncodedField is a field that a class declares.
type EncodedField struct{ Field, Flags uint32 }

// An EncodedMethod is a method that a class declares. Code is the offset of its
// code in the file, or zero.
type EncodedMethod struct{ Method, Flags, Code uint32 }

// ClassData are the members that a class declares, each list in the order of the ids.
type ClassData struct {
	StaticFields, InstanceFields  []EncodedField
	DirectMethods, VirtualMethods []EncodedMethod
	methods                       []EncodedMethod
}

// Methods are the direct methods, then the virtual ones.
func (d *ClassData) Methods() []EncodedMethod { return d.methods }

// ClassData reads the members of c into d, whose memory it uses again.
func (f *File) ClassData(c ClassDef, d *ClassData) error {
	*d = ClassData{StaticFields: d.StaticFields[:0], InstanceFields: d.InstanceFields[:0], methods: d.methods[:0]}
	if c.classData == 0 {
		return nil
	}
	start := int(c.classData)
	l := lebs{f.b, start}
	static, instance, direct, virtual := l.uleb(), l.uleb(), l.uleb(), l.uleb()
	if l.off < 0 {
		return fail(start, parse.ErrFormat, "class data run past the end of the file", nil)
	}
	// A field takes two bytes, a method three.
	if need := 2*(uint64(static)+uint64(instance)) + 3*(uint64(direct)+uint64(virtual)); need > uint64(l.left()) {
		return fail(start, parse.ErrFormat, "a class has more members than fit into the file", need)
	}
	var err error
	if d.StaticFields, err = f.fields(&l, d.StaticFields, static, c.Type); err != nil {
		return err
	}
	if d.InstanceFields, err = f.fields(&l, d.InstanceFields, instance, c.Type); err != nil {
		return err
	}
	if d.methods, err = f.methods(&l, d.methods, direct, c.Type); err != nil {
		return err
	}
	if d.methods, err = f.methods(&l, d.methods, virtual, c.Type); err != nil {
		return err
	}
	d.DirectMethods, d.VirtualMethods = d.methods[:direct:direct], d.methods[direct:]
	return nil
}

func (f *File) fields(l *lebs, to []EncodedField, n, class uint32) ([]EncodedField, error) {
	var last uint64
	for i := range n {
		at := l.off
		diff := l.uleb()
		x := EncodedField{Flags: l.uleb()}
		if l.off < 0 {
			return nil, fail(at, parse.ErrFormat, "class data run past the end of the file", nil)
		}
		last += uint64(diff)
		if err := member(at, i, diff, last, f.FieldIDs.Len); err != nil {
			return nil, err
		}
		x.Field = uint32(last)
		if got := f.field(x.Field).Class; got != class {
			return nil, fail(at, parse.ErrFormat, "a class declares another class's field", x.Field)
		}
		to = append(to, x)
	}
	return to, nil
}

func (f *File) methods(l *lebs, to []EncodedMethod, n, class uint32) ([]EncodedMethod, error) {
	var last uint64
	for i := range n {
		at := l.off
		diff := l.uleb()
		x := EncodedMethod{Flags: l.uleb(), Code: l.uleb()}
		if l.off < 0 {
			return nil, fail(at, parse.ErrFormat, "class data run past the end of the file", nil)
		}
		last += uint64(diff)
		if err := member(at, i, diff, last, f.MethodIDs.Len); err != nil {
			return nil, err
		}
		x.Method = uint32(last)
		if got := f.method(x.Method).Class; got != class {
			return nil, fail(at, parse.ErrFormat, "a class declares another class's method", x.Method)
		}
		to = append(to, x)
	}
	return to, nil
}

// member judges the index of member i of a list, which must exceed the one before.
func member(at int, i, diff uint32, index uint64, most uint32) error {
	if index >= uint64(most) {
		return fail(at, parse.ErrFormat, "a class declares a member without an id", index)
	}
	if i > 0 && diff == 0 {
		return fail(at, parse.ErrFormat, "a class declares a member twice", index)
	}
	return nil
}

// countCode sums the code of all methods and looks for classes that are defined twice. What
// cannot be read counts nothing here: whoever asks for it is told.
func (f *File) countCode(shared *sharing) error {
	var data ClassData
	defined := make([]bool, f.TypeIDs.Len)
	for i := range f.ClassDefs.Len {
		c, err := f.Class(i)
		if err != nil {
			continue
		}
		if defined[c.Type] { // as ART does
			return fail(int(f.ClassDefs.Off+i*lenClassDef), parse.ErrFormat, "a class is defined twice", c.Type)
		}
		defined[c.Type] = true
		if f.ClassData(c, &data) != nil {
			continue
		}
		for _, m := range data.Methods() {
			if m.Code == 0 || int64(m.Code)+lenCodeItem > int64(len(f.b)) {
				continue
			}
			units := int64(f.u32(int(m.Code) + 12))
			if 2*units > int64(len(f.b)) {
				continue
			}
			f.CodeUnits += units
			shared.code += 2 * units
			if shared.code > shared.most {
				return fail(int(m.Code), parse.ErrLimit, "more methods share code than are read", nil)
			}
		}
	}
	return nil
}

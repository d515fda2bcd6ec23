package dex

import "github.com/otavet/otavet/ota/parse"

// A MethodHandle is an entry of the table of method handles.
type MethodHandle struct {
	Kind   HandleKind
	Member uint32 // a field for the first four kinds, else a method
}

// A HandleKind is what a method handle does.
type HandleKind uint16

// The kinds of method handles; METHOD_HANDLE_TYPE_… on the dex-format page.
const (
	HandleStaticPut         HandleKind = 0x00
	HandleStaticGet         HandleKind = 0x01
	HandleInstancePut       HandleKind = 0x02
	HandleInstanceGet       HandleKind = 0x03
	HandleInvokeStatic      HandleKind = 0x04
	HandleInvokeInstance    HandleKind = 0x05
	HandleInvokeConstructor HandleKind = 0x06
	HandleInvokeDirect      HandleKind = 0x07
	HandleInvokeInterface   HandleKind = 0x08
)

// MethodHandle gives the method handle of index i.
func (f *File) MethodHandle(i uint32) (MethodHandle, error) {
	if i >= f.MethodHandles.Len {
		return MethodHandle{}, noSuch("method handle", i)
	}
	at := int(f.MethodHandles.Off + i*lenMethodHandle)
	h := MethodHandle{HandleKind(f.u16(at)), f.u16(at + 4)}
	most := f.MethodIDs.Len
	if h.Kind <= HandleInstanceGet {
		most = f.FieldIDs.Len
	}
	if h.Kind > HandleInvokeInterface || h.Member >= most {
		return h, fail(at, parse.ErrFormat, "a method handle of no kind or to nothing", uint16(h.Kind))
	}
	return h, nil
}

// CallSite gives the call site of index i: the method handle of its bootstrap method, the
// name and the type of the method to link, then arguments of the bootstrap method.
func (f *File) CallSite(i uint32) ([]Value, error) {
	if i >= f.CallSiteIDs.Len {
		return nil, noSuch("call site", i)
	}
	at := int(f.CallSiteIDs.Off + i*lenCallSiteID)
	v, err := f.encodedArray(f.u32(at))
	if err != nil {
		return nil, err
	}
	if len(v) < 3 || v[0].Kind != ValueMethodHandle || v[1].Kind != ValueString || v[2].Kind != ValueMethodType {
		return nil, fail(at, parse.ErrFormat, "a call site lacks a method handle, a name or a type", len(v))
	}
	return v, nil
}

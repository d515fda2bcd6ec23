package arsc

// And is the configuration of a device for which both c and b hold; false where there is none: two
// languages, day and night. Where one asks for more of the same (a later release, a wider
// screen), that is asked for. A value for one density serves all others, so b's is kept.
func (c Config) And(b Config) (Config, bool) {
	if c.IsDefault() {
		return b, true
	}
	if b.IsDefault() {
		return c, true
	}
	ok := true
	one := func(to *uint8, a, b, mask uint8) {
		switch x, y := a&mask, b&mask; {
		case x == 0 || x == y:
			*to |= y
		case y == 0:
			*to |= x
		default:
			ok = false
		}
	}
	code := func(a, b uint16) uint16 {
		if a != 0 && b != 0 && a != b {
			ok = false
		}
		return max(a, b)
	}
	out := b
	if c.Language != ([2]byte{}) {
		ok = b.Language == [2]byte{} || c.Language == b.Language
		if b.Language == ([2]byte{}) || b.Region == ([2]byte{}) {
			out.Language, out.Region, out.Script, out.ScriptComputed = c.Language, c.Region, c.Script, c.ScriptComputed
			out.Variant, out.Numbering = c.Variant, c.Numbering
		}
	}
	out.MCC, out.MNC = code(c.MCC, b.MCC), code(c.MNC, b.MNC)
	out.ScreenWidth, out.ScreenHeight = max(c.ScreenWidth, b.ScreenWidth), max(c.ScreenHeight, b.ScreenHeight)
	out.SDK, out.MinorSDK = max(c.SDK, b.SDK), max(c.MinorSDK, b.MinorSDK)
	out.SmallestScreenWidthDP = max(c.SmallestScreenWidthDP, b.SmallestScreenWidthDP)
	out.ScreenWidthDP, out.ScreenHeightDP = max(c.ScreenWidthDP, b.ScreenWidthDP), max(c.ScreenHeightDP, b.ScreenHeightDP)
	if out.Density == 0 {
		out.Density = c.Density
	}
	out.Orientation, out.Touchscreen, out.Keyboard, out.Navigation, out.InputFlags, out.Gender = 0, 0, 0, 0, 0, 0
	out.ScreenLayout, out.UIMode, out.ScreenLayout2, out.ColorMode = 0, 0, 0, 0
	one(&out.Orientation, c.Orientation, b.Orientation, 0xff)
	one(&out.Touchscreen, c.Touchscreen, b.Touchscreen, 0xff)
	one(&out.Keyboard, c.Keyboard, b.Keyboard, 0xff)
	one(&out.Navigation, c.Navigation, b.Navigation, 0xff)
	one(&out.Gender, c.Gender, b.Gender, 0xff)
	for _, mask := range []uint8{0x03, 0x0c} { // keysHidden, navHidden
		one(&out.InputFlags, c.InputFlags, b.InputFlags, mask)
	}
	// The screen's size is the least one; long and direction are what they are.
	out.ScreenLayout = max(c.ScreenLayout&0x0f, b.ScreenLayout&0x0f)
	for _, mask := range []uint8{0x30, 0xc0} {
		one(&out.ScreenLayout, c.ScreenLayout, b.ScreenLayout, mask)
	}
	for _, mask := range []uint8{0x0f, 0x30} { // kind of device, night
		one(&out.UIMode, c.UIMode, b.UIMode, mask)
	}
	one(&out.ScreenLayout2, c.ScreenLayout2, b.ScreenLayout2, 0x03) // round
	for _, mask := range []uint8{0x03, 0x0c} {                      // wide gamut, HDR
		one(&out.ColorMode, c.ColorMode, b.ColorMode, mask)
	}
	return out, ok
}

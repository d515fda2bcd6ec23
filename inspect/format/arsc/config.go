package arsc

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// lenConfig is the size of struct ResTable_config since Android 14. It grew over
// time: 28 bytes to Android 1.5, 32, 36 (3.2), 48 (5.0), 52 (6.0), 56 and 64 (8.0 and later).
// What a file lacks is zero.
const lenConfig = 64

// A Config says for which devices a value is meant, or what a device is like. A
// field that is zero means any. The zero Config is the default one.
//
// Language and Region are two letters, or three characters packed into 15 bits:
// see SetLocale.
type Config struct {
	MCC, MNC              uint16
	Language, Region      [2]byte
	Orientation           uint8
	Touchscreen           uint8
	Density               uint16
	Keyboard, Navigation  uint8
	InputFlags            uint8 // keysHidden in bits 0-1, navHidden in bits 2-3
	Gender                uint8 // grammaticalInflection, Android 14
	ScreenWidth           uint16
	ScreenHeight          uint16
	SDK, MinorSDK         uint16
	ScreenLayout          uint8 // size in bits 0-3, long in 4-5, direction in 6-7
	UIMode                uint8 // type in bits 0-3, night in 4-5
	SmallestScreenWidthDP uint16
	ScreenWidthDP         uint16
	ScreenHeightDP        uint16
	Script                [4]byte
	Variant               [8]byte
	ScreenLayout2         uint8 // round in bits 0-1
	ColorMode             uint8 // wide gamut in bits 0-1, HDR in 2-3
	ScriptComputed        bool  // Script follows from Language and Region
	Numbering             [8]byte
}

// Parts of the fields, and values of them that a request needs.
const (
	maskKeysHidden = 0x03 // MASK_KEYSHIDDEN
	maskNavHidden  = 0x0c // MASK_NAVHIDDEN
	maskScreenSize = 0x0f // MASK_SCREENSIZE
	maskScreenLong = 0x30 // MASK_SCREENLONG
	maskLayoutDir  = 0xc0 // MASK_LAYOUTDIR
	maskUIType     = 0x0f // MASK_UI_MODE_TYPE
	maskUINight    = 0x30 // MASK_UI_MODE_NIGHT
	maskRound      = 0x03 // MASK_SCREENROUND
	maskWideGamut  = 0x03 // MASK_WIDE_COLOR_GAMUT
	maskHDR        = 0x0c // MASK_HDR
	maskGender     = 0x03 // GRAMMATICAL_INFLECTION_GENDER_MASK

	keysHiddenNo     = 1      // KEYSHIDDEN_NO
	keysHiddenSoft   = 3      // KEYSHIDDEN_SOFT
	screenSizeNormal = 2      // SCREENSIZE_NORMAL
	densityMedium    = 160    // DENSITY_MEDIUM
	densityAny       = 0xfffe // DENSITY_ANY
)

// readConfig reads struct ResTable_config at the beginning of p, which has at
// least four bytes.
func readConfig(p []byte) Config {
	var b [lenConfig]byte
	n := min(uint64(binary.LittleEndian.Uint32(p)), lenConfig)
	copy(b[:n], p)
	u16 := func(off int) uint16 { return binary.LittleEndian.Uint16(b[off:]) }
	return Config{
		MCC: u16(4), MNC: u16(6),
		Language: [2]byte(b[8:]), Region: [2]byte(b[10:]),
		Orientation: b[12], Touchscreen: b[13], Density: u16(14),
		Keyboard: b[16], Navigation: b[17], InputFlags: b[18], Gender: b[19],
		ScreenWidth: u16(20), ScreenHeight: u16(22), SDK: u16(24), MinorSDK: u16(26),
		ScreenLayout: b[28], UIMode: b[29], SmallestScreenWidthDP: u16(30),
		ScreenWidthDP: u16(32), ScreenHeightDP: u16(34),
		Script: [4]byte(b[36:]), Variant: [8]byte(b[40:]),
		ScreenLayout2: b[48], ColorMode: b[49], // two bytes of padding
		ScriptComputed: b[52] != 0, Numbering: [8]byte(b[53:]),
	}
}

// IsDefault tells whether c holds for every device.
func (c *Config) IsDefault() bool { return *c == Config{} }

// String gives the qualifiers as aapt prints them, "en-rUS-sw600dp-v21"; "" for
// the default.
func (c Config) String() string {
	var q []string
	add := func(s string) { q = append(q, s) }
	num := func(before string, n uint16, after string) {
		if n != 0 {
			add(before + strconv.Itoa(int(n)) + after)
		}
	}
	// enum adds the name of a part that is not zero, or its number where it has none.
	enum := func(v uint8, unnamed string, names ...string) {
		switch {
		case v == 0:
		case int(v) < len(names) && names[v] != "":
			add(names[v])
		default:
			add(unnamed + "=" + strconv.Itoa(int(v)))
		}
	}
	// part is enum for a part of some bits; its number is printed where it stands.
	part := func(v, mask uint8, shift int, unnamed string, names ...string) {
		v &= mask
		if n := v >> shift; v != 0 && (int(n) >= len(names) || names[n] == "") {
			add(unnamed + "=" + strconv.Itoa(int(v)))
		} else {
			enum(n, unnamed, names...)
		}
	}
	num("mcc", c.MCC, "")
	num("mnc", c.MNC, "")
	if l := c.locale(); l != "" {
		add(l)
	}
	part(c.Gender, maskGender, 0, "grammaticalGender", "", "neuter", "feminine", "masculine")
	part(c.ScreenLayout, maskLayoutDir, 6, "layoutDir", "", "ldltr", "ldrtl")
	num("sw", c.SmallestScreenWidthDP, "dp")
	num("w", c.ScreenWidthDP, "dp")
	num("h", c.ScreenHeightDP, "dp")
	part(c.ScreenLayout, maskScreenSize, 0, "screenLayoutSize", "", "small", "normal", "large", "xlarge")
	part(c.ScreenLayout, maskScreenLong, 4, "screenLayoutLong", "", "notlong", "long")
	part(c.ScreenLayout2, maskRound, 0, "screenRound", "", "notround", "round")
	part(c.ColorMode, maskHDR, 2, "hdr", "", "lowdr", "highdr")
	part(c.ColorMode, maskWideGamut, 0, "wideColorGamut", "", "nowidecg", "widecg")
	enum(c.Orientation, "orientation", "", "port", "land", "square")
	if v := c.UIMode & maskUIType; v == 1 || v > 7 {
		// The platform prints the screen layout's bits here, by mistake.
		add("uiModeType=" + strconv.Itoa(int(c.ScreenLayout&maskUIType)))
	} else {
		enum(v, "", "", "", "desk", "car", "television", "appliance", "watch", "vrheadset")
	}
	part(c.UIMode, maskUINight, 4, "uiModeNight", "", "notnight", "night")
	switch c.Density {
	case 0:
	case 120:
		add("ldpi")
	case densityMedium:
		add("mdpi")
	case 213:
		add("tvdpi")
	case 240:
		add("hdpi")
	case 320:
		add("xhdpi")
	case 480:
		add("xxhdpi")
	case 640:
		add("xxxhdpi")
	case 0xffff:
		add("nodpi")
	case densityAny:
		add("anydpi")
	default:
		num("", c.Density, "dpi")
	}
	enum(c.Touchscreen, "touchscreen", "", "notouch", "stylus", "finger")
	enum(c.InputFlags&maskKeysHidden, "", "", "keysexposed", "keyshidden", "keyssoft")
	enum(c.Keyboard, "keyboard", "", "nokeys", "qwerty", "12key")
	part(c.InputFlags, maskNavHidden, 2, "inputFlagsNavHidden", "", "navexposed", "navhidden")
	enum(c.Navigation, "navigation", "", "nonav", "dpad", "trackball", "wheel")
	if c.ScreenWidth != 0 || c.ScreenHeight != 0 {
		add(strconv.Itoa(int(c.ScreenWidth)) + "x" + strconv.Itoa(int(c.ScreenHeight)))
	}
	if c.SDK != 0 || c.MinorSDK != 0 {
		v := "v" + strconv.Itoa(int(c.SDK))
		if c.MinorSDK != 0 {
			v += "." + strconv.Itoa(int(c.MinorSDK))
		}
		add(v)
	}
	return strings.Join(q, "-")
}

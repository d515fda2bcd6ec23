package arsc

// Match tells whether a value for c may be used where the device is as request
// says: ResTable_config::match. Request's fields are the device's own, so that a
// zero one matches only values that do not ask for it; density always matches.
//
// A request with a language should have a Script: see Likely.
func (c *Config) Match(request *Config) bool {
	r := request
	// asked: c asks for something other than the request is.
	asked := func(mine, its uint8) bool { return mine != 0 && mine != its }
	switch {
	case c.MCC != 0 && c.MCC != r.MCC, c.MNC != 0 && c.MNC != r.MNC,
		!c.matchLocale(r),
		asked(c.Gender, r.Gender),
		asked(c.ScreenLayout&maskLayoutDir, r.ScreenLayout&maskLayoutDir),
		c.ScreenLayout&maskScreenSize > r.ScreenLayout&maskScreenSize,
		asked(c.ScreenLayout&maskScreenLong, r.ScreenLayout&maskScreenLong),
		asked(c.UIMode&maskUIType, r.UIMode&maskUIType),
		asked(c.UIMode&maskUINight, r.UIMode&maskUINight),
		c.SmallestScreenWidthDP > r.SmallestScreenWidthDP,
		asked(c.ScreenLayout2&maskRound, r.ScreenLayout2&maskRound),
		asked(c.ColorMode&maskHDR, r.ColorMode&maskHDR),
		asked(c.ColorMode&maskWideGamut, r.ColorMode&maskWideGamut),
		c.ScreenWidthDP > r.ScreenWidthDP, c.ScreenHeightDP > r.ScreenHeightDP,
		asked(c.Orientation, r.Orientation), asked(c.Touchscreen, r.Touchscreen):
		return false
	}
	// A soft keyboard counts as a keyboard that is out.
	keys, its := c.InputFlags&maskKeysHidden, r.InputFlags&maskKeysHidden
	if asked(keys, its) && (keys != keysHiddenNo || its != keysHiddenSoft) {
		return false
	}
	switch {
	case asked(c.InputFlags&maskNavHidden, r.InputFlags&maskNavHidden),
		asked(c.Keyboard, r.Keyboard), asked(c.Navigation, r.Navigation),
		c.ScreenWidth > r.ScreenWidth, c.ScreenHeight > r.ScreenHeight,
		c.SDK > r.SDK, c.MinorSDK != 0 && c.MinorSDK != r.MinorSDK:
		return false
	}
	return true
}

func (c *Config) matchLocale(r *Config) bool {
	if c.Language == [2]byte{} && c.Region == [2]byte{} {
		return true
	}
	if !sameLanguage(c.Language, r.Language) {
		return false
	}
	// The regions need not be equal, where the scripts are known to be.
	script := c.Script
	if script[0] == 0 && !c.ScriptComputed {
		script = likelyScript(c.Language, c.Region)
		if script[0] == 0 {
			return c.Region[0] == 0 || c.Region == r.Region
		}
	}
	if r.Script[0] == 0 {
		return c.Region[0] == 0 || c.Region == r.Region
	}
	return script == r.Script
}

// sameLanguage: langsAreEquivalent. Tagalog and Filipino are.
func sameLanguage(a, b [2]byte) bool {
	tagalog, filipino := [2]byte{'t', 'l'}, [2]byte{0xad, 0x05}
	return a == b || a == tagalog && b == filipino || a == filipino && b == tagalog
}

// Likely is c with the script that its language and region imply, unless it has
// one. The platform does so to a device's configuration.
func (c Config) Likely() Config {
	if c.Script[0] == 0 && c.Language[0] != 0 {
		c.Script, c.ScriptComputed = likelyScript(c.Language, c.Region), true
	}
	return c
}

// BetterThan tells whether a value for c is to be preferred to one for o, where
// both match the request: ResTable_config::isBetterThan. Neither is better where
// they are equally good; then the first in the file is used. The order of the
// tests is Android 16's, which differs from older ones in what older ones did not have.
func (c *Config) BetterThan(o, request *Config) bool {
	r := request
	if c.MCC != o.MCC && r.MCC != 0 {
		return c.MCC != 0
	}
	if c.MNC != o.MNC && r.MNC != 0 {
		return c.MNC != 0
	}
	// Nobody asks whether o has the better locale: then what follows decides. It
	// makes a difference only in files whose configurations are not sorted, as
	// compilers sort them; the platform has it so to Android 15.
	if c.betterLocale(o, r) {
		return true
	}
	if c.Gender != o.Gender && r.Gender != 0 {
		return c.Gender != 0
	}
	if a, b := c.ScreenLayout&maskLayoutDir, o.ScreenLayout&maskLayoutDir; a != b && r.ScreenLayout&maskLayoutDir != 0 {
		return a > b
	}
	if c.SmallestScreenWidthDP != o.SmallestScreenWidthDP {
		return c.SmallestScreenWidthDP > o.SmallestScreenWidthDP
	}
	if a, b := away(r.ScreenWidthDP, c.ScreenWidthDP)+away(r.ScreenHeightDP, c.ScreenHeightDP),
		away(r.ScreenWidthDP, o.ScreenWidthDP)+away(r.ScreenHeightDP, o.ScreenHeightDP); a != b {
		return a < b
	}
	if a, b, its := c.ScreenLayout&maskScreenSize, o.ScreenLayout&maskScreenSize, r.ScreenLayout&maskScreenSize; a != b && its != 0 {
		// None stands for normal, unless the screen is smaller.
		fa, fb := a, b
		if its >= screenSizeNormal {
			if fa == 0 {
				fa = screenSizeNormal
			}
			if fb == 0 {
				fb = screenSizeNormal
			}
		}
		if fa == fb {
			return a != 0
		}
		return fa > fb
	}
	if a, b := c.ScreenLayout&maskScreenLong, o.ScreenLayout&maskScreenLong; a != b && r.ScreenLayout&maskScreenLong != 0 {
		return a != 0
	}
	if a, b := c.ScreenLayout2&maskRound, o.ScreenLayout2&maskRound; a != b && r.ScreenLayout2&maskRound != 0 {
		return a != 0
	}
	if a, b := c.ColorMode&maskWideGamut, o.ColorMode&maskWideGamut; a != b && r.ColorMode&maskWideGamut != 0 {
		return a != 0
	}
	if a, b := c.ColorMode&maskHDR, o.ColorMode&maskHDR; a != b && r.ColorMode&maskHDR != 0 {
		return a != 0
	}
	if c.Orientation != o.Orientation && r.Orientation != 0 {
		return c.Orientation != 0
	}
	if a, b := c.UIMode&maskUIType, o.UIMode&maskUIType; a != b && r.UIMode&maskUIType != 0 {
		return a != 0
	}
	if a, b := c.UIMode&maskUINight, o.UIMode&maskUINight; a != b && r.UIMode&maskUINight != 0 {
		return a != 0
	}
	if c.Density != o.Density {
		return betterDensity(c.Density, o.Density, r.Density)
	}
	if c.Touchscreen != o.Touchscreen && r.Touchscreen != 0 {
		return c.Touchscreen != 0
	}
	if a, b, its := c.InputFlags&maskKeysHidden, o.InputFlags&maskKeysHidden, r.InputFlags&maskKeysHidden; a != b && its != 0 {
		switch {
		case a == 0:
			return false
		case b == 0 || a == its:
			return true
		case b == its:
			return false
		}
	}
	if a, b := c.InputFlags&maskNavHidden, o.InputFlags&maskNavHidden; a != b && r.InputFlags&maskNavHidden != 0 {
		if a == 0 {
			return false
		}
		if b == 0 {
			return true
		}
	}
	if c.Keyboard != o.Keyboard && r.Keyboard != 0 {
		return c.Keyboard != 0
	}
	if c.Navigation != o.Navigation && r.Navigation != 0 {
		return c.Navigation != 0
	}
	if a, b := away(r.ScreenWidth, c.ScreenWidth)+away(r.ScreenHeight, c.ScreenHeight),
		away(r.ScreenWidth, o.ScreenWidth)+away(r.ScreenHeight, o.ScreenHeight); a != b {
		return a < b
	}
	if c.SDK != o.SDK && r.SDK != 0 {
		return c.SDK > o.SDK
	}
	if c.MinorSDK != o.MinorSDK && r.MinorSDK != 0 {
		return c.MinorSDK != 0
	}
	return false
}

// away is how far below the wanted size a size is; a size that is not wanted
// does not count.
func away(wanted, size uint16) int {
	if wanted == 0 {
		return 0
	}
	return int(wanted) - int(size)
}

// betterDensity prefers what fits any density, then the nearest, where scaling
// down is twice as good as scaling up.
func betterDensity(mine, other, wanted uint16) bool {
	orMedium := func(d uint16) int {
		if d == 0 {
			return densityMedium
		}
		return int(d)
	}
	a, b := orMedium(mine), orMedium(other)
	if a == densityAny {
		return true
	}
	if b == densityAny {
		return false
	}
	w := orMedium(wanted)
	if w == densityAny {
		w = densityMedium
	}
	high, low, bigger := a, b, true
	if low > high {
		high, low, bigger = low, high, false
	}
	switch {
	case w >= high:
		return bigger
	case low >= w:
		return !bigger
	case (2*low-w)*high > w*w:
		return !bigger
	}
	return bigger
}

// betterLocale: isLocaleBetterThan. Both locales are empty or match the request.
func (c *Config) betterLocale(o, r *Config) bool {
	none := [2]byte{}
	if r.Language == none && r.Region == none ||
		c.Language == none && c.Region == none && o.Language == none && o.Region == none {
		return false
	}
	english, us := [2]byte{'e', 'n'}, [2]byte{'U', 'S'}
	if !sameLanguage(c.Language, o.Language) {
		// One has no language. That is the better for US English, and for what
		// is near it, than a region whose English is another: there apps keep
		// their US English.
		if r.Language == english {
			near := func([2]byte) bool { return true }
			switch {
			case r.Region == us:
				near = func(region [2]byte) bool { return region[0] == 0 || region == us }
			case closeToUSEnglish(r.Region):
				near = closeToUSEnglish
			}
			if c.Language[0] == 0 {
				return !near(o.Region)
			}
			return near(c.Region)
		}
		return c.Language[0] != 0
	}
	if d := compareRegions(c.Region, o.Region, r); d != 0 {
		return d > 0
	}
	if a, b := c.Variant == r.Variant, o.Variant == r.Variant; a != b {
		return a
	}
	if a, b := c.Numbering == r.Numbering, o.Numbering == r.Numbering; a != b {
		return a
	}
	return c.Language == r.Language && o.Language != r.Language
}

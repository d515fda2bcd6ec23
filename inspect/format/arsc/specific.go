package arsc

// MoreSpecificThan tells whether c asks for more than o, in the order of
// importance: ResTable_config::isMoreSpecificThan. The platform goes by it where
// no device is given. Neither is more specific where both ask for the same
// things, whatever they ask.
func (c *Config) MoreSpecificThan(o *Config) bool {
	for _, part := range []func(*Config) int{
		func(c *Config) int { return int(c.MCC) },
		func(c *Config) int { return int(c.MNC) },
		func(c *Config) int { return int(c.Language[0]) },
		func(c *Config) int { return int(c.Region[0]) },
	} {
		if a, b := part(c), part(o); (a == 0) != (b == 0) {
			return a != 0
		}
	}
	if a, b := c.localeScore(), o.localeScore(); a != b {
		return a > b
	}
	for _, part := range []func(*Config) int{
		func(c *Config) int { return int(c.Gender) },
		func(c *Config) int { return int(c.ScreenLayout & maskLayoutDir) },
		func(c *Config) int { return int(c.SmallestScreenWidthDP) },
		func(c *Config) int { return int(c.ScreenWidthDP) },
		func(c *Config) int { return int(c.ScreenHeightDP) },
		func(c *Config) int { return int(c.ScreenLayout & maskScreenSize) },
		func(c *Config) int { return int(c.ScreenLayout & maskScreenLong) },
		func(c *Config) int { return int(c.ScreenLayout2 & maskRound) },
		func(c *Config) int { return int(c.ColorMode & maskHDR) },
		func(c *Config) int { return int(c.ColorMode & maskWideGamut) },
		func(c *Config) int { return int(c.Orientation) },
		func(c *Config) int { return int(c.UIMode & maskUIType) },
		func(c *Config) int { return int(c.UIMode & maskUINight) },
		// Density is never more specific: the default is 160.
		func(c *Config) int { return int(c.Touchscreen) },
		func(c *Config) int { return int(c.InputFlags & maskKeysHidden) },
		func(c *Config) int { return int(c.InputFlags & maskNavHidden) },
		func(c *Config) int { return int(c.Keyboard) },
		func(c *Config) int { return int(c.Navigation) },
		func(c *Config) int { return int(c.ScreenWidth) },
		func(c *Config) int { return int(c.ScreenHeight) },
		func(c *Config) int { return int(c.SDK) },
		func(c *Config) int { return int(c.MinorSDK) },
	} {
		if a, b := part(c), part(o); (a == 0) != (b == 0) {
			return a != 0
		}
	}
	return false
}

// localeScore: getImportanceScoreOfLocale.
func (c *Config) localeScore() (score int) {
	if c.Variant[0] != 0 {
		score += 4
	}
	if c.hasScript() {
		score += 2
	}
	if c.Numbering[0] != 0 {
		score++
	}
	return score
}

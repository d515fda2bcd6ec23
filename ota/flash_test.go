package ota

import (
	"fmt"
	"testing"
)

// Commands as they stand in archives that vendors publish.
func TestFlashes(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"flash_all.sh", "fastboot $* flash abl_a `dirname $0`/images/abl.elf\nif [ $? -ne 0 ] ; then echo \"Flash abl_a error\"; exit 1; fi\n" +
			"fastboot $* flash abl_b `dirname $0`/images/abl.elf || { echo x; exit 1; }\nfastboot $* reboot\n", "map[abl.elf:[abl]]"},
		{"flash_all.bat", "fastboot %* getvar product 2>&1 | findstr /r /c:\"^product: *x\" || exit /B 1\r\nfastboot %* flash modem_a %~dp0images\\NON-HLOS.bin || @echo \"x\" && exit /B 1\r\n",
			"map[NON-HLOS.bin:[modem_a]]"},
		{"flash-all.sh", "fastboot flash bootloader bootloader-shiba-ripcurrent-14.0.img\nfastboot reboot-bootloader\nsleep 5\nfastboot -w update image-shiba-up1a.zip\n",
			"map[bootloader-shiba-ripcurrent-14.0.img:[bootloader]]"},
		{"flash-all.sh", "# fastboot flash boot old.img\nfastboot flash --disable-verity vbmeta vbmeta.img\nfastboot flash $p $p.img\n", "map[vbmeta.img:[vbmeta]]"},
		{"flashfile.xml", `<?xml version="1.0"?><flashing><steps interface="AP"><step operation="getvar" var="max-sparse-size"/>
<step MD5="0" filename="super.img_sparsechunk.0" operation="flash" partition="super"/><step operation="erase" partition="userdata"/></steps></flashing>`,
			"map[super.img_sparsechunk.0:[super]]"},
		{"rawprogram0.xml", `<data><program filename="gpt_main0.bin" label="PrimaryGPT"/><program filename="" label="x"/><program filename="tz.mbn" label="tz_a"/><program filename="tz.mbn" label="tz_b"/></data>`,
			"map[gpt_main0.bin:[PrimaryGPT] tz.mbn:[tz]]"},
		{"flashfile.xml", `<step operation="flash" partition="a" filename="b.img"/><step`, "map[b.img:[a]]"},
	} {
		if got := fmt.Sprint(targets(flashes(tc.name, []byte(tc.text)))); !isFlashScript("images/"+tc.name) || got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	for _, name := range []string{"install.sh", "flash.txt", "AndroidManifest.xml"} {
		if isFlashScript(name) {
			t.Errorf("%s is taken for a script", name)
		}
	}
}

func FuzzFlashes(f *testing.F) {
	f.Add("flash_all.sh", "fastboot flash a b.img")
	f.Add("flashfile.xml", `<step operation="flash" partition="a" filename="b.img"/>`)
	f.Fuzz(func(t *testing.T, name, text string) {
		list := flashes(name, []byte(text))
		for _, fl := range list {
			if !isName(fl.partition) || !isName(fl.file) {
				t.Fatalf("%q", fl)
			}
		}
		targets(list)
	})
}

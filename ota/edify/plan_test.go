package edify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGolden(t *testing.T) {
	members := map[string][]string{
		"full-2014": {
			"META-INF/com/android/metadata", "boot.img", "radio/modem.img", "system/", "system/app/", "system/app/Mms.apk",
			"system/bin/mksh", "system/bin/netcfg", "system/bin/run-as", "system/bin/toolbox", "system/build.prop",
			"system/fonts/Roboto-Bold.ttf", "systemic/not.txt", "recovery/recovery-from-boot.p", "recovery/etc/install-recovery.sh", "recovery/bin/cat",
		},
		"incremental-2011": {
			"patch/system/app/Mms.apk.p", "patch/boot.img.p", "recovery.img", "recovery/etc/install-recovery.sh",
			"system/app/New/New.apk", "system/xbin/su", "system/app/Old.odex",
		},
	}
	for name, members := range members {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join("testdata", name+".edify"))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, dump(mustParse(t, string(src)).Plan(members)))
		})
	}
}

// members is the package of the tests below.
var members = []string{"boot.img", "a.txt", "dir/x", "dir/sub/y", "t.list", "n.dat", "p.dat", "boot.img.p", "META-INF/x"}

// Each script's plan, without its calls.
func TestPlan(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"extract file", `package_extract_file("a.txt", "/system/a")`, "nodes 1: /system/a member=a.txt"},
		{"extract file, missing", `package_extract_file("no", "/system/a")`,
			`unfollowed 1: package_extract_file: the package has no such member: no (missing) prefix="/system/a" members=[]`},
		{"extract dir", `package_extract_dir("dir", "/system")`, "nodes 1: /system/sub/y member=dir/sub/y 1: /system/x member=dir/x"},
		{"extract dir, slashes", `package_extract_dir("dir/sub/", "/system//b/")`, "nodes 1: /system/b/y member=dir/sub/y"},
		{"extract dir, absolute source", `package_extract_dir("/dir", "/system")`, "notes 1: package_extract_dir takes nothing from an absolute folder: /dir"},
		{"extract all", `package_extract_dir("", "/data/all"); delete_recursive("/data/all/META-INF", "/data/all/dir"); delete("/data/all/boot.img", "/data/all/boot.img.p", "/data/all/a.txt", "/data/all/n.dat", "/data/all/t.list")`,
			"nodes 1: /data/all/p.dat member=p.dat deleted 1: /data/all/META-INF recursive=true 1: /data/all/a.txt recursive=false 1: /data/all/boot.img recursive=false 1: /data/all/boot.img.p recursive=false 1: /data/all/dir recursive=true 1: /data/all/n.dat recursive=false 1: /data/all/t.list recursive=false"},
		{"extract to device", `package_extract_file("boot.img", "/dev/block/mmcblk0p5")`, "raw 1: /dev/block/mmcblk0p5 [] member=boot.img"},
		{"extract to mapped", `package_extract_file("boot.img", map_partition("odm"))`, `raw 1: map_partition("odm") [odm] member=boot.img`},
		{"extract with map", `package_extract_file("boot.img", "/dev/block/by-name/boot", "map")`, "raw 1: /dev/block/by-name/boot [boot] member=boot.img"},
		{"path goes up", `package_extract_file("a.txt", "/system/../data/a")`, "nodes 1: /data/a member=a.txt notes 1: a path goes up: /system/../data/a is taken as /data/a"},
		{"path is relative", `package_extract_file("a.txt", "data/a")`, "nodes 1: /data/a member=a.txt notes 1: a path is relative, and taken from the root: data/a"},
		{"path is computed", `package_extract_file("a.txt", "/system/" + getprop("x"))`,
			`unfollowed 1: package_extract_file: an argument is not a constant: "/system/" + getprop("x") (undecided) prefix="/system/" members=[]`},
		{"folded", `package_extract_file("a" + ".txt", concat("/sys", "tem/" + "a"))`, "nodes 1: /system/a member=a.txt"},
		{"delete after extract", `package_extract_file("a.txt", "/system/a"); delete("/system/a")`, "deleted 1: /system/a recursive=false"},
		{"delete before extract", `delete("/system/a"); package_extract_file("a.txt", "/system/a")`, "nodes 1: /system/a member=a.txt"},
		{"link over file", `package_extract_file("a.txt", "/system/a"); symlink("b", "/system/a")`, "nodes 1: /system/a link=b"},
		{"write through link", `symlink("/data/b", "/system/a"); package_extract_file("a.txt", "/system/a")`, "nodes 1: /data/b member=a.txt 1: /system/a link=/data/b"},
		{"write below link", `symlink("../data", "/system/d"); package_extract_file("a.txt", "/system/d/a")`, "nodes 1: /data/a member=a.txt 1: /system/d link=../data"},
		{"links in a circle", `symlink("b", "/a"); symlink("a", "/b"); set_perm(0, 0, 0644, "/a")`, "nodes 1: /a link=b 1: /b link=a"},
		{"set_perm through link", `package_extract_file("a.txt", "/b"); symlink("b", "/a"); set_perm(1, 2, 0644, "/a")`, "nodes 1: /a link=b 1: /b member=a.txt uid=1 gid=2 mode=0644"},
		{"set_metadata leaves links", `package_extract_file("a.txt", "/b"); symlink("b", "/a"); set_metadata("/a", "uid", 7)`, "nodes 1: /a link=b 1: /b member=a.txt"},
		{"set_perm before extract", `set_perm(0, 0, 0600, "/system/a"); package_extract_file("a.txt", "/system/a")`, "nodes 1: /system/a member=a.txt"},
		{"set_perm of older file", `set_perm(0, 0, 06755, "/system/xbin/su")`, "nodes 1: /system/xbin/su from=/system/xbin/su uid=0 gid=0 mode=6755"},
		{"set_perm, not a number", `set_perm(root, 0, 0600, "/a")`, `unfollowed 1: set_perm: not a number: root (undecided) prefix="/a" members=[]`},
		{"set_perm_recursive", `package_extract_dir("dir", "/d"); set_perm_recursive(0, 1, 0750, 0640, "/d")`,
			"nodes 1: /d dir uid=0 gid=1 mode=0750 1: /d/sub dir uid=0 gid=1 mode=0750 1: /d/sub/y member=dir/sub/y uid=0 gid=1 mode=0640 1: /d/x member=dir/x uid=0 gid=1 mode=0640"},
		{"set_metadata_recursive of nothing", `set_metadata_recursive("/d", "uid", 0)`,
			`unfollowed 1: set_metadata_recursive: it sets metadata of a folder in which the script has put nothing (undecided) prefix="/d" members=[]`},
		{"rename", `package_extract_file("a.txt", "/tmp/a"); rename("/tmp/a", "/system/a")`, "nodes 1: /system/a member=a.txt"},
		{"rename folder", `package_extract_dir("dir", "/tmp/d"); rename("/tmp/d", "/system/e")`, "nodes 1: /system/e/sub/y member=dir/sub/y 1: /system/e/x member=dir/x"},
		{"rename older", `rename("/system/a", "/system/b")`, "nodes 1: /system/b from=/system/a deleted 1: /system/a recursive=false"},
		{"rename into itself", `package_extract_dir("dir", "/d"); rename("/d", "/d/e")`, "nodes 1: /d/sub/y member=dir/sub/y 1: /d/x member=dir/x notes 1: a folder cannot be moved into itself: /d"},
		{"apply_patch 2009", `package_extract_file("boot.img.p", "/tmp/p"); apply_patch("/system/a", "-", aa, 5, "bb:/tmp/p")`,
			`nodes 1: /system/a from=/system/a patch=aa/5["boot.img.p"] temporary 1: /tmp/p member=boot.img.p`},
		{"apply_patch to another", `apply_patch("/system/a", "/system/b", aa, 5, bb, package_extract_file("boot.img.p"))`, `nodes 1: /system/b from=/system/a patch=aa/5["boot.img.p"]`},
		{"apply_patch partition", `apply_patch("EMMC:/dev/block/by-name/boot:1:aa:2:bb", "EMMC:/dev/block/by-name/recovery:2:bb", bb, 2, aa, package_extract_file("boot.img.p"))`,
			`raw 1: /dev/block/by-name/recovery [recovery] from=/dev/block/by-name/boot patch=bb/2["boot.img.p"]`},
		{"apply_patch partition to file", `apply_patch("MTD:boot:1:aa", "/system/b", bb, 2, aa, package_extract_file("boot.img.p")); apply_patch("MTD:", "/system/c", bb, 2)`,
			`nodes 1: /system/b from=boot patch=bb/2["boot.img.p"] 1: /system/c patch=bb/2[]`},
		{"patch_partition", `patch_partition("EMMC:/dev/block/by-name/boot:2:bb", "EMMC:/dev/block/by-name/boot:1:aa", package_extract_file("boot.img.p"))`,
			`raw 1: /dev/block/by-name/boot [boot] from=/dev/block/by-name/boot patch=bb/2["boot.img.p"]`},
		{"write_raw_image 2009", `assert(package_extract_file("boot.img", "/tmp/boot.img"), write_raw_image("/tmp/boot.img", "boot"), delete("/tmp/boot.img"))`, "raw 1: boot [boot] member=boot.img"},
		{"write_raw_image 2010", `write_raw_image(package_extract_file("boot.img"), "boot")`, "raw 1: boot [boot] member=boot.img"},
		{"write_raw_image of older", `write_raw_image("/system/r.img", "recovery")`,
			`raw 1: recovery [recovery] from=/system/r.img unfollowed 1: write_raw_image: the bytes that are written to a partition are not a member's (undecided) prefix="recovery" members=[]`},
		{"write_firmware_image", `write_firmware_image("PACKAGE:boot.img", "radio")`, "raw 1: radio [radio] member=boot.img"},
		{"block_image_update", `block_image_update("/dev/block/by-name/system", package_extract_file("t.list"), "n.dat", "p.dat")`, "block 1: /dev/block/by-name/system [system] t.list n.dat p.dat"},
		{"block update over files", `mount("ext4", "EMMC", "/dev/block/sda3", "/vendor"); package_extract_file("a.txt", "/vendor/a"); block_image_update("/dev/block/sda3", package_extract_file("t.list"), "n.dat", "p.dat")`,
			"block 1: /dev/block/sda3 [] t.list n.dat p.dat mounts 1: /vendor /dev/block/sda3 [] ext4 formatted=false"},
		{"mount 2009", `mount("MTD", "system", "/system"); mount("vfat", "/dev/block/mmcblk1p2", "/sdcard")`,
			"mounts 1: /system system [system]  formatted=false 1: /sdcard /dev/block/mmcblk1p2 [] vfat formatted=false"},
		{"mount 2010", `mount("yaffs2", "MTD", "system", "/system")`, "mounts 1: /system system [system] yaffs2 formatted=false"},
		{"mount by program", `run_program("/sbin/busybox", "mount", "/data")`, "mounts 1: /data  []  formatted=false"},
		{"mount by a program of the package", `package_extract_file("a.txt", "/sbin/mount"); run_program("/sbin/mount", "/data")`,
			`nodes 1: /sbin/mount member=a.txt unfollowed 1: run_program: it runs a program: /sbin/mount (undecided) prefix="" members=["a.txt"]`},
		{"format 2009", `package_extract_file("a.txt", "/system/a"); format("MTD", "system")`, "mounts 1:  system [system]  formatted=true"},
		{"format 2010", `package_extract_file("a.txt", "/data/a"); format("yaffs2", "MTD", "userdata")`, "mounts 1:  userdata [userdata] yaffs2 formatted=true"},
		{"format 2011", `format("ext4", "EMMC", "/dev/block/mmcblk0p1", "0")`, "mounts 1:  /dev/block/mmcblk0p1 [] ext4 formatted=true"},
		{"format 2012", `package_extract_file("a.txt", "/x/a"); format("ext4", "EMMC", "/dev/block/mmcblk0p1", "0", "/x")`, "mounts 1: /x /dev/block/mmcblk0p1 [] ext4 formatted=true"},
		{"wipe", `package_extract_file("a.txt", "/system/a"); wipe_block_device("/dev/block/by-name/system", 100)`, ""},
		{"temporary with a mount", `mount("ext4", "EMMC", "/dev/block/by-name/oem", "/tmp/oem"); package_extract_file("a.txt", "/tmp/oem/a")`,
			"nodes 1: /tmp/oem/a member=a.txt mounts 1: /tmp/oem /dev/block/by-name/oem [oem] ext4 formatted=false"},
		{"program", `run_program("/system/bin/x" + getprop("y"))`, `unfollowed 1: run_program: it runs a program (undecided) prefix="" members=[]`},
		{"unknown function", `set_bootloader_env("a", "b")`, `unfollowed 1: set_bootloader_env: AOSP has no function of this name (undecided) prefix="" members=[]`},
		{"write_value", `write_value("1", "/sys/power"); write_value("1", "/data/x")`, `unfollowed 1: write_value: AOSP has no function of this name (undecided) prefix="" members=[]`},
		{"nothing", `wipe_cache(); tune2fs("-j", "/dev/x"); unmount("/system"); sleep(1); stdout(a); enable_reboot(); check_first_block("/dev/x"); block_image_verify(a, b, c, d); block_image_recover(a, b); assert(range_sha1(a, b) == c)`, ""},
	} {
		t.Run(c.name, func(t *testing.T) { checkPlan(t, c.src, c.want) })
	}
}

// checkPlan compares a plan without its calls, its spaces folded.
func checkPlan(t *testing.T, src, want string) {
	t.Helper()
	p := mustParse(t, src).Plan(members)
	p.Calls = nil
	if got := strings.Join(strings.Fields(dump(p)), " "); got != strings.Join(strings.Fields(want), " ") {
		t.Errorf("%s\ngot  %s\nwant %s", src, got, want)
	}
}

func TestConditions(t *testing.T) {
	const a, b = `package_extract_file("a.txt", "/a")`, `package_extract_file("dir/x", "/a")`
	for _, c := range []struct{ name, src, want string }{
		{"or abort", a + `|| abort("x")`, "nodes 1: /a member=a.txt"},
		{"after or abort", `getprop(x) == y || abort(); ` + a, "nodes 1: /a member=a.txt"},
		{"after or message and abort", `getprop(x) || (ui_print(no); abort()); ` + a, "nodes 1: /a member=a.txt"},
		{"assert", `assert(getprop(x), ` + a + `)`, "nodes 1: /a member=a.txt"},
		{"or", `getprop(x) || ` + a, "nodes 1: /a member=a.txt | if !(getprop(x))"},
		{"and", `getprop(x) && ` + a, "nodes 1: /a member=a.txt | if getprop(x)"},
		{"and, three", `getprop(x) && getprop(y) && ` + a, "nodes 1: /a member=a.txt | if getprop(x) && getprop(y)"},
		{"if", `if getprop(x) then ` + a + ` endif`, "nodes 1: /a member=a.txt | if getprop(x)"},
		{"if else", `if getprop(x) then ` + a + ` else ` + b + ` endif`, "nodes 1: /a member=a.txt | if getprop(x) 1: /a member=dir/x | if !(getprop(x))"},
		{"ifelse", `ifelse(getprop(x), ` + a + `, ` + b + `)`, "nodes 1: /a member=a.txt | if getprop(x) 1: /a member=dir/x | if !(getprop(x))"},
		{"if else over a third", `package_extract_file("p.dat", "/a"); if getprop(x) then ` + a + ` else ` + b + ` endif`,
			"nodes 1: /a member=a.txt | if getprop(x) 1: /a member=dir/x | if !(getprop(x))"},
		{"if over another", b + `; if getprop(x) then ` + a + ` endif`, "nodes 1: /a member=dir/x | if !(getprop(x)) 1: /a member=a.txt | if getprop(x)"},
		{"nested", `if getprop(x) then if getprop(y) then ` + a + ` endif endif`, "nodes 1: /a member=a.txt | if getprop(x) && getprop(y)"},
		{"one arm aborts", `if getprop(x) then abort() else ` + a + ` endif`, "nodes 1: /a member=a.txt"},
		{"what precedes an abort is void", `if getprop(x) then ` + a + `; abort() endif`, ""},
		{"both arms abort", `if getprop(x) then abort() else abort() endif; ` + a, "aborts at line 1"},
		{"constant condition", `if "a" == "b" then ` + a + ` else ` + b + ` endif`, "nodes 1: /a member=dir/x"},
		{"constant and", `"" && ` + a, ""},
		{"constant or", `"x" || ` + a, ""},
		{"constant or, second", `"" || ` + a, "nodes 1: /a member=a.txt"},
		{"constant not", `!"" && ` + a, "nodes 1: /a member=a.txt"},
		{"less_than_int", `less_than_int(9, 10) && ` + a + `; greater_than_int(9, 10) && ` + b, "nodes 1: /a member=a.txt"},
		{"is_substring", `is_substring("b", "abc") && ` + a, "nodes 1: /a member=a.txt"},
		{"abort ends", `abort("x"); ` + a, "aborts at line 1"},
		{"constant assert ends", `assert("a" != "a"); ` + a, "aborts at line 1"},
		{"conditional delete", a + `; getprop(x) && delete("/a")`, "nodes 1: /a member=a.txt | if !(getprop(x))"},
		{"conditional mode", a + `; getprop(x) && set_perm(0, 0, 0755, "/a")`,
			"nodes 1: /a member=a.txt | if !(getprop(x)) 1: /a member=a.txt uid=0 gid=0 mode=0755 | if getprop(x)"},
		{"conditional rename", a + `; getprop(x) && rename("/a", "/b")`, "nodes 1: /a member=a.txt | if !(getprop(x)) 1: /b member=a.txt | if getprop(x)"},
		{"conditional raw", `getprop(x) && package_extract_file("boot.img", "/dev/block/by-name/boot")`, "raw 1: /dev/block/by-name/boot [boot] member=boot.img | if getprop(x)"},
		{"three stages", `if get_stage("/misc") == "2/3" then package_extract_file("boot.img", "/dev/block/by-name/recovery"); set_stage("/misc", "3/3"); reboot_now("/misc", "recovery"); ` +
			`else if get_stage("/misc") == "3/3" then ` + a + `; set_stage("/misc", ""); ` +
			`else package_extract_file("boot.img", "/dev/block/by-name/boot"); set_stage("/misc", "2/3"); reboot_now("/misc", ""); endif; endif; package_extract_file("n.dat", "/n")`,
			"nodes 1: /a member=a.txt 1: /n member=n.dat raw 1: /dev/block/by-name/boot [boot] member=boot.img 1: /dev/block/by-name/recovery [recovery] member=boot.img"},
	} {
		t.Run(c.name, func(t *testing.T) { checkPlan(t, c.src, c.want) })
	}
}

func TestCalls(t *testing.T) {
	const src = "ifelse(getprop(x),\n ui_print(\"a\" + b),\n \"\");\n\"\" && delete(y);\nabort();\nsymlink(a, /b)"
	const want = `calls
  1: branch ifelse(getprop(x), ui_print("a" + b), )
  1: read getprop(x)
  2: message ui_print(ab) | if getprop(x)
  4: never delete delete(y)
  5: check abort()
  6: never link symlink(a, /b)
aborts at line 5
`
	p := mustParse(t, src).Plan(nil)
	if got := dump(p); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, c := range p.Calls {
		if !strings.HasPrefix(src[c.Offset:], c.Name+"(") {
			t.Errorf("%s does not stand at %d", c.Name, c.Offset)
		}
	}
}

// A small script must not make much of a large package.
func TestAmplification(t *testing.T) {
	many := make([]string, 100_000)
	for i := range many {
		many[i] = fmt.Sprintf("system/app/%06d/base.apk", i)
	}
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "package_extract_dir(\"\", \"/%d\");\n", i)
	}
	p := mustParse(t, b.String()).Plan(many)
	if len(p.Nodes) > maxFiles {
		t.Errorf("%d nodes", len(p.Nodes))
	}
	if len(p.Unfollowed) != 1 || p.Unfollowed[0].Cause != CauseLimit {
		t.Errorf("unfollowed: %v", p.Unfollowed)
	}
	full := "package_extract_dir(\"system\", \"/system\"); set_perm_recursive(0, 0, 0755, 0644, \"/system\");"
	if p := mustParse(t, full).Plan(many); len(p.Unfollowed) != 0 || len(p.Nodes) != 200_002 {
		t.Errorf("a large update: %d nodes, %v", len(p.Nodes), p.Unfollowed)
	}
}

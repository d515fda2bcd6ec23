package otatest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
)

// pack compresses data with the C tool of a method, "xz", "lzma", "bz", "zstd"
// or "brotli", the way AOSP's builder does; fast asks for less effort.
func pack(method string, fast bool, data []byte) ([]byte, error) {
	args := packArgs(method, fast, data)
	if args == nil {
		return nil, fmt.Errorf("otatest: no method %q", method)
	}
	cmd := exec.Command(args[0], args[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w %s", args[0], err, errs.Bytes())
	}
	return out.Bytes(), nil
}

// packArgs follows payload_generator/xz_android.cc and bzip.cc: xz has no check,
// level 6 and a dictionary no larger than the data. Its encoder of the years
// before 2024 put a branch filter in front where the data begin like a program.
func packArgs(method string, fast bool, data []byte) []string {
	preset, zstd, brotli := 6, "-19", "6"
	if fast {
		preset, zstd, brotli = 1, "-3", "2"
	}
	switch method {
	case "xz":
		args := []string{"xz", "--format=xz", "--check=none", "-T1", "-c"}
		if f := branchFilter(data); f != "" {
			args = append(args, f)
		}
		return append(args, fmt.Sprintf("--lzma2=preset=%d,dict=%d", preset, dictionary(data)))
	case "lzma":
		return []string{"xz", "--format=lzma", "-T1", "-c", fmt.Sprintf("--lzma1=preset=%d,dict=%d", preset, dictionary(data))}
	case "bz":
		return []string{"bzip2", "-9", "-c"}
	case "zstd":
		// The library, which AOSP uses, writes the size and no checksum.
		return []string{"zstd", "-q", zstd, "--single-thread", "--no-check", fmt.Sprintf("--stream-size=%d", len(data)), "-c"}
	case "brotli":
		return []string{"brotli", "-q", brotli, "-c"}
	}
	return nil
}

func dictionary(data []byte) int { return min(max(len(data), 4096), 8<<20) }

// branchFilter is the filter for the machine of an ELF file: EM_386 and
// EM_X86_64, or EM_ARM.
func branchFilter(data []byte) string {
	if len(data) < 52 || !bytes.HasPrefix(data, []byte("\x7fELF")) {
		return ""
	}
	switch binary.LittleEndian.Uint16(data[18:]) {
	case 3, 62:
		return "--x86"
	case 40:
		return "--armthumb"
	}
	return ""
}

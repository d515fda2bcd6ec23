//go:build linux || darwin

package ota

import (
	"math"
	"os"
	"syscall"
)

// freeBytes is how much may still be written below dir, "" for the system's folder for
// temporary files.
func freeBytes(dir string) (int64, bool) {
	if dir == "" {
		dir = os.TempDir()
	}
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil || st.Bsize <= 0 || st.Bavail > math.MaxInt64/uint64(st.Bsize) {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}

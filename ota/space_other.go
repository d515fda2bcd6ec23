//go:build !linux && !darwin

package ota

// freeBytes cannot tell here: a full disk is met when it is full.
func freeBytes(string) (int64, bool) { return 0, false }

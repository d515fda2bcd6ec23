//go:build unix

package archive

import "syscall"

// openFlags keep a pipe that has just taken a file's place from blocking, and a
// terminal from becoming ours.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY

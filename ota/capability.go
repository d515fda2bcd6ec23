package ota

import (
	"slices"
	"strconv"
)

// CapabilityNames are the names of capabilities by their bits (linux/capability.h), in
// their order: cap_chown and on. A bit that has no name yet is cap_N, as libcap prints it.
func CapabilityNames(set uint64) []string {
	var names []string
	for bit := range 64 {
		if set>>bit&1 != 0 {
			names = append(names, capabilityName(bit))
		}
	}
	return slices.Clip(names)
}

// capabilityName is the name of a capability: CAP_CHOWN to CAP_CHECKPOINT_RESTORE of
// linux/capability.h.
func capabilityName(bit int) string {
	names := [...]string{"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
		"linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module",
		"sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
		"sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
		"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"}
	if bit < len(names) {
		return "cap_" + names[bit]
	}
	return "cap_" + strconv.Itoa(bit)
}

// Package dtbo reads tables of device trees: what the partitions dtbo and dtb
// hold, and, with another magic, tables of ACPI overlays (acpio).
//
// The format is that of AOSP, system/libufdt: utils/src/dt_table.h for the
// layout, utils/src/mkdtboimg.py for what reads and writes it. All integers are
// big-endian; sizes and offsets are in bytes and count from the first byte of
// the table.
//
// Entries are given as they are stored: their compression is named, and undone
// elsewhere; device trees are not read, but for their first eight bytes. What
// follows the table, such as zeros and an AVB footer, is nobody's here.
//
// Refused is what lies outside of the table or the file, a version above 2, and
// headers and entries of other sizes than their version has, which mkdtboimg.py
// refuses as well. Entries may share their bytes: mkdtboimg.py stores a file
// once that it is given twice. Notes say where entries overlap otherwise.
//
// Limits: 4096 entries.
//
// Nothing uses this package yet.
package dtbo

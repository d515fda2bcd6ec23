// Reads what AOSP's libcutils reads with canned_fs_config: lines of a path, owner, group, octal mode and,
// optionally, capabilities=0x… A path that is not listed is 0:0, 0755 or 0644.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "private/canned_fs_config.h"

static struct { char path[512]; unsigned uid, gid, mode; uint64_t caps; } all[256];
static int count;

int load_canned_fs_config(const char *file) {
	char line[1024];
	FILE *f = fopen(file, "r");
	if (!f) return -1;
	while (fgets(line, sizeof line, f) && count < 256) {
		unsigned long long caps = 0;
		const char *c = strstr(line, "capabilities=");
		if (c) caps = strtoull(c + 13, 0, 0);
		if (sscanf(line, "%511s %u %u %o", all[count].path, &all[count].uid, &all[count].gid, &all[count].mode) == 4)
			all[count++].caps = caps;
	}
	fclose(f);
	return 0;
}

void canned_fs_config(const char *path, int dir, const char *out, unsigned *uid, unsigned *gid, unsigned *mode, uint64_t *caps) {
	while (*path == '/') path++;
	*uid = *gid = 0, *mode = dir ? 0755 : 0644, *caps = 0;
	for (int i = 0; i < count; i++)
		if (!strcmp(all[i].path, path))
			*uid = all[i].uid, *gid = all[i].gid, *mode = all[i].mode, *caps = all[i].caps;
}

int no_copy_xattrs; // which mke2fs and debugfs define for misc/create_inode.c

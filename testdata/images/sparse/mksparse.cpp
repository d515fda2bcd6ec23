// Has AOSP's libsparse write a sparse image with a CRC chunk, which no tool of Debian's asks for:
// mksparse OUT BLOCKSIZE plain|fills|hole. Blocks 0-1 are data, 2-5 fills of one block each, or one
// fill of two and (with "fills") another, or (with "hole") nothing; 6 is data.
#include <sparse/sparse.h>

#include <fcntl.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <string>

int main(int, char** argv) {
	unsigned bs = atoi(argv[2]);
	bool plain = !strcmp(argv[3], "plain"), hole = !strcmp(argv[3], "hole");
	std::string a(2 * bs, 0), b(bs, 0);
	for (size_t i = 0; i < a.size(); i++) a[i] = char(i * 7 + i / 256);
	for (size_t i = 0; i < b.size(); i++) b[i] = char(i * 3 + 1);
	sparse_file* s = sparse_file_new(bs, 7 * uint64_t(bs));
	sparse_file_add_data(s, a.data(), a.size(), 0);
	if (plain) {
		for (unsigned i = 0; i < 4; i++) sparse_file_add_fill(s, 0xdeadbeef + i, bs, 2 + i);
	} else {
		sparse_file_add_fill(s, 0xdeadbeef, 2 * bs, 2);
		if (!hole) sparse_file_add_fill(s, 0, 2 * bs, 4);
	}
	sparse_file_add_data(s, b.data(), b.size(), 6);
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int rc = sparse_file_write(s, fd, false, true, true);
	close(fd);
	fd = open(argv[1], O_RDONLY);
	// The library's own opinion of what it wrote: status 1 where its reader refuses the checksum.
	return rc ? 2 : sparse_file_import(fd, true, true) ? 0 : 1;
}

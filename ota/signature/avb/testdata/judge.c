// What libavb says of vbmeta images: judge IMAGE... for avb_vbmeta_image_verify, judge cert ATTRIBUTES IMAGE... for what libavb_atx,
// the later libavb_cert, says of the metadata of their keys on a device with those attributes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavb/avb_sha.h>
#include <libavb/libavb.h>
#include <libavb_atx/libavb_atx.h>

static AvbAtxPermanentAttributes attributes;

static AvbIOResult get_attributes(AvbAtxOps* o, AvbAtxPermanentAttributes* a) {
  *a = attributes;
  return AVB_IO_RESULT_OK;
}

static AvbIOResult get_hash(AvbAtxOps* o, uint8_t hash[AVB_SHA256_DIGEST_SIZE]) {
  AvbSHA256Ctx c;
  avb_sha256_init(&c);
  avb_sha256_update(&c, (uint8_t*)&attributes, sizeof attributes);
  memcpy(hash, avb_sha256_final(&c), AVB_SHA256_DIGEST_SIZE);
  return AVB_IO_RESULT_OK;
}

static void set_version(AvbAtxOps* o, size_t location, uint64_t version) {}

static AvbIOResult get_index(AvbOps* o, size_t location, uint64_t* index) {
  *index = 0;
  return AVB_IO_RESULT_OK;
}

static uint8_t* load(const char* name, size_t* n) {
  FILE* f = fopen(name, "rb");
  uint8_t* p = malloc(1 << 20);
  *n = fread(p, 1, 1 << 20, f);
  fclose(f);
  return realloc(p, *n);
}

int main(int argc, char** argv) {
  bool cert = argc > 3 && !strcmp(argv[1], "cert");
  size_t n, length;
  AvbAtxOps atx = {.read_permanent_attributes = get_attributes, .read_permanent_attributes_hash = get_hash, .set_key_version = set_version};
  AvbOps ops = {.atx_ops = &atx, .read_rollback_index = get_index};
  atx.ops = &ops;
  if (cert) {
    memcpy(&attributes, load(argv[2], &n), sizeof attributes);
  }
  for (int i = cert ? 3 : 1; i < argc; i++) {
    uint8_t* p = load(argv[i], &n);
    const uint8_t* key = NULL;
    AvbVBMetaVerifyResult r = avb_vbmeta_image_verify(p, n, &key, &length);
    if (!cert) {
      puts(avb_vbmeta_verify_result_to_string(r));
      continue;
    }
    AvbVBMetaImageHeader h;
    avb_vbmeta_image_header_to_host_byte_order((AvbVBMetaImageHeader*)p, &h);
    uint8_t* aux = p + sizeof h + h.authentication_data_block_size;
    bool trusted = false;
    avb_atx_validate_vbmeta_public_key(&ops, aux + h.public_key_offset, h.public_key_size, aux + h.public_key_metadata_offset,
                                       h.public_key_metadata_size, &trusted);
    puts(trusted ? "trusted" : "not trusted");
  }
}

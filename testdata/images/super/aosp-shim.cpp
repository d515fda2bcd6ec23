// What AOSP's lpmake needs from libraries that are not built with it: logging to
// standard error, and two functions of bionic. Nothing here knows the format.
#include <android/log.h>
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <cstring>

extern "C" {
int __xpg_strerror_r(int, char*, size_t);
int posix_strerror_r(int n, char* b, size_t len) { return __xpg_strerror_r(n, b, len); }
void __android_log_call_aborter(const char*) { abort(); }
int32_t __android_log_get_minimum_priority(void) { return ANDROID_LOG_WARN; }
int __android_log_is_loggable(int p, const char*, int) { return p >= ANDROID_LOG_WARN; }
void __android_log_logd_logger(const struct __android_log_message* m) { fprintf(stderr, "%s\n", m->message); }
void __android_log_write_log_message(struct __android_log_message* m) { fprintf(stderr, "%s\n", m->message); }
void __android_log_set_aborter(__android_aborter_function) {}
void __android_log_set_default_tag(const char*) {}
void __android_log_set_logger(__android_logger_function) {}
int32_t __android_log_set_minimum_priority(int32_t) { return ANDROID_LOG_WARN; }
uint64_t get_block_device_size(int) { return 0; } // only image files are opened
}

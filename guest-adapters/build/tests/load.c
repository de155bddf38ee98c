/* Loads the library named first and lets it describe the folder named second. */
#include <dlfcn.h>

int main(int count, char **arguments) {
    void *library = count == 3 ? dlopen(arguments[1], RTLD_NOW) : 0;
    void (*describe)(const char *) = library ? (void (*)(const char *))dlsym(library, "describe") : 0;
    if (!describe) return 1;
    describe(arguments[2]);
    return 0;
}

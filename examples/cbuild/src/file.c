#include "file.h"

#include <stdio.h>
#include <string.h>

bool read_file(const char *path, Buffer *buffer)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file)
        return false;
    char chunk[4096];
    size_t length;
    while ((length = fread(chunk, 1, sizeof chunk, file)) > 0)
        append(buffer, chunk, length);
    bool fine = !ferror(file);
    if (!standard)
        fclose(file);
    return fine;
}

bool write_file(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    bool written = fwrite(bytes, 1, length, file) == length;
    return fclose(file) == 0 && written;
}

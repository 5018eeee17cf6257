#ifndef ERROR_H
#define ERROR_H

/* Names the script that errors are about from now on. */
void set_script(const char *name);

/* Ends the program: "calc: script:line: message". */
_Noreturn void fail(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

/* Draws a view of the Mandelbrot set as plain PGM: 0 for points that never leave, and for all others how soon
   they do. The view is an object in JSON, of numbers only but for its id. */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000, SAMPLES = 2 };

/* The number that an object has under a name. */
static double number(const char *object, const char *name)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *found = strstr(object, quoted);
    if (!found) {
        fprintf(stderr, "draw: the view has no %s: %s\n", name, object);
        exit(1);
    }
    return strtod(found + strlen(quoted), NULL);
}

/* The steps until a point leaves, with a fraction that makes them smooth; 0 if it does not. */
static double escape(double complex point, int steps)
{
    double complex z = 0;
    for (int step = 0; step < steps; step++) {
        double x = creal(z), y = cimag(z);
        if (x * x + y * y > 1e6)
            return step + 2 - log2(log(cabs(z)));
        z = CMPLX(x * x - y * y + creal(point), 2 * x * y + cimag(point));
    }
    return 0;
}

/* The same for a pixel: the mean of several points of it, from 1 to MOST by the logarithm of the steps. */
static int shade(double complex corner, double size, int steps)
{
    double sum = 0;
    for (int sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        double right = (sample % SAMPLES + 0.5) * size / SAMPLES;
        double down = (sample / SAMPLES + 0.5) * size / SAMPLES;
        double left_at = escape(corner + CMPLX(right, -down), steps);
        if (left_at == 0)
            return 0;
        sum += log(1 + left_at) / log(1 + steps);
    }
    int shade = (int)(MOST * sum / (SAMPLES * SAMPLES));
    return shade < 1 ? 1 : shade > MOST ? MOST : shade;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fputs("usage: draw VIEW\n", stderr);
        return 2;
    }
    const char *view = arguments[1];
    int width = (int)number(view, "width"), height = (int)number(view, "height");
    int steps = (int)number(view, "steps");
    double size = number(view, "across") / width;
    double complex corner = CMPLX(number(view, "x") - size * width / 2, number(view, "y") + size * height / 2);
    printf("P2\n%d %d\n%d\n", width, height, MOST);
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++)
            printf(column ? " %d" : "%d", shade(corner + CMPLX(column * size, -row * size), size, steps));
        putchar('\n');
    }
    return 0;
}

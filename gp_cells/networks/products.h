// What cells and matrix products share: the numbers, and a table of functions, so that the products are
// compiled once for all cells.

#ifdef DOUBLE
using Real = double;
#else
using Real = float;
#endif

// Element (i, k) of a left factor is numbers[i * across + k * down]. Here and below one of across and down is 1.
struct Left {
    const Real *numbers;
    long across, down;
};

struct Products {
    // How many numbers a right factor (depth, columns) takes when it is packed.
    long (*packed_size)(long depth, long columns);
    // Pack a right factor: its element (k, j) is numbers[k * down + j * across].
    void (*pack)(const Real *numbers, long down, long across, long depth, long columns, Real *packed);
    // How many numbers of room `multiply` needs for a left factor (rows, depth).
    long (*room_size)(long rows, long depth);
    // to (rows, columns), a row `stride` long, = or += left (rows, depth) × the packed factor.
    void (*multiply)(Left left, long rows, const Real *packed, long depth, long columns, Real *to, long stride,
                     bool add, Real *room);
};


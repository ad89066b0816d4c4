// What `products.cpp` and `products_bfloat16.cpp` both have.

// A left factor: its element (i, k) is numbers[i * across + k * down], and one of across and down is 1.
struct Left {
    const Real *numbers;
    long across, down;
};

// How many numbers a right factor (depth, columns) takes when it is packed.
static long packed_size(long depth, long columns);
// Pack a right factor: its element (k, j) is numbers[k * down + j * across], and one of across and down is 1.
static void pack(const Real *numbers, long down, long across, long depth, long columns, Real *packed);
// How many numbers of room `multiply` needs for a left factor (rows, depth).
static long room_size(long rows, long depth);
// to (rows, columns), a row `stride` long, = or += left (rows, depth) × the packed factor.
static void multiply(Left left, long rows, const Real *packed, long depth, long columns, Real *to, long stride,
                     bool add, Real *room);


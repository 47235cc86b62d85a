// Where the numbers of a matrix of activations stand: in groups of `height` rows, cut into pieces of `width` columns,
// so that a piece of a group is one stretch of memory. Plain rows are height 1, width = all columns.
#pragma once
#include "vector.hpp"

template <class T> struct Rows {
    T* base;
    int height, width;
    int64_t columns;

    INLINE T* at(int64_t row, int64_t column) const {
        int64_t group = row / height, piece = column / width;
        return base + (group * (columns / width) + piece) * height * width + (row % height) * width + column % width;
    }
    static Rows plain(T* base, int64_t columns) { return {base, 1, int(columns), columns}; }
};

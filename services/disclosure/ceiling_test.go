//go:build !race

package disclosure

// ceiling is how often opening a record may allocate.
const ceiling = 1

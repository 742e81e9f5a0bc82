//go:build race

package disclosure

// ceiling is how often opening a record may allocate: under the race detector
// pools forget on purpose.
const ceiling = 10

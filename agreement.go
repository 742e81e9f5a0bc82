// Package jisr holds what the project ships beside its code: the data-sharing
// agreement, so that the demonstration runs from the binary alone.
package jisr

import _ "embed" // for the file below

// Agreement is agreement.txtpb. A server in service reads the file that its
// configuration names, never this copy.
//
//go:embed agreement.txtpb
var Agreement []byte

// Package examples holds a made-up register and its mapping, so that the
// demonstration runs from the binary alone. Its persons are put together from
// words for colours, trees and rivers and are nobody.
package examples

import _ "embed" // for the files below

// Register is register.csv, as the federal Ministry of Interior's
// counter-trafficking directorate might keep it: four cases in eight rows, in
// Arabic, Sorani and Latin script. The Kurdistan Region administers the last.
//
//go:embed register.csv
var Register []byte

// RegisterMapping is register.mapping.yaml, the mapping of Register.
//
//go:embed register.mapping.yaml
var RegisterMapping []byte

// SherlocMapping is sherloc.mapping.yaml, the mapping of the coded table of
// United States cases in UNODC's SHERLOC case law database.
//
//go:embed sherloc.mapping.yaml
var SherlocMapping []byte

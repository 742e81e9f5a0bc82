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

// HTCDS is htcds.csv, made-up persons under the field names of IOM's Human
// Trafficking Case Data Standard 2.0.
//
//go:embed htcds.csv
var HTCDS []byte

// HTCDSMapping is htcds.mapping.yaml, the mapping of a file in that standard.
//
//go:embed htcds.mapping.yaml
var HTCDSMapping []byte

// CTDCMapping is ctdc.mapping.yaml, the mapping of the victim profiles of the
// Counter Trafficking Data Collaborative.
//
//go:embed ctdc.mapping.yaml
var CTDCMapping []byte

// NRMMapping is nrm.mapping.yaml, the mapping of referrals of the United
// Kingdom's National Referral Mechanism form.
//
//go:embed nrm.mapping.yaml
var NRMMapping []byte

package oracle

// Classes that the matrix does not know: the exchange's own words, and an
// agency's dealings with it.
var dealingRows = []row{
	{
		// Choice: operations has no class at all, EXCHANGE among them.
		// Choice: monitor and committee have no dealings of their own, and no file
		// number.
		// Choice: LOG_ENTRY is the owner's, whatever its role, and the monitor's; the
		// committee has none, owner or not. LOG_AGENCY is the owner's, and only where
		// the link of whoever acted is evident.
		// Choice: CASE_PERSONS, the other persons that a record names, is for who named
		// them and the judge: knowing of one victim does not show another.
		title: "the exchange and one's dealings",
		table: `
                      CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
EXCHANGE              F    F    F    F    F    F    F    F    F    F    F    F    F    F    F    F
REFERENCE             X    X    X    X    X    X    X    X    X    X    X    X    X    X    X    X
CASE_PERSONS          o    o    o    o    o    o    o    Ft   o    o    o    o    o    o    -    -
OWN_REFERENCE         o    o    o    o    o    o    o    o    o    o    o    o    o    o    -    -
SHARE_TERMS           F    F    F    F    F    F    F    F    F    F    F    F    F    F    -    -
NOTIFICATION          F    F    F    F    F    F    F    F    F    F    F    F    F    F    -    -
NOTIFICATION_RECEIPTS o    o    o    o    o    o    o    o    o    o    o    o    o    o    -    -
DELIVERY              F    F    F    F    F    F    F    F    F    F    F    F    F    F    -    -
LOG_ENTRY             Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   F    -
LOG_AGENCY            Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   Fw   -    -
`,
	},
}

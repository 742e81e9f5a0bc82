package oracle

// Rows 8 to 12: suspects, investigation, court.
var courtRows = []row{
	{
		// Part: the watch notice; for FA name and nationality of a foreign accused. X
		// (VAW, LSA, NGO): the alert.
		number: 8, title: "suspect identity",
		table: `
                 CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix           Pj   F    Fw   Fw   Xw   Pj   F    F    F    Xw   Pj   -    -    Xw   -    -
SUSPECT_IDENTITY -    Ft   Ft   Fw   -    -    Ft   Ft   Ft   -    -    -    -    -    -    -
SUSPECT_NOTICE   Pj   Ft   Ft   Fw   -    Pj   Ft   Ft   Ft   -    Pj   -    -    -    -    -
SUSPECT_ALERT    -    Ft   Ft   Fw   Xw   -    Ft   Ft   Ft   Xw   -    -    -    Xw   -    -
`,
	},
	{
		// Part: the plan, without sources or methods.
		number: 9, title: "investigation, operational",
		table: `
                      CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix                -    Fw   Fw   Pj   -    -    P    F    -    -    -    -    -    -    -    -
INVESTIGATION_PLAN    -    Fw   Fw   Pj   -    -    Pt   Ft   -    -    -    -    -    -    -    -
INVESTIGATION_SOURCES -    Fw   Fw   -    -    -    -    Ft   -    -    -    -    -    -    -    -
`,
	},
	{
		// Part (ASY): the items that the order names; the order names the class, the
		// shelf the items.
		number: 10, title: "evidence",
		table: `
         CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix   o    Fw   Fw   Pj   o    -    F    F    F    -    -    o    -    o    -    -
EVIDENCE o    Fw   Fw   Pj   o    -    Ft   Ft   Ft   -    -    o    -    o    -    -
`,
	},
	{
		// Part: orders addressed to that agency, and the next date. M (HC, CC): nothing.
		//
		// Choice: "orders addressed to that agency" is taken at its word: with P,
		// COURT_ORDERS opens by being an addressee, and neither a working link nor
		// territory is enough (a shelter order is addressed to the shelter).
		// Choice: an order opens HEARINGS where the cell is j; dates have no addressee.
		number: 11, title: "court proceedings",
		table: `
                  CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix            -    P    Pw   Pj   Pw   Pj   F    F    F    Pw   Pw   Pw   Pw   Pw   M    M
COURT_PROCEEDINGS -    -    -    -    -    -    Ft   Ft   Ft   -    -    -    -    -    -    -
HEARINGS          -    Pt   Pt   Pj   Pw   Pj   Ft   Ft   Ft   Pw   Pw   Pw   Pw   Pw   -    -
COURT_ORDERS      -    Pt   Pt   Pj   Pw   Pj   Ft   Ft   Ft   Pw   Pw   Pw   Pw   Pw   -    -
`,
	},
	{
		// Whether a sealed matter is there for an agency is the shelf's to say; this is
		// the text of the seal.
		//
		// Choice: being named by a seal does not open its text; an order that names the
		// class does.
		number: 12, title: "sealed court",
		table: `
             CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix       -    j    j    j    -    -    j    F    j    -    -    -    -    -    -    -
COURT_SEALED -    j    j    j    -    -    j    Ft   j    -    -    -    -    -    -    -
`,
	},
}

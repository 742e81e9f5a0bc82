package oracle

// Rows 2 to 7: the person.
var victimRows = []row{
	{
		// Part: alias, sex, age band, languages, nationality; for RES permit and
		// passport number, for FA name, date of birth and passport, with consent.
		// FA reads nationality without consent (correction).
		//
		// Choice: the parts of RES and FA replace the general part, so neither reads
		// VICTIM_PROFILE or VICTIM_ALIAS.
		// Choice: RES reads nationality by order, as it does the permit number.
		// Choice: HC's c is "identity on the victim's own complaint": VICTIM_IDENTITY
		// alone of this row.
		number: 2, title: "victim identity",
		table: `
                   CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix             Po   F    Fw   j    Fw   Pj   F    F    F    Fw   Pc   Fw   Pw   Fwc  c    -
VICTIM_PROFILE     Po   Ft   Ft   j    Fw   -    Ft   Ft   Ft   Fw   -    Fw   Pw   Fwc  -    -
VICTIM_NATIONALITY Po   Ft   Ft   j    Fw   Pj   Ft   Ft   Ft   Fw   P    Fw   Pw   Fwc  -    -
VICTIM_ALIAS       Po   Ft   Ft   j    Fw   -    Ft   Ft   Ft   Fw   -    Fw   Pw   Fwc  -    -
VICTIM_IDENTITY    -    Ft   Ft   j    Fw   -    Ft   Ft   Ft   Fw   Pc   Fw   -    Fwc  c    -
VICTIM_DOCUMENTS   -    Ft   Ft   j    Fw   Pj   Ft   Ft   Ft   Fw   Pc   Fw   -    Fwc  -    -
`,
	},
	{
		// Part: the district only; for MOH the place of an appointment, which lies in
		// CARE_INSTRUCTIONS (row 5); for CT and DCOC the liaison contact.
		//
		// Choice: so MOH has no class of this row, and police have LIAISON_CONTACT
		// without the district.
		number: 3, title: "victim contact and location",
		table: `
                CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix          -    Pw   Pw   -    Fw   -    j    F    -    Fw   -    Pw   Pwc  Fw   -    -
VICTIM_LOCATION -    -    -    -    Fw   -    j    Ft   -    Fw   -    -    -    Fw   -    -
VICTIM_DISTRICT -    -    -    -    Fw   -    j    Ft   -    Fw   -    -    Pwc  Fw   -    -
LIAISON_CONTACT -    Pw   Pw   -    Fw   -    j    Ft   -    Fw   -    -    -    Fw   -    -
`,
	},
	{
		// Part: measures in force and the level of risk, without the assessment. X
		// (FA): RETURN_RISK as yes or no. M (HC): nothing.
		//
		// Choice: a part does not hold RETURN_RISK.
		number: 4, title: "protection and risk",
		table: `
                    CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix              -    Fw   Fw   -    Fw   -    P    F    P    Fw   X    Pw   Pw   Fw   M    -
VICTIM_RISK         -    Fw   Fw   -    Fw   -    -    Ft   -    Fw   -    -    -    Fw   -    -
PROTECTION_MEASURES -    Fw   Fw   -    Fw   -    Pt   Ft   Pt   Fw   -    Pw   Pw   Fw   -    -
RETURN_RISK         -    Fw   Fw   -    Fw   -    -    Ft   -    Fw   X    -    -    Fw   -    -
`,
	},
	{
		// Part: care instructions and appointments, without diagnosis or history. LSA,
		// NGO and VAW counsellors reread what they wrote (correction: o).
		//
		// Choice: medical records never go to prosecutors (never-share list, 1), so a
		// judge's order opens FORENSIC_REPORT to PP and nothing else of the row.
		// The forensic report goes to the judge (correction): the investigating judge's
		// own order had it made. The trial court has it by order. Health keeps what it
		// wrote of it.
		number: 5, title: "medical and psychosocial",
		table: `
                  CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix            -    -    -    -    Pwc  -    j    j    j    Pw   -    Fw   -    Pwc  -    -
VICTIM_HEALTH     -    -    -    -    o    -    -    j    j    o    -    Fw   -    o    -    -
CARE_INSTRUCTIONS -    -    -    -    Pwc  -    -    j    j    Pw   -    Fw   -    Pwc  -    -
FORENSIC_REPORT   -    -    -    -    -    -    j    Ft   j    -    -    o    -    -    -    -
`,
	},
	{
		// Part: status class, hold, travel document held. FA never reads
		// VICTIM_IMMIGRATION, which may hold an asylum claim; RES reads IMMIGRATION_HOLD
		// (corrections).
		//
		// Choice: the status class lies in one section with the asylum claim, and the
		// travel document with the consular request; so a part is IMMIGRATION_HOLD.
		// Choice: FA's F is VICTIM_CONSULAR alone.
		number: 6, title: "immigration and consular",
		table: `
                   CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix             -    F    Fw   -    Pw   Pw   P    F    P    Pw   Fwc  -    Pwc  Pwc  -    -
VICTIM_IMMIGRATION -    Ft   Ft   -    -    -    -    Ft   -    -    -    -    -    -    -    -
IMMIGRATION_HOLD   -    Ft   Ft   -    Pw   Pw   Pt   Ft   Pt   Pw   -    -    Pwc  Pwc  -    -
VICTIM_CONSULAR    -    Ft   Ft   -    -    -    -    Ft   -    -    Fwc  -    -    -    -    -
`,
	},
	{
		number: 7, title: "victim statement",
		table: `
                 CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix           -    Fw   Fw   j    o    -    F    F    F    -    -    -    -    o    -    -
VICTIM_STATEMENT -    Fw   Fw   j    o    -    Ft   Ft   Ft   -    -    -    -    o    -    -
`,
	},
}

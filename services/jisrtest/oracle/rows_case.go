package oracle

// Rows 1, 13 and 14: the case, its referrals, the consents.
//
// Territory: counter-trafficking police, organised-crime directorate,
// prosecutor, judge and trial court have their cells in their own territory or
// when assigned (t).
//
// Choice: a cell that the matrix gives under w to both police bodies alike (rows
// 3, 4, 7, 9, 10, 13) stays w; territory alone does not open it. Where the
// matrix gives counter-trafficking police a bare letter and the organised-crime
// directorate a w (rows 1, 2, 6, 8, 11, 14), the w says "its own area", so both
// are t.
var caseRows = []row{
	{
		// Part: number, crime type, exploitation, governorate, status, owning agency,
		// urgency; without charges, methods, suspects.
		//
		// Choice: CP has "its own report and a three-value status", so PROGRESS by
		// link, its own CASE_CORE, CASE_NARRATIVE and SCREENING, and neither
		// CASE_STATUS nor CASE_PARTIES.
		// Choice: X (RES, MOH) is REFERENCE alone: no CASE_STATUS, no PROGRESS.
		// Choice: M (HC, CC) shows no PROGRESS.
		// Choice: whoever may open a case keeps sight of the narrative and screening
		// that it wrote itself (9.8: the reader still sees its own entries).
		// Choice: NON_PUNISHMENT is for prosecutor, investigating judge and judicial
		// investigator; not for the trial court ("raised to PP/IJ only").
		number: 1, title: "case core",
		table: `
               CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix         Po   F    Fw   Pw   Pw   Xw   F    F    F    Pw   Pw   Xw   Pw   Pw   M    M
CASE_STATUS    -    Ft   Ft   Pw   Pw   -    Ft   Ft   Ft   Pw   Pw   -    Pw   Pw   M    M
PROGRESS       P    Ft   Ft   Pw   Pw   -    Ft   Ft   Ft   Pw   Pw   -    Pw   Pw   -    -
CASE_PARTIES   -    Ft   Ft   Pw   Pw   -    Ft   Ft   Ft   Pw   Pw   -    Pw   Pw   -    -
CASE_CORE      Po   Ft   Ft   Pw   Pw   -    Ft   Ft   Ft   Pw   Pw   -    Pw   Pw   M    M
CASE_NARRATIVE Po   Ft   Ft   o    o    -    Ft   Ft   Ft   o    -    -    -    o    -    -
SCREENING      Po   Ft   Ft   -    o    -    Ft   Ft   Ft   o    -    -    -    o    -    -
CHARGES        -    Ft   Ft   -    -    -    Ft   Ft   Ft   -    -    -    -    -    -    -
NON_PUNISHMENT -    -    -    -    -    -    Ft   Ft   -    -    -    -    -    -    -    -
`,
	},
	{
		// Part: status, times and the agency's own step. X (TC): that the victim is in
		// care, which is REFERRAL_STATUS.
		//
		// Choice: "only sender and receiver, plus judge" (reason 24), so w in this row
		// is being a party to the referral; owning the case or being assigned to it is
		// not enough, because the receiver is the shelter. For the prosecutor the
		// status goes by territory and everything else by being a party.
		// Choice: o (CP, ASY) is the sender's; such a role is shown nothing of a
		// referral that it received.
		// A receiver with P reads the REFERRAL_REQUEST addressed to it.
		number: 13, title: "referral logistics",
		table: `
                   CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix             o    Fw   Fw   o    Fw   Pw   P    F    X    Fw   Pw   Pw   Pw   Fw   M    M
REFERRAL_STATUS    o    Fw   Fw   o    Fw   Pw   Pt   Ft   Xt   Fw   Pw   Pw   Pw   Fw   M    M
REFERRAL_PARTIES   o    Fw   Fw   o    Fw   Pw   Pw   Ft   -    Fw   Pw   Pw   Pw   Fw   -    -
REFERRAL_OUTCOME   o    Fw   Fw   o    Fw   Pw   Pw   Ft   -    Fw   Pw   Pw   Pw   Fw   -    -
REFERRAL_REQUEST   o    Fw   Fw   o    Fw   Pw   Pw   Ft   -    Fw   Pw   Pw   Pw   Fw   -    -
REFERRAL_LOGISTICS o    Fw   Fw   o    Fw   o    o    Ft   -    Fw   o    o    o    Fw   -    -
`,
	},
	{
		// Part: purpose, state, expiry, which is CONSENT_SCOPE.
		number: 14, title: "consent record",
		table: `
               CP   CT   DCOC ASY  VAW  RES  PP   IJ   TC   LSA  FA   MOH  MMD  NGO  HC   CC
matrix         -    P    Pw   -    Pw   -    P    F    P    Fw   Pw   Pw   Pw   Fw   F    -
CONSENT_SCOPE  -    Pt   Pt   -    Pw   -    Pt   Ft   Pt   Fw   Pw   Pw   Pw   Fw   F    -
CONSENT_RECORD -    o    o    -    o    -    -    Ft   -    Fw   -    -    -    Fw   F    -
`,
	},
}

package oracle

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// departures are the cells that are neither the matrix's, nor that with the
// letter of territory (where the matrix has none for counter-trafficking police
// and w for the organised-crime directorate, both), nor shut where the matrix
// gives a part to which the class does not belong (outside, below). Each line
// is a class, the roles and the cell, with the reason.
var departures = map[string]string{
	"PROGRESS CP P":                         "reads the three-value status (correction)",
	"VICTIM_NATIONALITY FA P":               "without consent (correction)",
	"REFERRAL_PARTIES PP Pw":                "as a party only (reason 24)",
	"REFERRAL_OUTCOME PP Pw":                "as a party only (reason 24)",
	"REFERRAL_REQUEST PP Pw":                "as a party only (reason 24)",
	"VICTIM_HEALTH VAW LSA NGO o":           "rereads its own (correction)",
	"FORENSIC_REPORT MOH o":                 "goes to the judge; its writer keeps it (correction)",
	"FORENSIC_REPORT IJ Ft":                 "goes to the judge (correction)",
	"FORENSIC_REPORT VAW LSA NGO -":         "goes to the judge (correction)",
	"CASE_STATUS CASE_PARTIES CP -":         "has its own report and a three-value status (reason 1, correction)",
	"NON_PUNISHMENT CT DCOC TC -":           "goes to prosecutor and judge, not to police (correction)",
	"NON_PUNISHMENT HC CC -":                "goes to prosecutor and judge (correction)",
	"VICTIM_IMMIGRATION FA -":               "may hold an asylum claim (correction)",
	"CASE_PARTIES REFERRAL_PARTIES HC CC -": "no parties under a pseudonym (correction)",

	// Whoever wrote something keeps sight of its own words (9.8; part: the agency's own step).
	"CASE_NARRATIVE ASY VAW LSA NGO o":       "its own words",
	"SCREENING VAW LSA NGO o":                "its own words",
	"REFERRAL_LOGISTICS RES PP FA MOH MMD o": "its own step",
	"CONSENT_RECORD CT DCOC VAW o":           "the collector sees the whole (reason 25)",

	// A pseudonym stands in the place of a name and of nothing else. Words that
	// anybody may have put in, and days and hours that others know too, identify a
	// person under any pseudonym; so monitor and committee have of these rows only
	// what has no remarks and no day.
	"CASE_NARRATIVE SCREENING HC CC -":       "free text identifies a person under a pseudonym",
	"CHARGES HC CC -":                        "who claimed which article at which time, and the court's words",
	"PROGRESS HC CC -":                       "for who passed a matter on; monitor and committee pass nothing on and have CASE_STATUS",
	"VICTIM_RISK HC -":                       "the assessment is free text: threats, from whom, family",
	"PROTECTION_MEASURES HC -":               "measures are free text, and name places and people",
	"RETURN_RISK HC -":                       "a yes or no about one person, for who protects or returns that person",
	"COURT_PROCEEDINGS HC CC -":              "the court's own number and free text",
	"HEARINGS HC CC -":                       "an exact date and the court that sits, which others know too",
	"COURT_ORDERS HC CC -":                   "the decision is free text with the court's number and date",
	"REFERRAL_REQUEST HC CC -":               "free text (never-share list; reason 24)",
	"REFERRAL_LOGISTICS HC CC -":             "free text and exact times of who is taken where (never-share list; reason 24)",
	"REFERRAL_OUTCOME HC CC -":               "free text; that it ended is in REFERRAL_STATUS",
	"VICTIM_PROFILE VICTIM_NATIONALITY HC -": "on the victim's own complaint the monitor learns who that is, and no more (reason 12)",
	"VICTIM_ALIAS VICTIM_DOCUMENTS HC -":     "on the victim's own complaint the monitor learns who that is, and no more (reason 12)",

	"VICTIM_HEALTH CARE_INSTRUCTIONS PP -": "medical records never go to prosecutors (never-share list, 1); an order opens FORENSIC_REPORT",
	"IMMIGRATION_HOLD FA -":                "what residency was told; consular help needs VICTIM_CONSULAR",

	// The matrix' part of row 6 is {status class, hold, travel document held}, and
	// only the hold is a section of its own.
	"VICTIM_IMMIGRATION VAW RES PP TC LSA MMD NGO -": "the status class lies with the asylum claim",
	"VICTIM_CONSULAR VAW RES PP TC LSA MMD NGO -":    "the travel document lies with what is asked of the consular service",
}

// outside are the classes that do not belong to the part (P) or the mere
// existence (X) of a row, by the roles that have one there, and what the part is.
var outside = map[string]string{
	"CASE_STATUS PROGRESS CASE_PARTIES CASE_CORE RES MOH":      "existence is REFERENCE alone",
	"CASE_NARRATIVE SCREENING CHARGES NON_PUNISHMENT RES MOH":  "existence is REFERENCE alone",
	"CASE_NARRATIVE FA MMD":                                    "the core without what happened",
	"SCREENING ASY FA MMD":                                     "the core without what was screened",
	"CHARGES CP ASY VAW LSA FA MMD NGO":                        "the core without charges, methods, suspects",
	"NON_PUNISHMENT CP ASY VAW LSA FA MMD NGO":                 "the core without charges, methods, suspects",
	"VICTIM_IDENTITY VICTIM_DOCUMENTS CP MMD":                  "alias, sex, age band, languages, nationality",
	"VICTIM_PROFILE VICTIM_ALIAS VICTIM_IDENTITY RES":          "permit and passport number and the nationality",
	"VICTIM_PROFILE VICTIM_ALIAS FA":                           "name, date of birth, passport",
	"VICTIM_LOCATION CT DCOC MOH MMD":                          "never the place itself",
	"VICTIM_DISTRICT CT DCOC":                                  "the liaison's desk",
	"VICTIM_DISTRICT LIAISON_CONTACT MOH":                      "an appointment's place, which lies in CARE_INSTRUCTIONS",
	"LIAISON_CONTACT MMD":                                      "the district only",
	"VICTIM_RISK PP TC MOH MMD":                                "measures and level, without the assessment",
	"RETURN_RISK PP TC MOH MMD":                                "measures and level",
	"VICTIM_RISK PROTECTION_MEASURES FA":                       "a flag: whether there is a risk on return",
	"SUSPECT_IDENTITY SUSPECT_ALERT CP RES FA":                 "the watch notice; of a foreign accused name and nationality",
	"SUSPECT_IDENTITY SUSPECT_NOTICE VAW LSA NGO":              "the alert",
	"INVESTIGATION_SOURCES ASY PP":                             "the plan, without sources or methods",
	"COURT_PROCEEDINGS CT DCOC ASY VAW RES LSA FA MOH MMD NGO": "orders addressed to the agency and the next date",
	"REFERRAL_PARTIES REFERRAL_OUTCOME TC":                     "that the victim is in care",
	"REFERRAL_REQUEST REFERRAL_LOGISTICS TC":                   "that the victim is in care",
	"CONSENT_RECORD PP TC FA MOH MMD":                          "purpose, state, expiry",
}

// listed takes lists of classes, roles and a cell apart into one line each; a
// list without a cell is of shut ones.
func listed(t *testing.T, list map[string]string) map[string]bool {
	t.Helper()
	lines := make(map[string]bool)
	for _, words := range slices.Sorted(maps.Keys(list)) {
		var classes, roles []string
		cell := "-"
		for word := range strings.FieldsSeq(words) {
			switch {
			case slices.Contains(header, word):
				roles = append(roles, word)
			case len(roles) == 0:
				classes = append(classes, word)
			default:
				cell = word
			}
		}
		if list[words] == "" || len(roles) == 0 {
			t.Errorf("%s: without a reason, or of no role", words)
		}
		for _, class := range classes {
			for _, role := range roles {
				line := strings.Join([]string{class, role, cell}, " ")
				if lines[line] {
					t.Errorf("%s is listed twice", line)
				}
				lines[line] = true
			}
		}
	}
	return lines
}

func TestACellDepartsFromTheMatrixOnlyWhereItIsListed(t *testing.T) {
	for _, wrong := range departing(t, matrix()) {
		t.Error(wrong)
	}
}

// departing says which cells of a table depart from the matrix and are not
// listed, to the wider or the narrower side, and what is listed and does not occur.
func departing(t *testing.T, rows []row) (wrong []string) {
	t.Helper()
	allowed, parted := listed(t, departures), listed(t, outside)
	seen := make(map[string]bool)
	for _, r := range rows {
		lines, err := r.lines()
		if err != nil {
			t.Fatal(err)
		}
		source, inMatrix := lines[uncorrected]
		delete(lines, uncorrected)
		for class, cells := range lines {
			for i, cell := range cells {
				if !inMatrix || asTheMatrix(source, i, cell) {
					continue
				}
				line := strings.Join([]string{class, header[i], cell}, " ")
				seen[line] = true
				// Only where the matrix gives a part can a class lie outside of it.
				part := strings.ContainsAny(source[i][:1], "PX") && parted[line]
				if !allowed[line] && !part {
					wrong = append(wrong, line+", where the matrix has "+source[i])
				}
			}
		}
	}
	for _, list := range []map[string]bool{allowed, parted} {
		for line := range list {
			if !seen[line] {
				wrong = append(wrong, line+" is listed and does not occur")
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// asTheMatrix reports whether a cell is what the matrix has, territory aside.
func asTheMatrix(source []string, i int, cell string) bool {
	territorial := []string{"CT", "DCOC", "PP", "IJ", "TC"}
	return cell == source[i] || slices.Contains(territorial, header[i]) && cell == bare(source, i)+"t"
}

// bare is the cell that the letter of territory is added to.
func bare(source []string, i int) string {
	police := slices.Index(header, "CT")
	if header[i] == "DCOC" && !strings.HasSuffix(source[police], "w") {
		return strings.TrimSuffix(source[i], "w")
	}
	return source[i]
}

// TestADepartureThatIsNotListedIsNoticed is the control: to either side.
func TestADepartureThatIsNotListedIsNoticed(t *testing.T) {
	for line, want := range map[string]string{
		"VICTIM_STATEMENT -    -    ":                                     "VICTIM_STATEMENT CT -, where the matrix has Fw", // shut
		"VICTIM_STATEMENT -    Fw   Fw   j    o    -    Ft   Ft   Ft   o": "VICTIM_STATEMENT LSA o, where the matrix has -", // opened
		"VICTIM_STATEMENT -    Fw   Fw   j    -":                          "VICTIM_STATEMENT VAW -, where the matrix has o", // its own, shut
	} {
		rows := matrix()
		i := slices.IndexFunc(rows, func(r row) bool { return r.number == 7 })
		at := strings.Index(rows[i].table, "VICTIM_STATEMENT")
		rows[i].table = rows[i].table[:at] + line + rows[i].table[at+len(line):]
		if wrong := departing(t, rows); !slices.Equal(wrong, []string{want}) {
			t.Errorf("%q: %q", line, wrong)
		}
	}
}

package demo

import (
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// labels say in plain words what a data class holds, in no more room than the
// table's first column has.
var labels = map[jisrv1.DataClass]string{
	jisrv1.DataClass_DATA_CLASS_PROGRESS:              "received, acted on?",
	jisrv1.DataClass_DATA_CLASS_OWN_REFERENCE:         "own file number",
	jisrv1.DataClass_DATA_CLASS_CASE_STATUS:           "where it stands",
	jisrv1.DataClass_DATA_CLASS_CASE_PARTIES:          "who owns it",
	jisrv1.DataClass_DATA_CLASS_CASE_PERSONS:          "which victims",
	jisrv1.DataClass_DATA_CLASS_CASE_CORE:             "kind of crime",
	jisrv1.DataClass_DATA_CLASS_CASE_NARRATIVE:        "what happened",
	jisrv1.DataClass_DATA_CLASS_SCREENING:             "screening",
	jisrv1.DataClass_DATA_CLASS_CHARGES:               "charges",
	jisrv1.DataClass_DATA_CLASS_NON_PUNISHMENT:        "victim accused too?",
	jisrv1.DataClass_DATA_CLASS_INVESTIGATION_PLAN:    "investigation plan",
	jisrv1.DataClass_DATA_CLASS_INVESTIGATION_SOURCES: "sources",
	jisrv1.DataClass_DATA_CLASS_EVIDENCE:              "evidence",
	jisrv1.DataClass_DATA_CLASS_COURT_PROCEEDINGS:     "court proceedings",
	jisrv1.DataClass_DATA_CLASS_HEARINGS:              "hearing dates",
	jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE:        "sex, age, language",
	jisrv1.DataClass_DATA_CLASS_VICTIM_NATIONALITY:    "nationality",
	jisrv1.DataClass_DATA_CLASS_VICTIM_ALIAS:          "what she is called",
	jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY:       "full name",
	jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS:      "passport, papers",
	jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION:       "where she is",
	jisrv1.DataClass_DATA_CLASS_VICTIM_DISTRICT:       "district",
	jisrv1.DataClass_DATA_CLASS_LIAISON_CONTACT:       "shelter's liaison",
	jisrv1.DataClass_DATA_CLASS_VICTIM_RISK:           "risk assessment",
	jisrv1.DataClass_DATA_CLASS_PROTECTION_MEASURES:   "protection measures",
	jisrv1.DataClass_DATA_CLASS_RETURN_RISK:           "risk on return?",
	jisrv1.DataClass_DATA_CLASS_VICTIM_HEALTH:         "health findings",
	jisrv1.DataClass_DATA_CLASS_CARE_INSTRUCTIONS:     "care instructions",
	jisrv1.DataClass_DATA_CLASS_FORENSIC_REPORT:       "forensic report",
	jisrv1.DataClass_DATA_CLASS_VICTIM_IMMIGRATION:    "residence, asylum",
	jisrv1.DataClass_DATA_CLASS_IMMIGRATION_HOLD:      "hold on removal",
	jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR:       "consular help",
	jisrv1.DataClass_DATA_CLASS_SUSPECT_IDENTITY:      "who it is",
	jisrv1.DataClass_DATA_CLASS_SUSPECT_NOTICE:        "watch notice",
	jisrv1.DataClass_DATA_CLASS_SUSPECT_ALERT:         "safety alert",
	jisrv1.DataClass_DATA_CLASS_REFERRAL_STATUS:       "kind, where it is",
	jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES:      "from whom to whom",
	jisrv1.DataClass_DATA_CLASS_REFERRAL_REQUEST:      "what is asked",
	jisrv1.DataClass_DATA_CLASS_REFERRAL_LOGISTICS:    "escort, transport",
	jisrv1.DataClass_DATA_CLASS_REFERRAL_OUTCOME:      "outcome",
}

// label falls back to the class's own name, so that a new class shows and waits for no one.
func label(class jisrv1.DataClass) string {
	if l, ok := labels[class]; ok {
		return l
	}
	return strings.ToLower(agreement.ClassName(class))
}

func labelAll(classes []jisrv1.DataClass) string {
	words := make([]string, len(classes))
	for i, c := range classes {
		words[i] = label(c)
	}
	return strings.Join(words, "; ")
}

// letters stand for the reasons in the table.
var letters = []struct {
	reason jisrv1.Withholding_Reason
	letter string
	says   string
}{
	{jisrv1.Withholding_REASON_ROLE_NOT_GRANTED, "r", "the agreement gives this role none of it, ever"},
	{jisrv1.Withholding_REASON_PURPOSE_NOT_GRANTED, "p", "not for the purpose of this call"},
	{jisrv1.Withholding_REASON_LINK_REQUIRED, "l", "needs a link that this agency does not have: to own, to be referred, …"},
	{jisrv1.Withholding_REASON_CONSENT_REQUIRED, "c", "needs the person's consent"},
	{jisrv1.Withholding_REASON_ORDER_REQUIRED, "o", "needs a judge's order"},
	{jisrv1.Withholding_REASON_NOT_AVAILABLE, "n", "not said why: the reason would tell something itself"},
}

func letterOf(r jisrv1.Withholding_Reason) string {
	for _, l := range letters {
		if l.reason == r {
			return l.letter
		}
	}
	return "?"
}

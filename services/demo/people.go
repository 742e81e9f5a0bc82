package demo

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// The people are put together from words for flowers, rivers and trees, and are nobody.

func baghdadCase() *jisrv1.Case {
	return jisrv1.Case_builder{
		CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, Governorate: "IQG08",
		AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
		Core: jisrv1.CaseCore_builder{
			ExploitationForms: []jisrv1.ExploitationForm{jisrv1.ExploitationForm_EXPLOITATION_FORM_SERVITUDE},
			Sectors:           []string{"domestic work"}, PeriodStart: month(9), PeriodEnd: month(0), Urgent: jisrv1.Answer_ANSWER_YES,
		}.Build(),
		Narrative: jisrv1.CaseNarrative_builder{
			Acts:    []jisrv1.TraffickingAct{jisrv1.TraffickingAct_TRAFFICKING_ACT_RECRUITMENT, jisrv1.TraffickingAct_TRAFFICKING_ACT_HARBOURING},
			Means:   []jisrv1.TraffickingMeans{jisrv1.TraffickingMeans_TRAFFICKING_MEANS_DECEPTION},
			Account: "Recruited by an office; passports taken on arrival; no pay and no leave for nine months.",
		}.Build(),
		Screening:  jisrv1.CaseScreening_builder{Indicators: "papers withheld, confinement, debt"}.Build(),
		LegalBases: []*jisrv1.LegalBasis{jisrv1.LegalBasis_builder{Article: "IQ.L28-2012.6", ProposedBy: jisrv1.Role_ROLE_COUNTER_TRAFFICKING}.Build()},
		Plan:       jisrv1.InvestigationPlan_builder{Text: "Search the office; question the driver."}.Build(),
		Sources:    jisrv1.InvestigationSources_builder{Text: "A neighbour who asks not to be named."}.Build(),
		Evidence:   jisrv1.EvidenceSummary_builder{Text: "Two passports, a ledger of debts."}.Build(),
	}.Build()
}

// person returns victim one or two: one writes Arabic, one Sorani.
func person(n int) *jisrv1.Victim {
	p := [...]struct{ original, latin, language, alias, country, band, passport string }{
		{"زهرة الوادي الأزرق", "Zahrat al-Wadi al-Azraq", "ar", "نجمة", "ETH", "21-23", "EP0000017"},
		{"ڕووباری شینی هەنار", "Rûbarî Şînî Henar", "ckb", "ئەستێرە", "IRQ", "24-26", ""},
	}[n]
	name := func(original, latin string) *jisrv1.PersonName {
		return jisrv1.PersonName_builder{Original: original, Transliteration: latin, Language: p.language}.Build()
	}
	return jisrv1.Victim_builder{
		PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM,
		Profile: jisrv1.VictimProfile_builder{
			Sex: jisrv1.Sex_SEX_FEMALE, AgeBand: p.band, Minor: jisrv1.Answer_ANSWER_NO, Languages: []string{p.language},
			InterpreterNeeded: jisrv1.Answer_ANSWER_NO,
		}.Build(),
		Nationality: jisrv1.VictimNationality_builder{Countries: []string{p.country}}.Build(),
		Alias:       jisrv1.VictimAlias_builder{Name: name(p.alias, "")}.Build(),
		Identity:    jisrv1.VictimIdentity_builder{FullName: name(p.original, p.latin)}.Build(),
		Documents:   jisrv1.VictimDocuments_builder{PassportNumber: p.passport, WithheldByAnother: jisrv1.Answer_ANSWER_YES}.Build(),
		Immigration: jisrv1.VictimImmigration_builder{Status: "residence lapsed"}.Build(),
		Screening:   jisrv1.VictimScreening_builder{MethodsOfControl: []string{"withholdsDocuments"}}.Build(),
		Risk:        jisrv1.VictimRisk_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_HIGH, Assessment: "The office knows her family."}.Build(),
	}.Build()
}

func theSuspect(endangers string) *jisrv1.Suspect {
	name := jisrv1.PersonName_builder{Original: "صنوبر النهر الرمادي", Transliteration: "Sanawbar al-Nahr al-Ramadi", Language: "ar"}.Build()
	return jisrv1.Suspect_builder{
		Endangers: []string{endangers},
		Identity:  jisrv1.SuspectIdentity_builder{FullName: name, Nationalities: []string{"IRQ"}, Address: "Karrada, above the office"}.Build(),
		Notice:    jisrv1.SuspectNotice_builder{Name: name, Nationality: "IRQ", Instruction: "Report, do not stop."}.Build(),
		Alert:     jisrv1.SuspectAlert_builder{Relation: "recruiter", NoContact: true, Name: name, Likeness: "tall, grey coat"}.Build(),
	}.Build()
}

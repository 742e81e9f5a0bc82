package jisrtest_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// tell lets an agency tell the named parts of a victim.
func tell(c *jisrtest.Client, v *jisrv1.Victim, paths ...string) (*jisrv1.Victim, error) {
	return c.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask(paths...)}.Build())
}

// retold is the victim as an agency reads it after telling the named parts.
func retold(t testing.TB, c *jisrtest.Client, v *jisrv1.Victim, paths ...string) *jisrv1.Victim {
	t.Helper()
	got(tell(c, v, paths...))(t)
	return got(getVictim(c, v.GetName()))(t)
}

// opened lets an agency open a case of its own, with one victim of whom nothing is told.
func opened(t testing.TB, c *jisrtest.Client, governorate string, under jisrv1.Jurisdiction) (caseName, victim string) {
	t.Helper()
	about := withoutSections()
	about.SetGovernorate(governorate)
	about.SetAdministeringAuthority(under)
	caseName = got(c.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: about}.Build()))(t).GetName()
	person := jisrv1.Victim_builder{PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM}.Build()
	return caseName, got(c.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: caseName, Victim: person}.Build()))(t).GetName()
}

// Whoever may not read a part must not become its author by adding one leaf of
// it: an author reads the whole of what it wrote.
func TestAHospitalDoesNotReadTheWayToTheShelterByAddingItsHour(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	shelter, hospital := p.As(jisrtest.Shelter), p.As(jisrtest.Health)
	draft := draftOf(p, jisrv1.Referral_KIND_MEDICAL_EXAM, hospital.Agency)
	draft.GetReferral().SetLogistics(jisrv1.ReferralLogistics_builder{Text: "ambulance to the house behind the mill"}.Build())
	r := got(shelter.CreateReferral(ctx, draft))(t)
	got(shelter.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName()}.Build()))(t)
	hour := jisrv1.UpdateReferralRequest_builder{
		Referral:   jisrv1.Referral_builder{Name: r.GetName(), Logistics: jisrv1.ReferralLogistics_builder{ArrivalTime: timestamppb.Now()}.Build()}.Build(),
		UpdateMask: mask("logistics.arrival_time"),
	}.Build()
	refused(hospital.UpdateReferral(ctx, hour))(t, fault.ClassNotWritable)
	if seen := got(getReferral(hospital, r.GetName()))(t); seen.HasLogistics() {
		t.Errorf("the hospital reads where the ambulance goes: %v", seen.GetLogistics())
	}
	// The shelter adds the hour to its own words.
	got(shelter.UpdateReferral(ctx, hour))(t)
	if own := got(getReferral(shelter, r.GetName()))(t).GetLogistics(); own.GetText() == "" || !own.HasArrivalTime() {
		t.Errorf("the shelter does not read its own logistics: %v", own)
	}
}

func TestAShelterDoesNotReadTheScreeningByAddingALeaf(t *testing.T) {
	p := baghdad(t)
	police, shelter := policeOf(p), p.As(jisrtest.Shelter)
	got(tell(police, jisrv1.Victim_builder{Name: p.First, Screening: jisrv1.VictimScreening_builder{Note: "what the police noted"}.Build()}.Build(), "screening"))(t)
	placed(t, p)
	refused(tell(shelter, jisrv1.Victim_builder{Name: p.First}.Build(), "screening.recruiter_relations"))(t, fault.ClassNotWritable)
	if got(getVictim(shelter, p.First))(t).HasScreening() {
		t.Error("the shelter reads the screening of the police")
	}
	got(tell(police, jisrv1.Victim_builder{Name: p.First}.Build(), "screening.recruiter_relations"))(t)
	if note := got(getVictim(police, p.First))(t).GetScreening().GetNote(); note == "" {
		t.Error("there is no note that the shelter could have read")
	}
	// Where nobody has screened, the shelter does, and reads what it wrote.
	other := jisrtest.Opened(t, p.Exchange)
	placed(t, other)
	screened := jisrv1.Victim_builder{Name: other.First, Screening: jisrv1.VictimScreening_builder{Note: "what the shelter noted"}.Build()}.Build()
	if !retold(t, shelter, screened, "screening.note").HasScreening() {
		t.Error("the shelter does not read its own screening")
	}
}

func TestTheCommunityPoliceOfACaseDoNotReadWhatTheJudgeToldByAddingALeaf(t *testing.T) {
	p := baghdad(t)
	station, judge := p.As(jisrtest.Community), judgeOf(p)
	c, v := opened(t, station, "IQG08", jisrv1.Jurisdiction_JURISDICTION_FEDERAL)
	got(tell(judge, jisrv1.Victim_builder{
		Name:  v,
		Alias: jisrv1.VictimAlias_builder{Name: jisrv1.PersonName_builder{Original: "نجمة"}.Build()}.Build(), Screening: jisrv1.VictimScreening_builder{Note: "what the judge noted"}.Build(),
	}.Build(), "alias", "screening"))(t)
	got(judge.UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{
		Case: jisrv1.Case_builder{Name: c, Narrative: jisrv1.CaseNarrative_builder{Account: "the judge's account"}.Build()}.Build(), UpdateMask: mask("narrative"),
	}.Build()))(t)
	for _, leaf := range []string{"alias.name.language", "screening.recruiter_relations"} {
		refused(tell(station, jisrv1.Victim_builder{Name: v}.Build(), leaf))(t, fault.ClassNotWritable)
	}
	route := jisrv1.UpdateCaseRequest_builder{Case: jisrv1.Case_builder{Name: c}.Build(), UpdateMask: mask("narrative.route")}.Build()
	refused(station.UpdateCase(ctx, route))(t, fault.ClassNotWritable)
	if seen := got(getVictim(station, v))(t); seen.HasAlias() || seen.HasScreening() {
		t.Errorf("the community police read the judge's words: %v", seen)
	}
	if got(getCase(station, c))(t).HasNarrative() {
		t.Error("the community police read the judge's account")
	}
	if seen := got(getVictim(judge, v))(t); !seen.HasAlias() || !seen.HasScreening() || !got(getCase(judge, c))(t).HasNarrative() {
		t.Error("there is nothing that the community police could have read")
	}
	// In a case where nobody else told anything, the station tells, rereads and mends its own report.
	own, person := opened(t, station, "IQG08", jisrv1.Jurisdiction_JURISDICTION_FEDERAL)
	got(tell(station, jisrv1.Victim_builder{Name: person, Alias: jisrv1.VictimAlias_builder{Name: jisrv1.PersonName_builder{Original: "نجمة"}.Build()}.Build()}.Build(), "alias"))(t)
	if !retold(t, station, jisrv1.Victim_builder{Name: person}.Build(), "alias.name.language").HasAlias() {
		t.Error("the station does not reread its own report")
	}
	route.GetCase().SetName(own)
	got(station.UpdateCase(ctx, route))(t)
}

func TestAsayishDoesNotReadANameByAddingABirthPlace(t *testing.T) {
	p := baghdad(t)
	desk, erbil := p.As(asayish), p.As(jisrtest.Erbil)
	c, v := opened(t, desk, "IQG11", jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION)
	got(desk.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: c, Share: jisrv1.Share_builder{Agency: erbil.Agency}.Build()}.Build()))(t)
	person := jisrtest.Person(0)
	person.SetName(v)
	got(tell(erbil, person, "identity", "alias"))(t)
	for _, leaf := range []string{"identity.birth_place", "identity", "alias.name.language"} {
		refused(tell(desk, jisrv1.Victim_builder{Name: v}.Build(), leaf))(t, fault.ClassNotWritable)
	}
	if seen := got(getVictim(desk, v))(t); seen.HasIdentity() || seen.HasAlias() {
		t.Errorf("Asayish reads a name without an order: %v", seen)
	}
	if !retold(t, erbil, jisrv1.Victim_builder{Name: v}.Build(), "identity.birth_place").HasIdentity() {
		t.Error("there is no name that Asayish could have read")
	}
	// Of a person of whom nobody told a name, the owner of the case may tell one.
	_, nameless := opened(t, desk, "IQG11", jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION)
	person.SetName(nameless)
	got(tell(desk, person, "identity"))(t)
}

// Who may not read a part could only ever wipe it: it cannot know what it replaces.
func TestWhoMayNotReadAPartDoesNotWipeIt(t *testing.T) {
	p := baghdad(t)
	police, residency := policeOf(p), p.As("moi-residency/desk")
	told := jisrv1.Victim_builder{
		Name: p.First, Screening: jisrv1.VictimScreening_builder{Note: "what the police noted"}.Build(),
		Immigration: jisrv1.VictimImmigration_builder{ProtectionClaim: "claimed"}.Build(),
	}.Build()
	got(tell(police, told, "screening", "immigration"))(t)
	p.Order(jisrv1.Order_KIND_ASSIGN, p.Case, func(o *jisrv1.Order) { o.SetAddressees([]string{residency.Agency, "agencies/iom", "agencies/molsa"}) })
	empty := jisrv1.Victim_builder{Name: p.First}.Build()
	refused(tell(residency, empty, "immigration"))(t, fault.ClassNotWritable)
	refused(tell(p.As(jisrtest.NGO), empty, "screening"))(t, fault.ClassNotWritable)
	refused(tell(p.As(jisrtest.Shelter), told, "screening"))(t, fault.ClassNotWritable)
	seen := got(getVictim(police, p.First))(t)
	if seen.GetScreening().GetNote() == "" || seen.GetImmigration().GetProtectionClaim() == "" {
		t.Errorf("what the police told is gone: %v", seen)
	}
	// Whom the police told nothing of, the same agencies do tell of, and who reads a part may empty it.
	told.SetName(p.Second)
	got(tell(residency, told, "immigration"))(t)
	got(tell(p.As(jisrtest.NGO), told, "screening"))(t)
	if retold(t, police, empty, "screening").GetScreening().GetNote() != "" {
		t.Error("the police cannot empty what they read")
	}
}

// An agency that mends one leaf of what another wrote has not written the rest,
// and so takes nothing of it along when its own link ends.
func TestTheWordsOfSeveralAreNobodysToKeep(t *testing.T) {
	p := baghdad(t)
	r := placed(t, p)
	shelter := p.As(jisrtest.Shelter)
	mended := jisrv1.Victim_builder{
		Name: p.First, Risk: jisrv1.VictimRisk_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_LOW}.Build(),
		Health: jisrv1.VictimHealth_builder{Text: "what the counsellor wrote"}.Build(),
	}.Build()
	if v := retold(t, shelter, mended, "risk.level", "health"); v.GetRisk().GetAssessment() == "" {
		t.Error("the shelter does not read the risk that it mends")
	}
	got(shelter.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)
	v := got(getVictim(shelter, p.First))(t)
	if v.HasRisk() {
		t.Errorf("the shelter took the assessment of the police along: %v", v.GetRisk())
	}
	if !v.HasHealth() {
		t.Error("the shelter does not keep what it wrote alone")
	}
	if risk := got(getVictim(policeOf(p), p.First))(t).GetRisk(); risk.GetAssessment() == "" || risk.GetLevel() != jisrv1.RiskLevel_RISK_LEVEL_LOW {
		t.Errorf("the police read %v", risk)
	}
}

// To be told of a case is not to work on it: whoever was merely notified answers
// what it was told for, and the rest stays as those told it whose it is to tell.
func TestWhoWasMerelyToldTellsNothingThatIsOthersToTell(t *testing.T) {
	p := baghdad(t)
	shelter, erbil, mofa, residency := p.As(jisrtest.Shelter), p.As(jisrtest.Erbil), consular(p), p.As("moi-residency/desk")
	p.Notify(jisrtest.Shelter, jisrtest.Erbil, jisrtest.Foreign, "moi-residency/desk")
	countries := jisrv1.Victim_builder{Name: p.First, Nationality: jisrv1.VictimNationality_builder{Countries: []string{"PHL"}}.Build()}.Build()
	crime := jisrv1.UpdateCaseRequest_builder{Case: jisrv1.Case_builder{Name: p.Case, CrimeType: jisrv1.Case_CRIME_TYPE_SMUGGLING_OF_MIGRANTS}.Build(), UpdateMask: mask("crime_type")}.Build()
	person := jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrv1.Victim_builder{PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM}.Build()}.Build()
	suspect := func(endangers ...string) *jisrv1.CreateSuspectRequest {
		return jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: jisrv1.Suspect_builder{Endangers: endangers}.Build()}.Build()
	}
	for _, c := range []*jisrtest.Client{shelter, erbil, mofa} {
		refused(tell(c, countries, "nationality"))(t, fault.ClassNotWritable)
	}
	refused(erbil.UpdateCase(ctx, crime))(t, fault.ClassNotWritable)
	refused(shelter.CreateVictim(ctx, person))(t, fault.ClassNotWritable)
	refused(erbil.CreateVictim(ctx, person))(t, fault.ClassNotWritable)
	refused(erbil.CreateSuspect(ctx, suspect(p.First)))(t, fault.ClassNotWritable)
	refused(erbil.CreateSuspect(ctx, suspect()))(t, fault.ClassNotWritable)
	refused(alerted(erbil, p))(t, fault.ClassNotWritable)
	refused(erbil.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{Agency: shelter.Agency}.Build()}.Build()))(t, fault.TransitionNotAllowed)
	if v := got(getVictim(policeOf(p), p.First))(t); v.GetNationality().GetCountries()[0] != "ETH" {
		t.Errorf("the police read the nationality %v", v.GetNationality())
	}
	// What they were told for they answer, and mend their own answer.
	for range 2 {
		got(tell(mofa, jisrv1.Victim_builder{Name: p.First, Consular: jisrv1.VictimConsular_builder{}.Build()}.Build(), "consular"))(t)
		got(tell(residency, jisrv1.Victim_builder{Name: p.First, ImmigrationHold: jisrv1.ImmigrationHold_builder{}.Build()}.Build(), "immigration_hold"))(t)
	}
	// Given a share, the police of Erbil work on the case.
	share(t, p, jisrv1.Share_builder{Agency: erbil.Agency}.Build())
	got(tell(erbil, countries, "nationality"))(t)
	got(erbil.CreateVictim(ctx, person))(t)
	got(erbil.CreateSuspect(ctx, suspect(p.First)))(t)
}

package agreement

import (
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// TestRefused changes the shipped agreement in one way each and names the mistake.
func TestRefused(t *testing.T) {
	cell := func(class string, role string) func(*jisrv1.Agreement) *jisrv1.ClassCell {
		return func(a *jisrv1.Agreement) *jisrv1.ClassCell {
			for _, c := range a.GetClasses() {
				if ClassName(c.GetDataClass()) == class {
					for _, cell := range c.GetCells() {
						if RoleName(cell.GetRole()) == role {
							return cell
						}
					}
				}
			}
			panic("no such cell")
		}
	}
	const (
		never  = jisrv1.Condition_CONDITION_NEVER
		always = jisrv1.Condition_CONDITION_ALWAYS
		order  = jisrv1.Condition_CONDITION_ORDER
	)
	for name, c := range map[string]struct {
		change func(*jisrv1.Agreement)
		want   string
	}{
		"operations sees a reference": {func(a *jisrv1.Agreement) {
			cell("REFERENCE", "operations")(a).SetRead([]jisrv1.Condition{always})
		}, "operations opens no class"},
		"operations tells": {func(a *jisrv1.Agreement) {
			cell("CASE_CORE", "operations")(a).SetWrite([]jisrv1.Condition{always})
		}, "operations opens no class"},
		"operations on the shelf": {func(a *jisrv1.Agreement) {
			a.GetRecords()[0].GetCells()[18].SetLinks([]jisrv1.Link{jisrv1.Link_LINK_OWNER})
		}, "operations never knows"},
		"never beside another": {func(a *jisrv1.Agreement) {
			cell("CASE_CORE", "health")(a).SetRead([]jisrv1.Condition{never, always})
		}, "CONDITION_NEVER stands alone"},
		"no condition": {func(a *jisrv1.Agreement) { cell("CASE_CORE", "health")(a).SetRead(nil) }, "no condition"},
		"condition twice": {func(a *jisrv1.Agreement) {
			cell("CASE_CORE", "health")(a).SetRead([]jisrv1.Condition{always, always})
		}, "there twice"},
		"unknown condition": {func(a *jisrv1.Agreement) {
			cell("CASE_CORE", "health")(a).SetRead([]jisrv1.Condition{77})
		}, "not a value of the contract"},
		"order to tell": {func(a *jisrv1.Agreement) {
			cell("CASE_CORE", "health")(a).SetWrite([]jisrv1.Condition{order})
		}, "an order opens a class for reading only"},
		"consent to nothing": {func(a *jisrv1.Agreement) { cell("CASE_CORE", "health")(a).SetConsent(true) }, "never read"},
		"no reason":          {func(a *jisrv1.Agreement) { cell("CASE_CORE", "health")(a).SetReasons(nil) }, "no reason"},
		"monitor sees parties": {func(a *jisrv1.Agreement) {
			cell("CASE_PARTIES", "human_rights")(a).SetRead([]jisrv1.Condition{always})
		}, "sees no parties"},
		"cell twice": {func(a *jisrv1.Agreement) {
			c := a.GetClasses()[3]
			c.SetCells(append(c.GetCells(), c.GetCells()[0]))
		}, "there twice"},
		"class twice":   {func(a *jisrv1.Agreement) { a.SetClasses(append(a.GetClasses(), a.GetClasses()[0])) }, "there twice"},
		"rpc twice":     {func(a *jisrv1.Agreement) { a.SetRpcs(append(a.GetRpcs(), a.GetRpcs()[0])) }, "there twice"},
		"record twice":  {func(a *jisrv1.Agreement) { a.SetRecords(append(a.GetRecords(), a.GetRecords()[0])) }, "there twice"},
		"reason twice":  {func(a *jisrv1.Agreement) { a.SetReasons(append(a.GetReasons(), a.GetReasons()[0])) }, "there twice"},
		"agency twice":  {func(a *jisrv1.Agreement) { a.SetAgencies(append(a.GetAgencies(), a.GetAgencies()[0])) }, "there twice"},
		"unknown class": {func(a *jisrv1.Agreement) { a.GetClasses()[0].SetDataClass(63) }, "not a value of the contract"},
		"unknown link": {func(a *jisrv1.Agreement) {
			a.GetRecords()[0].GetCells()[0].SetLinks([]jisrv1.Link{31})
		}, "not a value of the contract"},
		"oversight without it": {func(a *jisrv1.Agreement) {
			a.GetRecords()[0].GetCells()[0].SetLinks([]jisrv1.Link{jisrv1.Link_LINK_OVERSIGHT})
		}, "for roles that have oversight"},
		"unknown record": {func(a *jisrv1.Agreement) { a.GetRecords()[0].SetRecord("Diary") }, "no such record"},
		"rpc for nobody and somebody": {func(a *jisrv1.Agreement) { a.GetRpcs()[0].SetNobody(true) },
			"either roles or nobody"},
		"ask whom": {func(a *jisrv1.Agreement) { a.GetClasses()[0].GetAsk()[0].SetAgency("nowhere") }, "no such agency"},
		"purpose of everything and something": {func(a *jisrv1.Agreement) {
			a.GetPurposes()[0].SetClasses([]jisrv1.DataClass{1})
		}, "either every_class or classes"},
		"role without purpose":      {func(a *jisrv1.Agreement) { a.GetRoles()[0].SetPurposes(nil) }, "no purpose"},
		"referral without receiver": {func(a *jisrv1.Agreement) { a.GetReferrals()[0].SetReceivers(nil) }, "no receiver"},
		"answer with what is not read": {func(a *jisrv1.Agreement) {
			a.SetAnswers(append(a.GetAnswers(), jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION))
		}, "answers: DATA_CLASS_VICTIM_LOCATION is opened by no notification"},
		"referral by consent to nothing": {func(a *jisrv1.Agreement) {
			terms(a, jisrv1.Referral_KIND_LEGAL_AID).SetPurposes(nil)
		}, "KIND_LEGAL_AID: purposes: name at least one"},
		"referral by a purpose and no consent": {func(a *jisrv1.Agreement) {
			terms(a, jisrv1.Referral_KIND_INTERPRETER).SetPurposes([]jisrv1.Purpose{jisrv1.Purpose_PURPOSE_ASSISTANCE})
		}, "KIND_INTERPRETER: purposes: name none"},
		"referral by consent to what its receiver may not do": {func(a *jisrv1.Agreement) {
			terms(a, jisrv1.Referral_KIND_PSYCHOSOCIAL).SetPurposes([]jisrv1.Purpose{jisrv1.Purpose_PURPOSE_REINTEGRATION})
		}, "ROLE_HEALTH may call for none of them"},
		"referral by unknown order": {func(a *jisrv1.Agreement) { a.GetReferrals()[0].SetOrder(55) }, "order"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := shippedMessage(t)
			c.change(msg)
			mustMiss(t, msg, c.want)
		})
	}
}

func terms(a *jisrv1.Agreement, kind jisrv1.Referral_Kind) *jisrv1.ReferralTerms {
	for _, t := range a.GetReferrals() {
		if t.GetKind() == kind {
			return t
		}
	}
	return nil
}
